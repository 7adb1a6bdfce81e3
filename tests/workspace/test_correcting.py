"""Corrections by file: a model that was corrected is that of a fresh fit on the corrected table, bit for bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import expunge
from expunge.errors import (
    DuplicateRecordError,
    InvalidDataError,
    InvalidRequestError,
    UnknownRecordError,
)
from workspace.test_growing import live, people

METHODS: dict[str, dict[str, Any]] = {
    "sums": {"method": "gaussian-nb", "bare": True},
    "shards": {"method": "sisa", "options": {"n_shards": 2}},
}


def corrected(rows: dict[str, dict[str, Any]]) -> pd.DataFrame:
    frame = people()
    for record, values in rows.items():
        frame.loc[frame["id"] == record, list(values)] = list(values.values())
    return frame


@pytest.mark.parametrize(("kind", "names"), [("csv", ("sums", "shards")), ("parquet", ("sums",))])
def test_columns_of_some_records_are_corrected_in_every_model(
    tmp_path: Path, kind: str, names: tuple[str, ...]
) -> None:
    def write(frame: pd.DataFrame, name: str) -> Path:
        path = tmp_path / f"{name}.{kind}"
        frame.to_csv(path, index=False) if kind == "csv" else frame.to_parquet(path, index=False)
        return path

    frame = people().assign(born=pd.Timestamp("1980-02-03"))
    ws = expunge.Workspace.init(tmp_path / "ws")
    ws.data_add(write(frame, "people"), record_id="id", subject_id="person")
    for name in names:
        ws.fit(name, data="people", target="label", ignore=["born"], **METHODS[name])
    corrections = {"r003": {"age": 33, "label": "yes"}, "r050": {"age": 70, "label": "no"}}
    rows = pd.DataFrame([{"id": record, **values} for record, values in corrections.items()])
    (answer,) = ws.rectify(write(rows, "right"), data="people")
    assert [model["records"] for model in answer.models] == [2] * len(names)
    right = corrected(corrections).assign(born=pd.Timestamp("1980-02-03"))
    ws.data_add(write(right, "whole"), record_id="id", subject_id="person")
    for name in names:
        ws.fit(f"fresh {name}", data="whole", target="label", ignore=["born"], **METHODS[name])
        assert live(ws, name).digest() == live(ws, f"fresh {name}").digest(), name
    assert ws.verify(answer.receipt, replay=True)
    assert "corrected" in "\n".join(answer.lines())
    # what no model reads is corrected in the data alone; dates survive the queue
    one = pd.DataFrame([{"id": "r004", "born": pd.Timestamp("1999-01-01")}])
    (answer,) = ws.rectify(write(one, "date"), data="people")
    assert (answer.models, answer.request.state) == ((), "done")
    # the person of a record is corrected, too
    other = pd.DataFrame([{"id": "r000", "person": "p9"}])
    ws.rectify(write(other, "owner"), data="people")
    assert [one.records for one in ws.find(subjects=["p9"], data="people")] == [4] * (1 + len(names))
    assert ws.verify()


def test_a_correction_that_makes_no_sense_is_refused_and_nothing_is_taken_in(tmp_path: Path) -> None:
    people().to_csv(tmp_path / "people.csv", index=False)
    ws = expunge.Workspace.init(tmp_path / "ws")
    ws.data_add(tmp_path / "people.csv", record_id="id", subject_id="person")
    ws.fit("sums", data="people", target="label", method="gaussian-nb", bare=True)
    ws.data_add(tmp_path / "people.csv", record_id="id", name="elsewhere", reference=True)
    before = live(ws, "sums").digest()
    wrong: list[tuple[str, str, type[Exception], str]] = [
        ("people", "id,age\nr999,3\n", UnknownRecordError, "r999"),
        ("people", "id,age\nr001,3\nr999,3\n", UnknownRecordError, "r999"),
        ("people", "id,age\nr001,3\nr001,4\n", DuplicateRecordError, "twice"),
        ("people", "id,agee\nr001,3\n", InvalidDataError, "no column 'agee'"),
        ("people", "age,size\n3,3\n", InvalidDataError, "no column 'id'"),
        ("people", "id\nr001\n", InvalidRequestError, "nothing that is right"),
        ("people", "id,age\nr001,old\n", InvalidDataError, "no finite number"),
        ("people", "id,label\nr001,\n", InvalidDataError, "no target"),
        ("elsewhere", "id,age\nr001,3\n", InvalidRequestError, "lie elsewhere"),
    ]
    for data, text, kind, words in wrong:
        (tmp_path / "wrong.csv").write_text(text)
        with pytest.raises(kind, match=words):
            ws.rectify(tmp_path / "wrong.csv", data=data)
    assert ws.request_list(every=True) == []
    assert live(ws, "sums").digest() == before
    assert ws.verify()

"""Nothing left: every byte of the workspace is searched, before and after."""

from __future__ import annotations

import base64
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import expunge
from expunge.workspace.requests.request_queue import Wish
from workspace.searching import search

TEXT = "canary-7f3a9c51e2d8b84e6"
PERSON, RECORD = "person-4c9b7e21f05d83", "record-e6a1380b5d97f2"
#: A multiple of 2**-32 (so that exact sums hold it as it is) that float32 does not hold, and one that it does.
NUMBER, SHORT, LABEL = 731.3849257812345 // 2**-32 * 2**-32, 613.59161376953125, "label-91c44d0e7ab2"
CANARIES: dict[str, str | float] = {
    "text": TEXT, "person": PERSON, "record": RECORD, "number": NUMBER, "short": SHORT, "label": LABEL,
}  # fmt: skip


def people(n: int = 160) -> pd.DataFrame:
    """A table in which one record, of one person, holds the canaries; its class has no other record."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "id": [f"r{i:03d}" for i in range(n)],
            "person": [f"p{i // 2}" for i in range(n)],
            "job": rng.choice(["baker", "smith", "nurse"], n),
            "height": np.round(rng.normal(170, 10, n), 2),
            "single": np.round(rng.normal(10, 3, n), 2).astype(np.float32),
            "label": rng.choice(["yes", "no"], n),
        }
    )
    frame.loc[7, ["id", "person", "job", "height", "label"]] = [RECORD, PERSON, TEXT, NUMBER, LABEL]
    frame.loc[7, "single"] = np.float32(SHORT)
    return frame


CELLS = [float(value) for name in ("height", "single") for value in people()[name]]


@pytest.fixture
def workspace(tmp_path: Path) -> expunge.Workspace:
    people().to_csv(tmp_path / "people.csv", index=False)
    people().to_parquet(tmp_path / "typed.parquet", index=False)
    ws = expunge.Workspace.init(tmp_path / "ws")
    ws.data_add(tmp_path / "people.csv", record_id="id", subject_id="person")
    ws.data_add(tmp_path / "typed.parquet", record_id="id", subject_id="person")
    ws.data_add(tmp_path / "people.csv", record_id="id", subject_id="person", name="referred", reference=True)
    ws.fit("shards", data="people", target="label", method="sisa", options={"n_shards": 3})
    ws.fit("trees", data="typed", target="label", method="retrain", estimator="hist-gradient-boosting")
    ws.fit("sums", data="typed", target="label", method="gaussian-nb", ignore=["job"], bare=True)
    ws.fit("far", data="referred", target="label", method="sisa", options={"n_shards": 2})
    ws.predict("shards", tmp_path / "people.csv", keep="scores.csv")
    ws.predict("sums", _without(tmp_path, "job"), keep="scores.parquet")
    return ws


def _without(folder: Path, column: str) -> Path:
    path = folder / "without.parquet"
    people().drop(columns=column).to_parquet(path, index=False)
    return path


def _leave_behind(ws: expunge.Workspace) -> None:
    """Work aside in the forms that libraries choose; a killed process leaves such files."""
    tmp = ws.path / "tmp"
    (tmp / "sheet.txt").write_text(f"{TEXT};{NUMBER!r};{PERSON}", encoding="utf-16-le")
    (tmp / "cache").mkdir(exist_ok=True)
    (tmp / "cache" / "memo.json").write_bytes(
        base64.b64encode(b"xx" + TEXT.encode()) + b" " + TEXT.encode().hex().encode()
    )
    (tmp / "single.bin").write_bytes(np.array([SHORT], dtype="<f4").tobytes())
    (ws.path / "keys" / ".expunge-half.tmp").write_text(RECORD)


def test_no_byte_of_a_forgotten_person_is_left(workspace: expunge.Workspace) -> None:
    _leave_behind(workspace)
    before = search(workspace.path, CANARIES, CELLS)
    wanted = {
        ("text", "utf-8"), ("text", "utf-16-le"), ("person", "utf-8"), ("person", "utf-16-le"), ("record", "utf-8"),
        ("number", "float64"), ("number", "decimal utf-8"), ("number", "decimal utf-16-le"), ("number", "limbs"),
        ("short", "float32"), ("label", "utf-8"), ("label", "utf-32-le"),
    }  # fmt: skip
    assert wanted - before.keys() == set()
    assert {path.split("/")[0] for paths in before.values() for path in paths} >= {"chunks", "tmp", "predictions"}
    # the person's id stands in one more place while a request is open, sealed: nowhere in the database
    assert not any("ledger.db" in path for paths in before.values() for path in paths)

    workspace.request_add([Wish(kind="subject", values=(PERSON,))])
    during = search(workspace.path, CANARIES, CELLS)
    assert not any("ledger.db" in path for paths in during.values() for path in paths)

    answers = workspace.forget(subjects=[PERSON])
    assert [answer.request.state for answer in answers] == ["done"]
    assert len(answers[0].models) == 4
    assert search(workspace.path, CANARIES, CELLS) == {}
    assert workspace.verify()
    workspace.close()
    assert search(workspace.path, CANARIES, CELLS) == {}


def test_records_classes_columns_and_corrections_leave_nothing_either(
    workspace: expunge.Workspace, tmp_path: Path
) -> None:
    workspace.forget(features=["job"])
    found = search(workspace.path, {"text": TEXT})
    assert found == {}
    corrected = people().iloc[[7]].assign(height=171.0, single=np.float32(9.0))
    corrected.drop(columns="job").to_parquet(tmp_path / "corrected.parquet", index=False)
    (answer,) = workspace.rectify(tmp_path / "corrected.parquet", data="typed")
    assert answer.request.state == "done"
    # the CSV data set was not corrected: text stays text there, and the request was for the other one
    left = search(workspace.path, {"number": NUMBER, "short": SHORT}, CELLS)
    assert {form for _, form in left} <= {"decimal utf-8", "float64"}
    workspace.forget(classes=[LABEL])
    assert search(workspace.path, CANARIES, CELLS) == {}


def test_the_search_finds_what_is_planted(tmp_path: Path) -> None:
    """Each form by itself, so that an empty search means something."""
    import gzip
    import zipfile

    data = TEXT.encode()
    (tmp_path / "plain").write_bytes(b"\0" + data)
    (tmp_path / "hex").write_bytes(data.hex().encode())
    (tmp_path / "base64").write_bytes(base64.b64encode(b"z" + data))
    (tmp_path / "gzip").write_bytes(gzip.compress(data))
    with zipfile.ZipFile(tmp_path / "zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a", gzip.compress(data))
    pd.DataFrame({"a": [TEXT]}).to_parquet(tmp_path / "parquet", compression="zstd")
    found = search(tmp_path, {"text": TEXT})
    assert found[("text", "utf-8")] == {"plain", "hex", "base64", "gzip", "zip", "parquet"}


def test_a_float32_is_found_where_it_is_left_and_not_where_weights_give_its_bytes_by_chance(tmp_path: Path) -> None:
    table = people()[["height", "single"]].to_numpy(np.float32)
    rng = np.random.default_rng(0)
    left = {
        "rows": table,
        "columns": table.T,
        "big": table.astype(">f4"),
        "column": table[::-1, 1],
        "alone": table[7:8, 1],
    }
    for name, array in left.items():
        (tmp_path / name).write_bytes(b"header" + array.tobytes() if name != "alone" else array.tobytes())
    (tmp_path / "sliced").write_bytes(rng.bytes(50) + table[6:9].tobytes() + rng.bytes(50))
    for name, kind in (("weights", "<f4"), ("big weights", ">f4")):
        weights = rng.normal(size=40).astype(kind)
        weights[[0, 20, 39]] = SHORT  # as chance would have it, first and last too
        weights[[5, 6]] = SHORT, 0.0
        (tmp_path / name).write_bytes(weights.tobytes())
    found = search(tmp_path, {"number": NUMBER, "short": SHORT}, CELLS)
    assert found.pop(("short", "float32, big-endian")) == {"big"}
    assert found.pop(("number", "float32, big-endian")) == {"big"}
    assert found.pop(("short", "float32")) == {"rows", "columns", "column", "alone", "sliced"}
    assert found.pop(("number", "float32")) == {"rows", "columns", "sliced"}
    assert found == {}
    (tmp_path / "one row").write_bytes(rng.bytes(9) + table[7].tobytes())  # its cells are each other's neighbours
    assert "one row" in search(tmp_path, {"number": NUMBER, "short": SHORT})[("short", "float32")]

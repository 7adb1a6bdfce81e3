"""Tables: what a file may look like, what its columns become, and what is refused with which sentence."""

from __future__ import annotations

import datetime
import gzip
import random
import sqlite3
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from expunge.errors import (
    ExpungeError,
    InvalidDataError,
    InvalidIdError,
    InvalidParameterError,
    InvalidRequestError,
)
from expunge.workspace.tabular.columns import parse_label
from expunge.workspace.tabular.reading import read_rows
from expunge.workspace.tabular.schema import MOST_CLASSES, Schema, choose_schema
from expunge.workspace.tabular.tables import read_ids, read_table, write_table


@pytest.fixture
def csv(tmp_path: Path) -> Any:
    def write(text: str | bytes) -> Path:
        path = tmp_path / "tabelle-é.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
        return path

    return write


def schema_of(path: Path, **options: Any) -> Schema:
    given = {"record_id": "id", "target": "y"} | options
    return choose_schema(read_table(path), **given)


# ---------------------------------------------------------------- files


def test_cells_stay_as_they_are_written(csv: Any) -> None:
    table = read_table(csv('id,größe,y\r\n007,"a, ""b""\nc",NA\r\n٣,, x \r\n'))
    assert table.to_pydict() == {"id": ["007", "٣"], "größe": ['a, "b"\nc', ""], "y": ["NA", " x "]}


def test_a_byte_order_mark_is_no_part_of_the_first_name(csv: Any) -> None:
    assert read_table(csv(b"\xef\xbb\xbfid,y\n1,2\n")).column_names == ["id", "y"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (b"id,y\n", "has no rows"),
        (b"id,y\n1,\xff\n", "byte 7, in line 2, is 0xff"),
        (b"id;y\n1;2\n", "Is the delimiter ';'?"),
        (b"id,y,y\n1,2,3\n", "two columns 'y'"),
        (b"id,y\n1,2\n3,4,5\n", "Row 2 of"),
        (b"id,,y\n1,2,3\n", "Column 2 of"),
        (b",id,y\n0,1,2\n", "unless index=False"),
        ("id,y\n1,ä\n".encode("utf-16-le"), "--encoding utf-16-le"),
        ("id,y\n1,a\n".encode("utf-16-be"), "--encoding utf-16-be"),
        (b"id,y\n1\n", "has 1 cells, not 2"),
        (b'id,y\n1,"2\n3,4\n', "one is never closed"),
        (b"PK\x03\x04", "spreadsheet or archive"),
        (b"PAR1 but not really", "no Parquet file"),
    ],
)
def test_bad_files_are_one_sentence(csv: Any, content: bytes, words: str) -> None:
    with pytest.raises(InvalidDataError) as caught:
        read_table(csv(content))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_is_no_text_is_not_said_to_be_in_another_encoding(csv: Any, tmp_path: Path) -> None:
    noise = random.Random(0).randbytes(4_000)
    with sqlite3.connect(tmp_path / "people.db") as connection:
        connection.execute("CREATE TABLE people (id, name)")
    connection.close()
    quiet = bytes(byte for byte in noise if byte)
    for content in (noise, (tmp_path / "people.db").read_bytes(), b"id,y\n1,\0\n", quiet):
        what = "control characters" if content is quiet else "NUL bytes"
        for read in (read_table, read_ids):
            with pytest.raises(InvalidDataError, match=f" is no text: it holds {what}. Give text, or a table as Parq"):
                read(csv(content))
    with pytest.raises(InvalidDataError, match="is no text"):
        read_table(csv(noise), encoding="latin-1")


def test_missing_files_and_folders_are_named(tmp_path: Path) -> None:
    for path in (tmp_path / "nirgends.csv", tmp_path):
        with pytest.raises(ExpungeError, match="Cannot read") as caught:
            read_table(path)
        assert caught.value.code == "file-not-usable"


def test_a_cell_may_be_larger_than_a_block_of_the_parser(csv: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    path = csv(f"id,text\n1,a\n2,{'x' * 3_000_000}\n3,b\n")
    assert list(map(len, read_table(path)["text"].to_pylist())) == [1, 3_000_000, 1]
    monkeypatch.setattr("expunge.workspace.tabular.tables._MOST", 2**21)
    with pytest.raises(InvalidDataError, match=r"A row of .* is larger than 1 MiB. Give a table"):
        read_table(path)


def test_another_delimiter(csv: Any) -> None:
    assert read_table(csv("id;y\n1;2,5\n"), delimiter=";").to_pydict() == {"id": ["1"], "y": ["2,5"]}
    with pytest.raises(InvalidParameterError, match="one ASCII character"):
        read_table(csv("id;y\n1;2\n"), delimiter=";;")


@pytest.mark.parametrize("delimiter", ["\t", "\\t", "tab"])
def test_a_tab_can_be_typed(csv: Any, delimiter: str) -> None:
    assert read_table(csv("id\ty\n1\t2\n"), delimiter=delimiter).to_pydict() == {"id": ["1"], "y": ["2"]}
    with pytest.raises(InvalidDataError, match="Give --delimiter tab"):
        read_table(csv("id\ty\n1\t2\n"))


@pytest.mark.parametrize("delimiter", ['"', "\n", "\0", "é", "\ud800"])
def test_what_cannot_be_a_delimiter_is_refused(csv: Any, delimiter: str) -> None:
    with pytest.raises(InvalidParameterError, match="one ASCII character"):
        read_table(csv("id,y\n1,2\n"), delimiter=delimiter)


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-16", "utf-16-le", "utf-32", "utf-8", "utf-8-sig"])
def test_another_encoding_is_read_when_named(csv: Any, encoding: str) -> None:
    path = csv("id,größe\nä,süß\n".encode(encoding))
    assert read_table(path, encoding=encoding).to_pydict() == {"id": ["ä"], "größe": ["süß"]}


@pytest.mark.parametrize(
    ("written", "proposed"),
    [("latin-1", "latin-1"), ("cp1252", "cp1252"), ("utf-16", "utf-16"), ("utf-32", "utf-32")],
)
def test_an_encoding_that_was_not_named_is_proposed(csv: Any, written: str, proposed: str) -> None:
    text = "id,größe\nä,süß\n" + ("1,5 €\n" if written == "cp1252" else "")
    path = csv(text.encode(written))
    with pytest.raises(InvalidDataError, match=f"is not UTF-8 text.*--encoding {proposed}\\.") as caught:
        read_table(path)
    assert "\n" not in str(caught.value)
    assert read_table(path, encoding=proposed)["größe"][0].as_py() == "süß"  # the proposal works


def test_a_wrong_or_unknown_encoding_is_one_sentence(csv: Any) -> None:
    path = csv("id,y\nä,2\n".encode("latin-1"))
    for unknown in ("utf-9", "rot13", "base64", ""):
        with pytest.raises(ExpungeError) as caught:
            read_table(path, encoding=unknown)
        assert "\n" not in str(caught.value)
    with pytest.raises(InvalidDataError, match="is not ascii text: byte 5, in line 2, is 0xe4"):
        read_table(path, encoding="ascii")
    with pytest.raises(InvalidDataError, match="is not utf-16 text"):
        read_table(path, encoding="utf-16")


def test_files_packed_by_gzip_are_read_as_what_they_hold(tmp_path: Path) -> None:
    plain = "id,größe\n007,süß\n".encode()
    path = tmp_path / "t.csv.gz"
    path.write_bytes(gzip.compress(plain))
    assert read_table(path).to_pydict() == {"id": ["007"], "größe": ["süß"]}
    path.write_bytes(gzip.compress("id,größe\n007,süß\n".encode("utf-16")))
    assert read_table(path, encoding="utf-16").to_pydict() == {"id": ["007"], "größe": ["süß"]}
    path.write_bytes(gzip.compress(parquet(tmp_path / "p", id=[1], y=[2]).read_bytes()))
    assert read_table(path).to_pydict() == {"id": [1], "y": [2]}
    packed = gzip.compress(plain * 50)
    for damaged in (packed[:-9], packed[:5], packed[:20] + bytes(10) + packed[30:]):
        path.write_bytes(damaged)
        with pytest.raises(InvalidDataError, match="packed by gzip, and is cut off or damaged"):
            read_table(path)
    path.write_bytes(gzip.compress(b""))
    with pytest.raises(InvalidDataError, match="is empty"):
        read_table(path)
    with tarfile.open(path, "w:gz") as archive:
        archive.add(tmp_path / "p", "p")
    with pytest.raises(InvalidDataError, match="spreadsheet or archive"):
        read_table(path)


# ---------------------------------------------------------------- what columns are


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (["1", "2.5", "-3e-7", "", ".5"], "number"),
        (["007", "12"], "text"),  # a code
        (["0", "0.5", "-0.0"], "number"),
        (["a", "b"], "text"),
        (["", ""], "text"),
        (["NA", "nan"], "text"),  # only the empty cell is missing
        (["a", "b", "1"], "text"),
        (["1_000", "1"], None),
        (["1", "2", "NaN"], None),
        (["inf", "inf", "inf", "1"], None),
        (["1", "2", "viel"], None),
    ],
)
def test_types_are_inferred_or_refused_never_guessed(csv: Any, cells: list[str], kind: str | None) -> None:
    path = csv("id,x,y\n" + "".join(f"r{i},{cell},ja\n" for i, cell in enumerate(cells)))
    if kind is None:
        with pytest.raises(InvalidDataError, match="holds numbers, but record 'r"):
            schema_of(path)
        assert schema_of(path, columns={"x": "text"}).columns == {"x": "text"}
    else:
        assert schema_of(path).columns == {"x": kind}


@pytest.mark.parametrize("cells", [["2,5", "1,25"], ["2,5", "3"], ["1.234,5", ""], ["-0,5", "7"]])
def test_a_decimal_comma_is_no_category(tmp_path: Path, cells: list[str]) -> None:
    path = tmp_path / "t.csv"
    path.write_text("id;x;y\n" + "".join(f"r{i};{cell};ja\n" for i, cell in enumerate(cells)), encoding="utf-8")
    table = read_table(path, delimiter=";")
    with pytest.raises(InvalidDataError, match=r"decimal comma, as '.*,.*'\. Write a point"):
        choose_schema(table, record_id="id", target="y")
    assert choose_schema(table, record_id="id", target="y", columns={"x": "text"}).columns == {"x": "text"}


def test_ids_and_labels_beyond_53_bits_stay_what_they_are(tmp_path: Path, csv: Any) -> None:
    """A float would take the two for one."""
    near = [2**53, 2**53 + 1]
    path = csv("id,x,p,y\n" + "".join(f"{i},1,{i},{i}\n" for i in near))
    rows = read_rows(read_table(path), schema_of(path, subject_id="p", task="classification"))
    assert rows.ids == rows.subjects == rows.y == [str(i) for i in near]
    path = parquet(tmp_path / "t.parquet", id=near, x=[1, 2], p=near, y=near)
    rows = read_rows(read_table(path), schema_of(path, subject_id="p", task="classification"))
    assert rows.ids == rows.subjects == rows.y == near


def test_a_missing_number_is_nan_and_a_missing_text_is_empty(csv: Any) -> None:
    path = csv("id,x,t,y\n1,,,ja\n2,3,a,nein\n")
    rows = read_rows(read_table(path), schema_of(path))
    assert np.isnan(rows.X["x"][0])
    assert rows.X["x"][1] == 3.0
    assert rows.X["t"].tolist() == ["", "a"]
    assert rows.y == ["ja", "nein"]


def test_the_empty_subject_is_nobody(csv: Any) -> None:
    path = csv("id,x,p,y\n1,1,,ja\n2,3,007,nein\n")
    assert read_rows(read_table(path), schema_of(path, subject_id="p")).subjects == [None, "007"]


def test_task_follows_from_the_target_unless_given(csv: Any) -> None:
    def task(targets: list[str], **options: Any) -> tuple[str, str]:
        path = csv("id,x,y\n" + "".join(f"{i},1,{target}\n" for i, target in enumerate(targets)))
        schema = schema_of(path, **options)
        return schema.task, schema.target_kind

    assert task(["ja", "nein"]) == ("classification", "text")
    assert task(["0", "1"]) == ("classification", "text")
    assert task(["007", "008"]) == ("classification", "text")
    assert task(["0.5", "1"]) == ("regression", "number")
    assert task([str(i) for i in range(MOST_CLASSES)]) == ("classification", "text")
    assert task([str(i) for i in range(MOST_CLASSES + 1)]) == ("regression", "number")
    assert task(["0", "1"], task="regression") == ("regression", "number")


def test_schema_survives_json_in_order(csv: Any) -> None:
    schema = schema_of(csv("id,ü,b,a,y\n1,x,2,3,4.5\n"), ignore=["b"])
    again = Schema.from_dict(schema.to_dict())
    assert again == schema
    assert list(again.columns) == ["ü", "a"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"target": "Y"}, "no column 'Y'. Did you mean 'y'?"),
        ({"record_id": None}, "--record-id"),
        ({"target": None}, "--target"),
        ({"subject_id": "wer"}, "no column 'wer'"),
        ({"target": "id"}, "both an id and the target"),
        ({"columns": {"x": "date"}}, "not 'date'"),
        ({"columns": {"y": "text"}}, "is an id or the target"),
        ({"columns": {"z": "text"}}, "no column 'z'"),
        ({"ignore": ["x"]}, "No column is left"),
        ({"task": "clustering"}, "not 'clustering'"),
    ],
)
def test_wishes_that_do_not_fit_are_refused(csv: Any, options: dict[str, Any], words: str) -> None:
    with pytest.raises(ExpungeError) as caught:
        schema_of(csv("id,x,y\n1,2,ja\n"), **options)
    assert words in str(caught.value)


# ---------------------------------------------------------------- rows


def read(csv: Any, first: str, second: str, **options: Any) -> Any:
    schema = schema_of(csv(first))
    return read_rows(read_table(csv(second)), schema, **options)


@pytest.mark.parametrize(
    ("second", "words", "kind"),
    [
        ("id,y\n1,ja\n", "no column 'x'", InvalidDataError),
        ("id,x,neu,y\n1,2,3,ja\n", "does not know the column 'neu'", InvalidDataError),
        ("id,x,y\nr1,viel,ja\n", "record 'r1' has 'viel'", InvalidDataError),
        ("id,x,y\nr1,inf,ja\n", "record 'r1' has 'inf'", InvalidDataError),
        ("id,x,y\nr1,1e999,ja\n", "no finite number", InvalidDataError),
        ("id,x,y\nr1,1,\n", "Record 'r1' has no target", InvalidDataError),
        ("id,x,y\n,1,ja\n", "Row 1 below the header has no id", InvalidIdError),
    ],
)
def test_rows_that_do_not_fit_the_schema_are_named(csv: Any, second: str, words: str, kind: type[Exception]) -> None:
    with pytest.raises(kind) as caught:
        read(csv, "id,x,y\n1,2,ja\n2,3,nein\n", second)
    assert words in str(caught.value)


def test_to_predict_needs_no_target(csv: Any) -> None:
    rows = read(csv, "id,x,y\n1,2,ja\n2,3,nein\n", "x,id\n7,a\n", to_predict=True)
    assert (rows.ids, rows.X["x"].tolist(), rows.y) == (["a"], [7.0], None)


def test_a_regression_refuses_targets_that_are_not_finite(csv: Any) -> None:
    for target in ("inf", "nan", "viel"):
        with pytest.raises(InvalidDataError, match="no finite number"):
            read(csv, "id,x,y\n1,2,0.5\n", f"id,x,y\n1,2,{target}\n")


# ---------------------------------------------------------------- Parquet


def parquet(path: Path, **columns: Any) -> Path:
    pq.write_table(pa.table(columns), path)
    return path


def test_parquet_declares_its_own_types(tmp_path: Path) -> None:
    path = parquet(
        tmp_path / "t.parquet", id=[17, 18], x=[1.5, None], flag=[True, False], text=["007", None],
        word=pa.array(["a", "b"]).dictionary_encode(), y=[0, 1],
    )  # fmt: skip
    schema = schema_of(path)
    assert schema.columns == {"x": "number", "flag": "number", "text": "text", "word": "text"}
    assert (schema.record_kind, schema.target_kind) == ("integer", "integer")
    rows = read_rows(read_table(path), schema)
    assert (rows.ids, rows.y) == ([17, 18], [0, 1])
    assert rows.X["text"].tolist() == ["007", ""]
    assert np.isnan(rows.X["x"][1])
    assert rows.X["flag"].tolist() == [1.0, 0.0]


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"id": [1.5], "x": [1], "y": ["a"]}, "holds ids such as 1.5"),
        ({"id": [True], "x": [1], "y": ["a"]}, "holds ids such as True"),
        ({"id": [None], "x": [1], "y": ["a"]}, "has no id"),
        ({"id": ["a"], "x": [float("inf")], "y": ["a"]}, "no finite number"),
        ({"id": ["a"], "x": [datetime.date(2020, 1, 1)], "y": ["a"]}, "leave it out with --ignore"),
        ({"id": ["a"], "x": [1.0], "y": [None]}, "has no target"),
    ],
)
def test_parquet_that_cannot_be_taken_is_refused(tmp_path: Path, columns: dict[str, Any], words: str) -> None:
    path = parquet(tmp_path / "t.parquet", **columns)
    with pytest.raises(ExpungeError) as caught:
        read_rows(read_table(path), schema_of(path))
    assert words in str(caught.value)


def test_text_ids_are_not_integers(tmp_path: Path, csv: Any) -> None:
    schema = schema_of(parquet(tmp_path / "t.parquet", id=[1, 2], x=[1, 2], y=["a", "b"]))
    with pytest.raises(InvalidIdError, match="not"):
        read_rows(read_table(csv("id,x,y\n1,2,a\n")), schema)


def test_labels_from_a_command_line_become_what_the_model_has() -> None:
    assert parse_label("007", "text", "record") == "007"
    assert parse_label("7", "integer", "record") == 7
    with pytest.raises(InvalidIdError, match="'p-1' is not"):
        parse_label("p-1", "integer", "record")


# ---------------------------------------------------------------- lists of ids, and writing


def test_ids_are_lines_and_nothing_is_cut_from_them(tmp_path: Path) -> None:
    path = tmp_path / "ids.txt"
    path.write_bytes("\ufeff007\r\né e\n\n漢\n".encode())
    assert read_ids(path) == ["007", "é e", "漢"]
    with pytest.raises(ExpungeError, match="Cannot read"):
        read_ids(tmp_path / "nirgends")
    path.write_bytes(b"8\r\n9 \r\n\r\n\x07\n")
    with pytest.raises(InvalidRequestError, match="2 of 3 lines cannot be taken: line 2 has an id with blanks") as told:
        read_ids(path)
    assert "line 4 has" in str(told.value)
    assert "'9" not in str(told.value)


def test_tables_are_written_by_their_name(tmp_path: Path) -> None:
    frame = pd.DataFrame({"kennung": ["007"], "prediction": ["süß"]})
    assert read_table(write_table(frame, tmp_path / "p.csv")).to_pydict() == frame.to_dict("list")
    assert read_table(write_table(frame, tmp_path / "p.parquet")).to_pydict() == frame.to_dict("list")
    with pytest.raises(ExpungeError, match="Cannot write"):
        write_table(frame, tmp_path / "keiner" / "p.csv")

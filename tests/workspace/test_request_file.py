"""Files of thousands of requests: what is good is read, every bad line is named, and no id is shown."""

from __future__ import annotations

import io
import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expunge.errors import FileNotUsableError, InvalidDataError, InvalidRequestError
from expunge.workspace.rules.request_file import Asked, check_lines, read_requests

NOW = datetime(2026, 3, 6, 12, tzinfo=UTC)
PERSON = "erika-mustermann"


def csv_of(*lines: str, head: str = "kind,id,received,regime,caller,key") -> tuple[list[Asked], list[tuple[int, str]]]:
    asked, faults = check_lines("\n".join([head, *lines]), form="csv", now=NOW)
    return asked, [tuple(fault) for fault in faults]


def json_of(*lines: object) -> tuple[list[Asked], list[tuple[int, str]]]:
    text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    asked, faults = check_lines(text, form="jsonl", now=NOW)
    return asked, [tuple(fault) for fault in faults]


def test_a_line_with_everything_and_one_with_little() -> None:
    asked, faults = csv_of('subject,"p-17, the ""first""",2026-03-05T14:00+01:00,CCPA,portal,k1', "class,süß,,,,")
    assert faults == []
    assert asked == [
        Asked(line=2, kind="subject", target='p-17, the "first"', received=datetime(2026, 3, 5, 13, tzinfo=UTC),
              regime="ccpa", caller="portal", key="k1"),
        Asked(line=3, kind="class", target="süß"),
    ]  # fmt: skip


def test_json_keeps_integers_and_texts_apart() -> None:
    asked, faults = json_of({"kind": "record", "id": 17}, "", {"kind": "record", "id": "17", "received": None})
    assert faults == []
    assert [(one.line, one.target) for one in asked] == [(1, 17), (3, "17")]


def test_columns_in_any_order_with_blank_lines_and_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_bytes("\ufeffID , Kind\r\n\r\np-1,subject\r\n\r\np-2,subject\r\n".encode())
    assert [(one.line, one.target) for one in read_requests(path, now=NOW)] == [(3, "p-1"), (5, "p-2")]


def test_a_cell_over_two_lines_keeps_the_numbers_right() -> None:
    _, faults = csv_of('subject,p-1,,,"a\nb",', "person,p-2,,,,")
    assert [line for line, _ in faults] == [4]


BAD_CELLS = {
    f"subjekt,{PERSON},,,,": "another kind",
    "subject,,,,,": "no id",
    f"subject, {PERSON},,,,": "blanks around",
    f"subject,{PERSON}\x07,,,,": "cannot be printed",
    f"subject,{'x' * 2000},,,,": "of more than",
    f"subject,{PERSON},05.03.2026,,,": "arrival that cannot be read",
    f"subject,{PERSON},2026-03-05T14:00,,,": "arrival that cannot be read",
    f"subject,{PERSON},2026-03-07,,,": "future",
    f"subject,{PERSON},,gpdr,,": "another regime",
    f"subject,{PERSON},,pipl,,": "another regime",
    f"subject,{PERSON},,,{'x' * 2000},": "caller that is no text",
    f"subject,{PERSON}": "2 cells under 6 names",
    f"subject,{PERSON},,,,,,": "8 cells under 6 names",
    f"rectify,{PERSON},,,,": "needs the corrected record",
}


def test_every_bad_line_is_named_and_no_id_shown() -> None:
    lines = [line for bad in BAD_CELLS for line in (bad, f"subject,good-{len(bad)}-{hash(bad)},,,,")]
    asked, faults = csv_of(*lines)
    assert [line for line, _ in faults] == list(range(2, 2 + len(lines), 2))
    assert len(asked) == len(BAD_CELLS)
    for (_, what), expected in zip(faults, BAD_CELLS.values(), strict=True):
        assert expected in what
        assert PERSON not in what


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("{", "is no JSON"),
        ("[" * 100_000, "is no JSON"),
        ("17", "no JSON object"),
        ({"kind": "record", "id": True}, "neither an integer nor a text"),
        ({"kind": "record", "id": 1.5}, "neither an integer nor a text"),
        ({"kind": "record", "id": [1]}, "neither an integer nor a text"),
        ({"kind": "record", "id": 2**63}, "beyond 64 bits"),
        ({"kind": ["record"], "id": 1}, "another kind"),
        ({"kind": "record", "id": 1, "received": 20260305}, "received that is no text"),
        ({"kind": "record", "id": 1, "name": PERSON}, "a field other than"),
        ('{"kind": "record", "id": 1, "id": 2}', "names a field twice"),
        ({"kind": "record", "id": None}, "no id"),
    ],
)
def test_bad_json(line: object, expected: str) -> None:
    asked, faults = json_of({"kind": "record", "id": 5}, line)
    assert [one.target for one in asked] == [5]
    assert faults[0][0] == 2
    assert expected in faults[0][1]


def test_repeated_lines_name_the_first() -> None:
    _, faults = csv_of("subject,p-1,,,,", "record,p-1,,,,", "subject,p-1,,,a,k", "subject,p-2,,,a,k", "class,x,,,a,k")
    assert faults == [(4, "repeats line 2"), (6, "repeats line 5")]


def test_a_quotation_mark_that_is_not_closed() -> None:
    asked, faults = csv_of("subject,p-1,,,,", 'subject,"p-2,,,,', "subject,p-3,,,,")
    assert [one.target for one in asked] == ["p-1"]
    assert [line for line, _ in faults] == [3]
    assert csv_of('subject,"p-1"x,,,,')[1][0][0] == 2


@pytest.mark.parametrize("head", ["p-1,subject", "kind", "id,kind,id", "kind,id,name", "kind;id"])
def test_first_lines_that_do_not_say_what_there_is(head: str) -> None:
    with pytest.raises(InvalidDataError, match="The first line") as caught:
        csv_of("subject,p-1", head=head)
    assert "p-1" not in str(caught.value)


def test_a_refused_file_takes_nothing_and_counts(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text("\n".join(json.dumps({"kind": "subject", "id": i if i % 2 else 1.5}) for i in range(100)), "utf-8")
    with pytest.raises(InvalidRequestError, match="50 of 100 lines cannot be taken: line 1 has an id") as caught:
        read_requests(path, now=NOW)
    assert "line 39 has" in str(caught.value)
    assert "line 41 has" not in str(caught.value)
    assert "and 30 more" in str(caught.value)


def test_files_that_are_not_there_empty_or_in_another_encoding(tmp_path: Path) -> None:
    with pytest.raises(FileNotUsableError):
        read_requests(tmp_path / "none.csv", now=NOW)
    for name, data in (("a.csv", b""), ("b.csv", b"kind,id\n"), ("c.jsonl", b"\n\n")):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(InvalidDataError, match="no request"):
            read_requests(tmp_path / name, now=NOW)
    (tmp_path / "d.csv").write_bytes(b"kind,id\nsubject,p-1\nsubject,M\xfcller\n")
    with pytest.raises(InvalidDataError, match="not UTF-8 on line 3") as caught:
        read_requests(tmp_path / "d.csv", now=NOW)
    assert caught.value.__cause__ is None


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b'{"kind": "subject", "id": "p-1"}')))
    assert read_requests("-", now=NOW, form="jsonl")[0].target == "p-1"


def test_what_is_shown_names_nobody() -> None:
    asked, _ = csv_of(f"subject,{PERSON},,,erika@example.org,key-of-erika")
    assert "erika" not in repr(asked)


@given(st.text(alphabet='",;{}[]:\n\r\0 kinds1é\u2028', max_size=60), st.sampled_from(["csv", "jsonl"]))
def test_any_text_is_read_or_refused_in_a_foreseen_way(text: str, form: str) -> None:
    try:
        asked, faults = check_lines("kind,id\n" * (form == "csv") + text, form=form, now=NOW)  # type: ignore[arg-type]
    except InvalidDataError:
        return
    assert all(one.line >= 1 for one in [*asked, *faults])

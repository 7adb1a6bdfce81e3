"""Archives: the same bytes for the same entries, whole or not at all, and no byte may change unseen."""

from __future__ import annotations

import hashlib
import io
import json
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest

from expunge.errors import FileNotUsableError, NewerFormatError, TamperedError
from expunge.files import archive

ENTRIES = {"b/über.npy": b"\x00\x01", "a.json": b"{}"}


def test_same_entries_same_bytes(tmp_path: Path) -> None:
    one = archive.write_archive(tmp_path / "ä.expunge", {"x": 1.5, "y": "ü"}, ENTRIES)
    two = archive.write_archive(tmp_path / "b.expunge", {"y": "ü", "x": 1.5}, dict(reversed(ENTRIES.items())))
    assert one.read_bytes() == two.read_bytes()
    assert archive.read_archive(one) == ({"x": 1.5, "y": "ü"}, ENTRIES)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["b.expunge", "ä.expunge"]


def test_every_changed_byte_is_seen(tmp_path: Path) -> None:
    """Flip each byte of a file in turn: the archive is refused, or reads exactly as it was written."""
    path = archive.write_archive(tmp_path / "a.expunge", {"x": 1}, ENTRIES)
    raw, seen = path.read_bytes(), 0
    for i in range(len(raw)):
        path.write_bytes(raw[:i] + bytes([raw[i] ^ 0x20]) + raw[i + 1 :])
        try:
            found = archive.read_archive(path)
        except TamperedError:
            seen += 1
        else:
            assert found == ({"x": 1}, ENTRIES), i
    assert seen > 0.6 * len(raw)  # dates and attributes in the zip's own headers are not contents


def test_a_cut_file_is_refused(tmp_path: Path) -> None:
    path = archive.write_archive(tmp_path / "a.expunge", {}, ENTRIES)
    raw = path.read_bytes()
    for length in range(0, len(raw), 7):
        path.write_bytes(raw[:length])
        with pytest.raises(TamperedError):
            archive.read_archive(path)


def test_added_and_repeated_entries_are_refused(tmp_path: Path) -> None:
    path = archive.write_archive(tmp_path / "a.expunge", {}, ENTRIES)
    for name in ("new.npy", "a.json"):
        stream = io.BytesIO(path.read_bytes())
        with zipfile.ZipFile(stream, "a") as z, pytest.warns() if name == "a.json" else _nothing():
            z.writestr(name, b"x")
        (tmp_path / "c").write_bytes(stream.getvalue())
        with pytest.raises(TamperedError, match="was changed"):
            archive.read_archive(tmp_path / "c")


class _nothing:  # noqa: N801
    def __enter__(self) -> None: ...
    def __exit__(self, *_: object) -> None: ...


def test_a_later_format_is_refused_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "a"
    head = json.dumps({"format": 99, "entries": {}})
    with zipfile.ZipFile(path, "w") as z:
        z.writestr("manifest.json", head)
        z.writestr("manifest.sha256", hashlib.sha256(head.encode()).hexdigest())
    before = path.read_bytes()
    with pytest.raises(NewerFormatError, match="format 99"):
        archive.read_archive(path)
    assert path.read_bytes() == before


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = archive.write_archive(tmp_path / "a", {"v": 1}, ENTRIES)
    before = path.read_bytes()

    def fail(*_: object) -> None:
        raise OSError("disk full")

    for name in ("fsync", "replace"):
        with monkeypatch.context() as patch:
            patch.setattr(os, name, fail)
            with pytest.raises(FileNotUsableError, match="disk full"):
                archive.write_archive(path, {"v": 2}, ENTRIES)
        assert [p.name for p in tmp_path.iterdir()] == ["a"]
        assert path.read_bytes() == before


@pytest.mark.parametrize("name", ["missing/a.expunge", "folder"])
def test_impossible_paths_are_one_sentence(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(FileNotUsableError):
        archive.write_archive(tmp_path / name, {}, {})
    with pytest.raises(FileNotUsableError):
        archive.read_archive(tmp_path / name)


@pytest.mark.parametrize("array", [np.arange(6.0).reshape(2, 3).T, np.array([], dtype="<U3"), np.array(5)])
def test_arrays_come_back(array: np.ndarray) -> None:
    back = archive.array_from_bytes(archive.array_bytes(array))
    np.testing.assert_array_equal(back, array)
    assert back.dtype == array.dtype
    assert back.shape == array.shape


def test_a_pickle_is_never_read_or_written() -> None:
    stream = io.BytesIO()
    np.save(stream, np.array([object()], dtype=object), allow_pickle=True)
    with pytest.raises(TamperedError):
        archive.array_from_bytes(stream.getvalue())
    with pytest.raises(ValueError, match="Object arrays"):
        archive.array_bytes(np.array([object()], dtype=object))


def test_compressed_entries_and_bytes_around_are_refused(tmp_path: Path) -> None:
    path = archive.write_archive(tmp_path / "a", {}, ENTRIES)
    raw = path.read_bytes()
    for changed in (raw + b"x", b"x" + raw, raw + raw):
        path.write_bytes(changed)
        with pytest.raises(TamperedError):
            archive.read_archive(path)
    path.write_bytes(raw)
    with zipfile.ZipFile(io.BytesIO(raw)) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
    with pytest.raises(TamperedError):
        archive.read_archive(path)

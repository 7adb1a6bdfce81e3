"""Every encoding and every container is planted once and found; what cannot be seen is said; noise finds nothing."""

from __future__ import annotations

import base64
import bz2
import gzip
import io
import json
import lzma
import os
import sqlite3
import struct
import urllib.parse
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from expunge.errors import FileNotUsableError, InvalidRequestError
from expunge.maths import exact
from expunge.workspace.leftovers import canaries, containers
from expunge.workspace.leftovers.canaries import Search, search_bytes, search_folder
from maths.limbs import limbs_of

TEXT = "canary-7f3a9c51e2d84b06ü"
FLOAT = 738.1415926535897
NEGATIVE = -0.000123456789012345
INTEGER = 0x5EC2_E7C0_FFEE_1234
SINGLE = float(np.float32(41213.5703))  # that float32 keeps as it is
VALUES = {"text": TEXT, "float": FLOAT, "negative": NEGATIVE, "integer": INTEGER, "single": SINGLE}

RNG = np.random.default_rng(20260305)
NOISE = RNG.normal(size=20_000).tobytes() + b"\n".join(
    b"%d,%.6f,some text" % (i, x) for i, x in enumerate(RNG.normal(size=3_000))
)


def found(data: bytes, values: dict[str, Any] = VALUES) -> set[tuple[str, str]]:
    result = search_bytes(data, values)
    return {(one.name, one.encoding) for one in result.found}


def around(form: bytes) -> bytes:
    return NOISE[:1001] + form + NOISE[1001:2002]


def limbs(value: float, resolution: float, n: int, at: int) -> bytes:
    """The value among others as an array of limbs of shape (3, n), from the library itself."""
    X = RNG.normal(size=(1, n)) * 100
    X[0, at] = value
    return exact.column_sums(X, resolution).tobytes()


def in_lines(text: bytes) -> bytes:
    return b"\r\n".join(text[i : i + 60] for i in range(0, len(text), 60))


ENCODINGS: dict[str, tuple[str, bytes]] = {
    "utf-8": ("text", TEXT.encode()),
    "utf-16 little": ("text", TEXT.encode("utf-16-le")),
    "utf-16 big": ("text", TEXT.encode("utf-16-be")),
    "utf-16 with mark": ("text", TEXT.encode("utf-16")),
    "utf-32, as NumPy holds text": ("text", np.array(["x", TEXT]).tobytes()),
    "latin-1": ("text", TEXT.encode("latin-1")),
    "json": ("text", json.dumps({"name": TEXT}).encode()),
    "float64": ("float", struct.pack("<d", FLOAT)),
    "float64 big-endian": ("float", struct.pack(">d", FLOAT)),
    "float64 of a negative": ("negative", struct.pack("<d", NEGATIVE)),
    "float32": ("single", np.float32(SINGLE).tobytes()),
    "float32, rounded": ("float", np.float32(FLOAT).tobytes()),
    "decimal text": ("float", repr(FLOAT).encode()),
    "decimal text, 12 digits": ("float", f"{FLOAT:.12g}".encode()),
    "decimal text, 20 digits": ("float", f"{FLOAT:.20f}".encode()),
    "decimal text, exponent": ("float", f"{FLOAT:.10e}".encode()),
    "decimal text, comma": ("float", f"{FLOAT:.10f}".replace(".", ",").encode()),
    "decimal text, negative": ("negative", repr(NEGATIVE).encode()),
    "decimal text, small, without exponent": ("negative", f"{NEGATIVE:.18f}".encode()),
    "decimal text in utf-16": ("float", repr(FLOAT).encode("utf-16-le")),
    "hex of a float": ("float", FLOAT.hex().encode()),
    "int64": ("integer", struct.pack("<q", INTEGER)),
    "int64 big-endian": ("integer", struct.pack(">q", INTEGER)),
    "decimal text of an integer": ("integer", str(INTEGER).encode()),
    "fixed point, 2**-32": ("float", struct.pack("<q", round(FLOAT * 2**32))),
    "fixed point, 2**-40": ("float", struct.pack("<q", round(FLOAT * 2**40))),
    "fixed point as float64": ("float", struct.pack("<d", round(FLOAT * 2**32))),
    "limbs, 2**-32": ("float", limbs(FLOAT, 2.0**-32, 7, 3)),
    "limbs, 2**-20, many columns": ("float", limbs(FLOAT, 2.0**-20, 500, 499)),
    "limbs, 2**-44, first of all": ("float", limbs(FLOAT, 2.0**-44, 31, 0)),
    "limbs of a negative": ("negative", limbs(NEGATIVE, 2.0**-55, 31, 5)),
    "limbs of one value": ("float", limbs_of([round(FLOAT * 2**32)], 3).tobytes()),
    **{f"base64 at {skip}": ("text", base64.b64encode(b"xyz"[:skip] + TEXT.encode() + b"tail")) for skip in range(3)},
    **{f"base64 of a float {k}": ("float", base64.b64encode(NOISE[:k] + struct.pack("<d", FLOAT))) for k in range(3)},
    "base64 of a float32": ("single", base64.b64encode(NOISE[:64] + np.float32(SINGLE).tobytes())),
    "base64 for addresses": ("text", base64.urlsafe_b64encode(b"~~~???" + TEXT.encode("utf-16-le"))),
    "base64 in lines": ("text", base64.encodebytes(NOISE[:50] + TEXT.encode() + NOISE[:50])),
    "base64 of utf-16": ("text", base64.b64encode(TEXT.encode("utf-16-le"))),
    "base64 of something packed": ("text", base64.b64encode(gzip.compress(TEXT.encode()))),
    "hex": ("text", TEXT.encode().hex().encode()),
    "hex, upper case": ("text", TEXT.encode().hex().upper().encode()),
    "hex of something packed": ("text", b"'" + gzip.compress(TEXT.encode()).hex().encode() + b"'"),
    "hex in lines": ("text", in_lines((NOISE[:90] + TEXT.encode()).hex().encode())),
    "hex of a float32": ("single", np.float32(SINGLE).tobytes().hex().encode()),
}  # fmt: skip


@pytest.mark.parametrize("how", ENCODINGS)
def test_every_encoding_is_found(how: str) -> None:
    name, form = ENCODINGS[how]
    assert name in {who for who, _ in found(around(form))}


def test_noise_holds_nothing() -> None:
    assert found(NOISE) == set()
    whole = RNG.bytes(3_000_000) + RNG.integers(0, 2**22, 200_000).tobytes() + bytes(100_000)
    assert found(whole, {name: value for name, value in VALUES.items() if name in ("text", "integer")}) == set()


def test_limbs_of_another_value_are_not_taken_for_it() -> None:
    almost = FLOAT * (1 + 1e-12)
    assert not [how for _, how in found(around(limbs(almost, 2.0**-32, 7, 3))) if how == "limbs"]


@pytest.mark.parametrize("place", range(120))
def test_a_value_across_the_border_of_blocks(place: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(canaries, "_BLOCK", 64)
    data = bytearray(200)
    data[place : place + 24] = b"canary-7f3a9c51e2d84b06."
    assert search_bytes(bytes(data), {"text": "canary-7f3a9c51e2d84b06"}).found[0].offset == place


@pytest.mark.parametrize("shift", range(-40, 8, 8))
def test_base64_across_the_border_of_blocks(shift: int) -> None:
    form = base64.b64encode(struct.pack("<d", 1.5) + np.float32(SINGLE).tobytes() + struct.pack("<d", 2.5))
    data = b"." * (2**22 + shift) + form + b"." * 50
    assert ("single", "float32") in found(data, {"single": SINGLE})


# ------------------------------------------------------------------ containers


def frame() -> pd.DataFrame:
    n = 500
    table = pd.DataFrame({"id": [f"record-{i:05d}" for i in range(n)], "x": RNG.normal(size=n), "k": range(n)})
    table.loc[123, "id"] = TEXT
    table.loc[123, "x"] = FLOAT
    table["k"] = table["k"].astype("int64")
    table.loc[123, "k"] = INTEGER
    return table


def parquet(**options: Any) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pandas(frame()), out, write_statistics=False, **options)
    return out.getvalue()


def zipped(name: str, data: bytes, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        archive.writestr(name, data)
    return out.getvalue()


def npz() -> bytes:
    out = io.BytesIO()
    np.savez_compressed(out, x=np.array([1.0, FLOAT]), t=np.array([TEXT]), k=np.array([INTEGER]))
    return out.getvalue()


def database(tmp: Path, *, pages: int = 4096) -> sqlite3.Connection:
    connection = sqlite3.connect(tmp / "t.db")
    connection.execute(f"PRAGMA page_size={pages}")
    connection.execute('CREATE TABLE "odd ""name" (t TEXT, x REAL, k INTEGER, b BLOB)')
    connection.execute(
        'INSERT INTO "odd ""name" VALUES (?, ?, ?, ?)', (TEXT, FLOAT, INTEGER, gzip.compress(TEXT.encode()))
    )
    connection.commit()
    return connection


def arrow() -> bytes:
    out = io.BytesIO()
    table = pa.Table.from_pandas(frame())
    with pa.ipc.new_file(out, table.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_table(table)
    return out.getvalue()


PLAIN = TEXT.encode() + struct.pack("<d", FLOAT) + struct.pack("<q", INTEGER) + NOISE[:5000]
PACKED: dict[str, Callable[[], bytes]] = {
    "gzip": lambda: gzip.compress(PLAIN),
    "gzip after gzip": lambda: gzip.compress(NOISE[:3000]) + gzip.compress(PLAIN),
    "gzip in the middle": lambda: NOISE[:5000] + gzip.compress(PLAIN) + NOISE[:5000],
    "gzip broken off": lambda: gzip.compress(PLAIN)[:-2000],
    "zlib": lambda: zlib.compress(PLAIN),
    "zlib in the middle": lambda: NOISE[:5000] + zlib.compress(PLAIN, 9) + NOISE[:5000],
    "bzip2": lambda: bz2.compress(PLAIN),
    "xz": lambda: lzma.compress(PLAIN),
    "zstd": lambda: pa.compress(PLAIN, "zstd", asbytes=True),
    "zip": lambda: zipped("a.bin", PLAIN),
    "zip, stored": lambda: zipped("a.bin", PLAIN, zipfile.ZIP_STORED),
    "zip, lzma": lambda: zipped("a.bin", PLAIN, zipfile.ZIP_LZMA),
    "zip behind other bytes": lambda: NOISE[:5000] + zipped("a.bin", PLAIN),
    "zip in gzip in zip": lambda: zipped("a", gzip.compress(zipped("b", PLAIN))),
    "npz": npz,
    "parquet, snappy": lambda: parquet(compression="snappy"),
    "parquet, zstd": lambda: parquet(compression="zstd"),
    "parquet, gzip": lambda: parquet(compression="gzip"),
    "parquet, dictionaries off": lambda: parquet(compression="zstd", use_dictionary=False),
    "parquet, split bytes": lambda: parquet(
        use_dictionary=False,
        column_encoding={"x": "BYTE_STREAM_SPLIT", "k": "DELTA_BINARY_PACKED", "id": "DELTA_BYTE_ARRAY"},
    ),
    "parquet in zip": lambda: zipped("t.parquet", parquet(compression="zstd")),
    "arrow": arrow,
}  # fmt: skip


@pytest.mark.parametrize("how", PACKED)
def test_every_container_is_opened(how: str) -> None:
    data = PACKED[how]()
    if not how.endswith(("stored", "snappy", "split bytes")):
        assert TEXT.encode() not in data
    result = search_bytes(data, VALUES)
    assert {"text", "float", "integer"} <= result.names()
    assert result.unsearched == ()


def test_a_dictionary_holds_what_no_row_has_any_more() -> None:
    codes = pa.DictionaryArray.from_arrays(pa.array([0, 0, 1], pa.int32()), ["kept-one", "kept-two", TEXT])
    for table in (pa.table({"c": codes}), pa.table({"c": codes}).replace_schema_metadata(None)):
        out = io.BytesIO()
        pq.write_table(table, out, compression="gzip", write_statistics=False)
        assert "text" in search_bytes(out.getvalue(), VALUES).names()


def test_text_inside_of_cells_and_other_types() -> None:
    table = pa.table(
        {
            "l": pa.array([[1.5, FLOAT]]),
            "s": pa.array([{"deep": TEXT}]),
            "b": pa.array([gzip.compress(struct.pack("<q", INTEGER) * 9)]),
        }
    )
    out = io.BytesIO()
    pq.write_table(table, out, compression="zstd", write_statistics=False)
    assert {"text", "float", "integer"} <= search_bytes(out.getvalue(), VALUES).names()


@pytest.mark.parametrize("pages", [512, 4096, 65536])
def test_databases_live_deleted_and_in_the_log(tmp_path: Path, pages: int) -> None:
    connection = database(tmp_path, pages=pages)
    assert {"text", "float", "integer"} <= search_folder(tmp_path, VALUES).names()
    connection.execute("PRAGMA secure_delete=OFF")
    connection.execute('DELETE FROM "odd ""name"')
    connection.commit()
    assert "text" in search_folder(tmp_path, VALUES).names()
    connection.execute("PRAGMA secure_delete=ON")
    connection.execute("VACUUM")
    connection.commit()
    assert search_folder(tmp_path, VALUES).is_clean
    connection.execute("PRAGMA journal_mode=WAL").fetchall()
    connection.execute('INSERT INTO "odd ""name" VALUES (?, 1, 1, 1)', (TEXT,))
    connection.commit()
    assert {one.path for one in search_folder(tmp_path, VALUES).found} == {"t.db-wal"}
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    assert {one.path for one in search_folder(tmp_path, VALUES).found} == {"t.db"}
    connection.close()


def test_a_deleted_cell_that_ran_over_many_pages(tmp_path: Path) -> None:
    connection = database(tmp_path, pages=512)
    connection.execute("PRAGMA secure_delete=OFF")
    connection.execute("CREATE TABLE long (t TEXT)")
    connection.execute("INSERT INTO long VALUES (?)", ("".join(f"{i:06d}{TEXT}" for i in range(200)),))
    connection.commit()
    connection.execute("DELETE FROM long")
    connection.execute('DELETE FROM "odd ""name"')
    connection.commit()
    connection.close()
    data = (tmp_path / "t.db").read_bytes()
    joined = dict(containers.inner(data, containers.Budget(2**20)))["joined pages"]
    assert joined is not None
    assert joined.count(TEXT.encode()) > data.count(TEXT.encode())


# ------------------------------------------------------------------ folders, and what could not be seen


def test_a_folder_is_searched_to_the_last_file_and_name(tmp_path: Path) -> None:
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    (deep / "x.csv").write_text(f"1,{TEXT}\n", encoding="utf-8")
    (tmp_path / f"predictions of {TEXT}.bin").write_bytes(b"")
    result = search_folder(tmp_path, VALUES)
    assert {(one.path, one.inside) for one in result.found if one.encoding == "utf-8"} >= {
        ("a/b/x.csv", ()), (f"predictions of {TEXT}.bin", ("name of the file",)),
    }  # fmt: skip
    assert result.n_files == 2
    assert "text as utf-8 in a/b/x.csv" in str(result)
    assert search_folder(tmp_path, VALUES, skip=["a", f"predictions of {TEXT}.bin"]).n_files == 0


def test_a_clean_folder_is_clean_and_says_what_it_saw(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(NOISE)
    result = search_folder(tmp_path, {**VALUES, "age": 39, "flag": True, "code": "ab", "nothing": None, "half": 0.5})
    assert result.is_clean
    assert result.too_common == ("age", "flag", "code", "nothing", "half")
    assert str(result).startswith("nothing found in 1 files")
    assert "too common to be searched: age, flag" in str(result)


def encrypted_zip() -> bytes:
    data = bytearray(zipped("a.bin", PLAIN))
    for magic, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(magic) + offset] |= 1
    return bytes(data)


@pytest.mark.parametrize(
    "data",
    [
        encrypted_zip(),
        b"PK\x03\x04" + NOISE[:500],
        b"\x1f\x8b\x08\x00" + NOISE[:500],
        b"BZh9" + NOISE[:500],
        b"\xfd7zXZ\x00" + NOISE[:500],
        b"\x28\xb5\x2f\xfd" + NOISE[:500],
        b"PAR1" + NOISE[:500] + b"PAR1",
        b"ARROW1" + NOISE[:500],
        b"SQLite format 3\0" + NOISE[:500],
        zipped("a", NOISE[:5000])[:90] + b"xyz" + zipped("a", NOISE[:5000])[93:],
    ],
)
def test_what_cannot_be_opened_is_never_clean(data: bytes) -> None:
    result = search_bytes(data, VALUES)
    assert result.found == ()
    assert not result.is_clean


def test_archives_too_deep_or_too_large_are_never_clean(monkeypatch: pytest.MonkeyPatch) -> None:
    data = PLAIN
    for _ in range(canaries.DEPTH + 2):
        data = gzip.compress(data)
    deep = search_bytes(data, VALUES)
    assert "too deep" in deep.unsearched[0]
    monkeypatch.setattr(canaries, "UNPACKED", 10_000)
    for bomb in (
        gzip.compress(bytes(10**6)),
        zipped("a", bytes(10**6)),
        bz2.compress(bytes(10**6)),
        lzma.compress(bytes(10**6)),
    ):
        large = search_bytes(bomb, VALUES)
        assert not large.is_clean
        assert large.n_bytes < 10**6


@pytest.mark.parametrize("how", [*PACKED, "sqlite"])
def test_damaged_containers_are_no_unforeseen_error(how: str, tmp_path: Path) -> None:
    """Of more damage than this nothing came in thousands of tries."""
    rng = np.random.default_rng(7)
    if how == "sqlite":
        database(tmp_path).close()
    whole = (tmp_path / "t.db").read_bytes() if how == "sqlite" else PACKED[how]()
    for _ in range(4):
        data = bytearray(whole)
        for place in rng.integers(0, len(data), 3):
            data[place] ^= int(rng.integers(1, 256))
        cut = int(rng.integers(len(data)))
        del data[cut : cut + int(rng.integers(40))]
        assert search_bytes(bytes(data), VALUES).n_files == 1


@pytest.mark.skipif(os.name != "posix", reason="links")
def test_links_are_named_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "secret").write_text(TEXT, encoding="utf-8")
    (tmp_path / "in" / "link").symlink_to(tmp_path / "secret")
    (tmp_path / "in" / "folder").symlink_to(tmp_path)
    result = search_folder(tmp_path / "in", VALUES)
    assert result.found == ()
    assert len(result.unsearched) == 2


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="the owner of everything reads everything")
def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"1")
    (tmp_path / "x").chmod(0)
    assert not search_folder(tmp_path, VALUES).is_clean


def test_values_are_not_shown() -> None:
    result = search_bytes(PLAIN, VALUES)
    assert isinstance(result, Search)
    assert not any(secret in f"{result!r}{result}" for secret in (TEXT, str(FLOAT), str(INTEGER)))


def test_what_makes_no_sense_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotUsableError):
        search_folder(tmp_path / "none", VALUES)
    for values in ({}, [], {"age": 39}, [None]):
        with pytest.raises(InvalidRequestError, match="No value"):
            search_folder(tmp_path, values)
    assert search_bytes(TEXT.encode(), TEXT).names() == {"value 0"}


def test_an_address_keeps_a_text_only_if_it_needs_no_escapes() -> None:
    """Percent-encoding is looked through for what it leaves as it is; the letters that it changes are not."""
    assert "text" not in {name for name, _ in found(urllib.parse.quote(TEXT).encode())}
    assert {name for name, _ in found(urllib.parse.quote("canary-7f3a").encode(), {"t": "canary-7f3a"})} == {"t"}


def test_finds_by_chance_are_counted_by_the_bytes_that_were_drawn() -> None:
    data = np.random.default_rng(0).bytes(2**24)
    values = {f"cell {i}": float(x) for i, x in enumerate(np.random.default_rng(1).normal(size=600))}
    result = search_bytes(data, values)
    forms = 2 * 600  # a float32 in both orders
    assert result.by_chance == pytest.approx(forms * 2**24 / 2**32, rel=0.01)
    assert {one.encoding.partition(" ")[0] for one in result.found} == {"float32"}
    assert abs(len(result.found) - result.by_chance) < 4 * result.by_chance**0.5, "a Poisson number"
    assert "expected by chance" in str(result)

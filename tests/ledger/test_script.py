"""The script of 40 lines says the same as the library, where nothing but ``cryptography`` can be imported."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import cryptography
import pytest

from expunge.ledger import canonical_json
from ledger.samples import ACCOUNT, build, receipt, signer
from ledger.test_verify import short_bundle

SCRIPT = Path(__file__).parents[2] / "examples" / "verify_receipt.py"
#: A refusal is a sentence: it has words, no name of an exception, nothing that a terminal would obey.
SAID = re.compile(r"NOT VERIFIED: (?!.*(Error|Exception|InvalidSignature))[ -~]*[a-z]{2} [ -~]+")
CODE = compile(SCRIPT.read_text(encoding="utf-8"), str(SCRIPT), "exec")


def test_it_has_forty_lines() -> None:
    assert len(SCRIPT.read_text(encoding="utf-8").splitlines()) <= 40


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Receipts, keys, and ``cryptography`` with what it loads, alone."""
    folder = tmp_path_factory.mktemp("bare")
    for number, data in enumerate(build().bundles):
        (folder / f"{number}.json").write_bytes(data)
    for name in ("first", "second"):
        (folder / f"{name}.pem").write_bytes(signer(name).public_pem)
    packages = folder / "packages"
    packages.mkdir()
    backend = importlib.util.find_spec("_cffi_backend")
    sources = [Path(cryptography.__file__).parent, *([Path(backend.origin)] if backend and backend.origin else [])]
    for source in sources:
        os.symlink(source, packages / source.name)
    return folder


def bare(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the script without the packages of this environment: no site, no PYTHONPATH but the folder."""
    environment = {**os.environ, "PYTHONPATH": str(folder / "packages")}
    command = [sys.executable, "-S", str(SCRIPT), *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_a_machine_with_nothing_else(folder: Path) -> None:
    done = bare(folder, "0.json", "first.pem")
    assert done.returncode == 0, done.stderr
    word, _, rest = done.stdout.partition("\n")
    assert word == "VERIFIED"
    assert json.loads(rest) == receipt().to_statement()
    for arguments in ((), ("0.json",)):
        done = bare(folder, *arguments)
        assert (done.returncode, done.stderr) == (1, "Usage: python verify_receipt.py RECEIPT.json PUBLIC.pem\n")
    unsigned, unread = [("0.json", "second.pem"), ("1.json", "first.pem")], [("no", "first.pem"), ("0.json", "0.json")]
    for arguments in (*unsigned, *unread):
        done = bare(folder, *arguments)
        assert (done.returncode, done.stdout) == (1, ""), arguments
        assert SAID.fullmatch(done.stderr.rstrip("\n")), done.stderr
        assert ("(earlier? public-*.pem)" in done.stderr) is (arguments in unsigned), arguments
    without = subprocess.run(
        [sys.executable, "-S", "-c", "import numpy"], capture_output=True, check=False,
        env={**os.environ, "PYTHONPATH": str(folder / "packages")},
    )  # fmt: skip
    assert without.returncode, "the folder must hold nothing else"


def verified(data: bytes, folder: Path, monkeypatch: pytest.MonkeyPatch) -> bool:
    """The script in this process: quick enough for every byte."""
    (folder / "now.json").write_bytes(data)
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), str(folder / "now.json"), str(folder / "first.pem")])
    with contextlib.redirect_stdout(io.StringIO()) as out:
        try:
            exec(CODE, {"__name__": "__main__"})  # noqa: S102 - what a shell would run
        except SystemExit as stop:
            if SAID.fullmatch(str(stop)):
                return False
            raise
    return out.getvalue().startswith("VERIFIED")


def test_an_account_of_a_budget_is_verified_like_everything_else(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = short_bundle(guarantee=ACCOUNT)
    assert verified(data, folder, monkeypatch)
    assert not verified(data.replace(b'"schema":1', b'"schema":2', 1), folder, monkeypatch)


@pytest.mark.parametrize(("mask", "step"), [(0x01, 5), (0x20, 17)])
def test_flipped_bytes_are_found(folder: Path, monkeypatch: pytest.MonkeyPatch, mask: int, step: int) -> None:
    data = short_bundle()
    assert verified(data, folder, monkeypatch)
    end = data.index(b'"rotations"')  # an empty list, which the script does not read
    for place in range(0, end, step):
        wrong = data[:place] + bytes([data[place] ^ mask]) + data[place + 1 :]
        assert not verified(wrong, folder, monkeypatch), place


def test_other_ways_to_write_the_same_are_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = short_bundle()
    value = json.loads(data)
    path = [step.upper() for step in value["proof"]["path"]]
    for wrong in (
        data + b"\n",
        json.dumps(value).encode(),
        canonical_json.encode({**value, "more": 1}),
        canonical_json.encode({**value, "schema": 2}),
        canonical_json.encode({**value, "proof": {**value["proof"], "path": path}}),
        canonical_json.encode({**value, "proof": {**value["proof"], "more": 1}}),
        canonical_json.encode({**value, "proof": {**value["proof"], "index": -1}}),
        canonical_json.encode({**value, "envelope": {**value["envelope"], "more": 1}}),
    ):
        assert not verified(wrong, folder, monkeypatch), wrong[-80:]

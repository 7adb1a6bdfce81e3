"""The service as a process: its token, its socket, and an end that leaves nothing half done."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import stat
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from expunge.cli import run
from expunge.errors import EXIT_CODES, FileNotUsableError, InvalidParameterError
from expunge.service import Service
from expunge.workspace import Workspace
from processes import call, context, script, start_server
from service.calling import serve

ROOT = Path(__file__).parents[2]


def until(is_so: Callable[[], Any], seconds: float = 60) -> Any:
    """What a function gives as soon as it gives something."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := is_so():
            return found
        time.sleep(0.02)
    raise AssertionError("it never came")


class Running:
    """``expunge serve`` in a child."""

    def __init__(self, root: Path, folder: Path) -> None:
        start_server()
        self.out, self.error = folder / "out", folder / "error"
        self.process = context.Process(target=serve, args=(root, self.out, self.error), daemon=True)
        self.process.start()
        until(lambda: self.process.exitcode is not None or (self.out.is_file() and self.out.read_text().endswith("\n")))
        self.told = json.loads(self.out.read_text())
        self.token = Path(self.told["token_file"]).read_text().strip()
        self.port = int(self.told["url"].rpartition(":")[2])

    def ask(self, method: str, path: str, body: Any = None, token: str | None = None) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        headers = {"Authorization": f"Bearer {token or self.token}", "Content-Type": "application/json"}
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        data = answer.read()
        connection.close()
        return answer.status, data

    def leave(self, path: str, body: Any) -> None:
        """Ask, and go away before the answer."""
        data = json.dumps(body).encode()
        head = (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {self.token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
        )
        with socket.create_connection(("127.0.0.1", self.port)) as line:
            line.sendall(head.encode() + data)

    def end(self, number: int) -> int:
        assert self.process.pid is not None
        os.kill(self.process.pid, number)
        self.process.join(60)
        assert self.process.exitcode is not None
        return self.process.exitcode


@pytest.fixture
def running(root: Path, tmp_path: Path) -> Iterator[Running]:
    made = Running(root, tmp_path)
    yield made
    made.process.kill()


def test_a_person_is_forgotten_over_a_socket(running: Running, root: Path, tmp_path: Path) -> None:
    assert stat.S_IMODE(Path(running.told["token_file"]).stat().st_mode) == 0o600
    assert running.ask("GET", "/status", token="x" * 40)[0] == 401
    status, data = running.ask("POST", "/forget", {"subjects": ["ö-1"]})
    assert (status, json.loads(data)["requests"][0]["state"]) == (200, "done")
    receipt, key = tmp_path / "receipt.json", tmp_path / "public.pem"
    receipt.write_bytes(running.ask("GET", "/receipts/1")[1])
    key.write_bytes(running.ask("GET", "/key")[1])
    code, printed = call(script, ROOT / "examples" / "verify_receipt.py", str(receipt), str(key))
    assert (code, printed.startswith("VERIFIED")) == (0, True), printed

    running.leave("/forget", {"subjects": ["ö-2"]})  # who goes away stops nothing
    assert until(lambda: json.loads(running.ask("GET", "/requests?every=true")[1])["requests"][1:])
    until(lambda: json.loads(running.ask("GET", "/requests/2")[1])["requests"][0]["state"] == "done")

    running.leave("/forget", {"subjects": ["ö-3", "ö-4"]})
    until(lambda: json.loads(running.ask("GET", "/requests?every=true")[1])["requests"][2:])
    assert running.end(signal.SIGTERM) == 0
    ws = Workspace.open(root)
    assert [answer.request.state for answer in ws.request_list(every=True)] == ["done"] * 4
    assert ws.verify()
    ws.close()
    log = running.error.read_text()
    assert "POST /forget 200" in log
    assert "GET /receipts/{number} 200" in log
    assert "ö-" not in log
    assert running.token not in log


def test_ctrl_c_is_told_and_a_kill_leaves_what_a_killed_command_leaves(
    running: Running, root: Path, tmp_path: Path
) -> None:
    assert running.ask("POST", "/requests", {"subjects": ["ö-1"]})[0] == 201
    running.leave("/requests/run", {})
    assert running.end(signal.SIGKILL) == -signal.SIGKILL
    again = tmp_path / "again"
    again.mkdir()
    second = Running(root, again)
    assert second.token == running.token, "a token is made once"
    second.ask("POST", "/requests/run", {"requests": [1]})
    assert json.loads(second.ask("GET", "/requests/1")[1])["requests"][0]["state"] == "done"
    assert json.loads(second.ask("POST", "/verify")[1])["ok"]
    assert second.end(signal.SIGINT) == 130
    assert '"interrupted"' in second.out.read_text()


# ---------------------------------------------------------------- what it is started with


def refused(kind: type[Exception], root: Path, **given: Any) -> str:
    with pytest.raises(kind) as caught:
        Service(root, port=0, **given)
    return str(caught.value)


def test_what_it_is_started_with(root: Path, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("s" * 40)
    token.chmod(0o644)
    assert "chmod 600" in refused(FileNotUsableError, root, token_file=token)
    token.chmod(0o600)
    token.write_text("short")
    assert "no token" in refused(InvalidParameterError, root, token_file=token)
    assert "no address" in refused(InvalidParameterError, root, host="no.such.host.invalid")
    assert "Cannot listen" in refused(InvalidParameterError, root, host="192.0.2.1")
    refused(FileNotUsableError, tmp_path)
    token.write_text("s" * 40)
    with pytest.warns(UserWarning, match="put a proxy with TLS in front"):
        made = Service(root, host="0.0.0.0", port=0, token_file=token, allow_hosts=["forget.example"])  # noqa: S104
    made.close()


def test_without_the_extra_it_is_one_sentence(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in [name for name in sys.modules if name.startswith("expunge.service")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "fastapi", None)
    assert run(["serve", "--workspace", str(root)]) == EXIT_CODES["missing-extra"]
    out, error = capsys.readouterr()
    assert (out, error) == (
        "", "Error: The service needs FastAPI and uvicorn. Install them with: pip install 'expunge[serve]'.\n",
    )  # fmt: skip

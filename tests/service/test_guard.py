"""Who may not call, and what must not come in: refused in one sentence, before anything is touched or written down."""

from __future__ import annotations

import hashlib
import json
import logging
import threading
from pathlib import Path
from typing import Any

import pytest

from expunge.service.app import make_app
from expunge.service.guard import host_of
from service.calling import JSON, TOKEN, Caller

AUTHORIZED = (b"authorization", b"Bearer " + TOKEN.encode())


def bytes_of(folder: Path) -> str:
    """A digest of every file, but that of the lock."""
    files = [
        path for path in sorted(folder.rglob("*")) if path.is_file() and path.name not in ("lock", "ledger.db-shm")
    ]
    return hashlib.sha256(b"".join(path.name.encode() + path.read_bytes() for path in files)).hexdigest()


def forget(body: bytes, *headers: tuple[bytes, bytes], **more: Any) -> tuple[Any, ...]:
    return "POST", "/forget", body, headers or (JSON,), more


def ids(*values: Any) -> bytes:
    return json.dumps({"subjects": values}).encode()


GOOD = ids("ö-1")
REFUSED = {
    "no token": (401, forget(GOOD, token=None)),
    "wrong token": (401, forget(GOOD, token="u" * 40)),
    "a part of the token": (401, forget(GOOD, token=TOKEN[:-1])),
    "an empty token": (401, forget(GOOD, token="")),
    "another scheme": (401, forget(GOOD, JSON, (b"authorization", b"Basic " + TOKEN.encode()), token=None)),
    "two tokens": (400, forget(GOOD, JSON, AUTHORIZED)),
    "an unknown route without a token": (401, ("GET", "/nowhere", b"", (), {"token": None})),
    "the description without a token": (401, ("GET", "/openapi.json", b"", (), {"token": None})),
    "another host": (400, forget(GOOD, host=b"evil.example")),
    "a host behind ours": (400, forget(GOOD, host=b"localhost.evil.example")),
    "no host": (400, forget(GOOD, host=b"")),
    "two hosts": (400, forget(GOOD, JSON, (b"host", b"evil.example"))),
    "a large body": (413, forget(ids("x" * 200_000))),
    "a large body that is announced": (413, forget(GOOD, JSON, (b"content-length", b"9" * 30))),
    "a body with two ends": (400, forget(GOOD, JSON, (b"content-length", b"5"), (b"transfer-encoding", b"chunked"))),
    "a body that is cut off": (400, forget(GOOD, cut=True)),
    "a form": (415, forget(b"subjects=%C3%B6-1", (b"content-type", b"application/x-www-form-urlencoded"))),
    "text": (415, forget(GOOD, (b"content-type", b"text/plain"))),
    "no type": (415, forget(GOOD, (b"x-nothing", b""))),
    "deep JSON": (422, forget(b'{"subjects":' + b"[" * 90_000)),
    "NaN": (422, forget(b'{"subjects":[NaN]}')),
    "an infinite number": (422, forget(b'{"subjects":[1e999]}')),
    "a number of many digits": (422, forget(b'{"subjects":[' + b"9" * 5_000 + b"]}")),
    "an integer beyond 64 bits": (422, forget(ids(2**70))),
    "a field twice": (422, forget(b'{"subjects":["a"],"subjects":["b"]}')),
    "latin-1": (422, forget('{"subjects":["ö-1"]}'.encode("latin-1"))),
    "no JSON": (422, forget(b"{")),
    "a list": (422, forget(b"[]")),
    "no body": (422, forget(b"")),
    "nothing named": (422, forget(b"{}")),
    "an unknown field": (422, forget(b'{"subjects":["a"],"estimator":"os.system"}')),
    "an unknown field that is no text": (422, forget(b'{"\\ud800":1}')),
    "a boolean": (422, forget(ids(True))),
    "a float": (422, forget(ids(1.0))),
    "nothing for an id": (422, forget(ids(None))),
    "a list for an id": (422, forget(ids(["a"]))),
    "one id and no list": (422, forget(b'{"subjects":"a"}')),
    "texts and integers": (422, forget(ids("a", 1))),
    "half a character": (422, forget(b'{"subjects":["\\ud800"]}')),
    "too many ids": (422, forget(ids(*range(10_001)))),
    "a long id": (422, forget(ids("x" * 1_001))),
    "an unknown record with a new line": (404, forget(b'{"records":["a\\nb\\u0000"]}')),
    "an unknown data set": (404, forget(b'{"subjects":["a"],"data":"../people"}')),
    "an unknown law": (422, forget(b'{"subjects":["a"],"regime":"mine"}')),
    "no day": (422, forget(b'{"subjects":["a"],"received":"spring"}')),
    "an unknown route": (404, ("GET", "/nowhere", b"", (), {})),
    "a path upwards": (404, ("GET", "/models/../../etc/passwd", b"", (), {})),
    "a path in a name": (404, ("GET", "/receipts/../keys/salt", b"", (), {})),
    "a name that goes upwards": (404, ("GET", "/models/..", b"", (), {})),
    "a number that is none": (422, ("GET", "/receipts/0001.json", b"", (), {})),
    "a number beyond 64 bits": (404, ("GET", f"/requests/{2**80}", b"", (), {})),
    "a slash behind": (404, ("GET", "/status/", b"", (), {})),
    "another method": (405, ("PUT", "/forget", GOOD, (JSON,), {})),
    "a question of a page elsewhere": (405, ("OPTIONS", "/forget", b"", ((b"origin", b"https://evil.example"),), {})),
    "an unknown step": (422, ("POST", "/requests/1/burn", b"{}", (JSON,), {})),
    "a run of nothing": (404, ("POST", "/requests/run", b'{"requests":[99]}', (JSON,), {})),
}  # fmt: skip


def test_what_is_refused_changes_nothing_and_is_one_sentence(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    caller = Caller(root, limit_bytes=100_000)
    assert caller.post("/plan", {"subjects": ["ö-1"]}).status == 200
    before = bytes_of(root)
    for name, (status, (method, path, body, headers, more)) in REFUSED.items():
        answer = caller.raw(method, path, body, headers, **more)
        assert answer.status == status, (name, answer.body)
        error = answer.told["error"]
        assert set(error) == {"code", "message", "hint"}, name
        assert "Traceback" not in answer.body.decode()
        assert "access-control-allow-origin" not in answer.headers
        assert answer.headers["cache-control"] == "no-store"
        assert (status == 401) == ("www-authenticate" in answer.headers), name
        assert bytes_of(root) == before, name
    caller.desk.close()
    assert "ö-1" not in caplog.text
    assert TOKEN not in caplog.text


def test_names_of_a_host() -> None:
    assert [host_of(text) for text in ("LOCALHOST", "127.0.0.1:80", "[::1]", "[::1]:8321")] == [
        "localhost", "127.0.0.1", "::1", "::1",
    ]  # fmt: skip
    assert [host_of(text) for text in ("", ":80", "a b:80:90", "[::1", "a:port")] == [None] * 5


def test_an_unforeseen_error_tells_nobody_whom_it_was_about(
    caller: Caller,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("of ö-1")

    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr("expunge.workspace.requests.finding.find", broken)
    answer = caller.post("/find", {"subjects": ["ö-1"]})
    assert (answer.status, answer.code) == (500, "error")
    assert caller.raw("GET", "/find", query="subject=ö-1".encode()).status == 405
    assert caller.get("/persons/ö-1").status == 404
    told = caplog.text + "".join(capsys.readouterr()) + answer.body.decode()
    assert "Unforeseen RuntimeError at " in told
    assert "POST /find 500" in told
    assert "ö-1" not in told
    assert caller.get("/status").status == 200


# ---------------------------------------------------------------- at the same time


def test_the_same_request_is_not_carried_out_twice_at_once(caller: Caller) -> None:
    caller.post("/requests", {"subjects": ["ö-1"]})
    caller.post("/requests", {"subjects": ["ö-2"]})
    begun, go_on = threading.Event(), threading.Event()
    answers: list[Any] = []

    def slow(ws: Any) -> Any:
        begun.set()
        assert go_on.wait(60)
        return ws.request_run([1])

    threads = [threading.Thread(target=lambda: answers.append(caller.desk.change(slow, about=["Request 1"])))]
    threads[0].start()
    assert begun.wait(60)
    busy = caller.post("/requests/run", {"requests": [1]})
    assert (busy.status, busy.code) == (409, "workspace-busy")
    assert caller.get("/status").status == 200
    assert caller.post("/models/members/predict", {"rows": [{"age": 1.0, "hours": 0.5}]}).status == 200
    assert caller.post("/requests", {"subjects": ["ö-3"]}).status == 201, "requests are taken in meanwhile"
    threads.append(threading.Thread(target=lambda: answers.append(caller.post("/requests/run", {"requests": [2]}))))
    threads[1].start()
    go_on.set()
    for thread in threads:
        thread.join(60)
    (first, _), second = answers
    assert [answer.request.state for answer in first] == ["done"]
    assert [one["state"] for one in second.told["requests"]] == ["done"]
    assert [one["state"] for one in caller.post("/requests/run", {"requests": [1]}).told["requests"]] == ["done"]
    assert caller.post("/verify").told["ok"]


def test_at_the_end_what_is_under_way_goes_on_and_what_waits_is_refused(caller: Caller) -> None:
    begun, go_on = threading.Event(), threading.Event()
    answers: dict[str, Any] = {}

    def slow(ws: Any) -> Any:
        begun.set()
        assert go_on.wait(60)
        return ws.forget(subjects=["ö-1"])

    def waits() -> None:
        answers["waits"] = caller.post("/forget", {"subjects": ["ö-2"]})

    threads = [
        threading.Thread(target=lambda: answers.update(first=caller.desk.change(slow))),
        threading.Thread(target=waits),
    ]
    threads[0].start()
    assert begun.wait(60)
    threads[1].start()
    while caller.desk._n_waiting < 2:
        pass
    caller.desk.end()
    threads[1].join(60)
    comes = caller.post("/forget", {"subjects": ["ö-3"]})
    assert [(one.status, one.code) for one in (answers["waits"], comes)] == [(409, "workspace-busy")] * 2
    assert caller.get("/status").status == 200
    go_on.set()
    threads[0].join(60)
    assert [answer.request.state for answer in answers["first"][0]] == ["done"]
    assert [one["request"] for one in caller.get("/requests", query=b"every=true").told["requests"]] == [1]


def test_so_many_changes_wait_and_no_more(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("expunge.service.desk.MOST_WAITING", 0)
    busy = caller.post("/forget", {"subjects": ["ö-1"]})
    assert (busy.status, busy.code) == (409, "workspace-busy")
    assert "POST /requests" in busy.told["error"]["hint"]


def test_another_process_that_changes_is_told(caller: Caller) -> None:
    from expunge.workspace import Workspace

    other = Workspace.open(caller.desk.path)
    with other._core.lock.held():
        busy = caller.post("/forget", {"subjects": ["ö-1"]})
        assert (busy.status, busy.code) == (409, "workspace-busy")
        assert "POST /requests" in busy.told["error"]["hint"]
        assert caller.post("/requests", {"subjects": ["ö-1"]}).status == 201
    other.close()


def test_a_websocket_is_closed(caller: Caller) -> None:
    import asyncio

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        raise AssertionError

    asyncio.run(make_app(caller.desk, token=TOKEN)({"type": "websocket", "path": "/", "headers": []}, receive, send))
    assert sent == [{"type": "websocket.close", "code": 1008}]

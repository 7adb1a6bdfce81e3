"""Every route: what it answers is what the facade says, and only that."""

from __future__ import annotations

import ast
import json
import threading
import warnings
from pathlib import Path
from typing import Any

import pytest

import expunge
from expunge.ledger.verify import verify_bundle
from expunge.service import answers, bodies
from expunge.service.notes import Notes
from expunge.workspace import Workspace
from service.calling import TOKEN, Caller, people

SRC = Path(expunge.__file__).parent

#: Verbs of the facade that are not served, and why.
NOT_SERVED = {
    "init": "a service is that of a workspace that is there",
    "open": "as init",
    "close": "the server does it",
    "path": "in the status",
    "resume": "done at each start and change",
    **dict.fromkeys(
        ("data_add", "data_append", "fit", "adopt", "export", "audit", "influence", "request_add_file"),
        "reads or writes files of this machine, by paths that a caller would choose",
    ),
    **dict.fromkeys(
        ("model_change", "model_remove", "promote", "data_remove", "data_derive", "keys_rotate", "keys_shred_nonces"),
        "decides what there is and who signs: for whoever has the folder",
    ),
    "advise_shards": "reads a file",
    "advise_privacy": "reads a file, and needs no workspace",
    "request_add": "takes objects of Python; request_ask is the same with ids",
}  # fmt: skip


def sources() -> dict[str, ast.Module]:
    return {path.name: ast.parse(path.read_text(encoding="utf-8")) for path in (SRC / "service").glob("*.py")}


def routes() -> list[ast.FunctionDef]:
    found = [node for tree in sources().values() for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    return [node for node in found if any("router." in ast.unparse(mark) for mark in node.decorator_list)]


def test_every_verb_of_the_facade_is_served_or_not_for_a_reason() -> None:
    called = {
        node.func.attr for tree in sources().values() for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and ast.unparse(node.func.value) == "ws"
    }  # fmt: skip
    verbs = {name for name in dir(Workspace) if not name.startswith("_")}
    assert called <= verbs
    assert called & set(NOT_SERVED) == set()
    assert verbs - called == set(NOT_SERVED), "serve it, or say why not"


def test_a_route_is_short() -> None:
    assert len(routes()) > 20
    for node in routes():
        assert node.end_lineno is not None
        assert node.end_lineno - node.lineno < 25
        assert ast.get_docstring(node), node.name


def test_no_person_stands_in_an_address(caller: Caller) -> None:
    described = caller.get("/openapi.json").told
    named = {
        one["name"]
        for path in described["paths"].values()
        for way in path.values()
        for one in way.get("parameters", ())
    }
    assert named == {"name", "number", "action", "place", "every", "replay"}
    ways = {(way, path) for path, every in described["paths"].items() for way in every}
    assert len(ways) == len(routes()) + 1  # and /health
    assert described["components"]["securitySchemes"]["HTTPBearer"]["scheme"] == "bearer"
    assert "/docs" not in described["paths"]
    assert caller.get("/docs").status == 404


def test_hints_of_the_command_line_are_said_in_words_of_the_service() -> None:
    said = "".join(path.read_text(encoding="utf-8") for path in (SRC / "workspace").rglob("*.py"))
    assert [there for there, _ in answers._THERE_AND_HERE if there not in said] == []
    assert json.loads(answers.problem(404, "No.", "See `expunge status`.").body)["error"]["hint"] == "See GET /status."


# ---------------------------------------------------------------- what a ticket system does


def test_from_a_ticket_to_a_receipt(caller: Caller, root: Path) -> None:
    asked = {"subjects": ["ö-1"]}
    found = caller.post("/find", asked).told["found"]
    assert [(one["what"], one["name"], one["records"]) for one in found] == [
        ("data", "people", 3),
        ("model", "members", 3),
    ]
    (plan,) = caller.post("/plan", asked).told["plans"]
    assert (plan["model"], plan["guarantee"]["kind"]) == ("members", "exact")

    wish = {**asked, "caller": "tickets", "key": "T-1", "received": "2026-03-05", "regime": "ccpa"}
    taken = caller.post("/requests", wish)
    assert taken.status == 201
    (waiting,) = taken.told["requests"]
    assert (waiting["request"], waiting["state"], waiting["due"]) == (1, "received", "2026-04-19")
    assert caller.post("/requests", wish).told["requests"][0]["request"] == 1, "the same key is the same request"
    assert caller.get("/receipts/1").code == "unknown-name"

    (done,) = caller.post("/requests/run", {"requests": [1]}).told["requests"]
    assert (done["state"], done["models"][0]["records"]) == ("done", 3)
    assert caller.post("/find", asked).told["found"] == []
    (shown,) = caller.get("/requests/1").told["requests"]
    assert [step["action"] for step in shown["history"]] == ["start", "finish"]
    assert [one["request"] for one in caller.get("/receipts").told["receipts"]] == [1]

    receipt = caller.get("/receipts/1").body
    assert receipt == (root / "receipts" / "0001.json").read_bytes()
    key = caller.get("/key").body
    assert key == (root / "public.pem").read_bytes()
    assert verify_bundle(receipt, key)
    assert caller.raw("POST", "/verify", receipt, [(b"content-type", b"application/json")]).told["ok"] is True
    wrong = caller.raw(
        "POST", "/verify", receipt.replace(b'"index":', b'"index" :'), [(b"content-type", b"application/json")]
    )
    assert (wrong.status, wrong.told["ok"]) == (200, False)
    assert caller.post("/verify").told["ok"] is True
    replayed = caller.raw(
        "POST", "/verify", receipt, [(b"content-type", b"application/json")], query=b"replay=true"
    ).told
    assert any("a fresh fit on what is left" in line for line in replayed["lines"])
    page = caller.get("/receipts/1/page")
    assert page.headers["content-type"].startswith("text/html")
    assert b"Verified" in page.body
    assert b"<script" not in page.body
    assert {entry["kind"] for entry in caller.get("/log").told["entries"]} >= {"request", "receipt"}
    assert "payload" in caller.get("/log/head").told
    assert caller.get("/receipts/1/audits/0").code == "unknown-name"


def test_a_request_is_held_extended_and_refused(caller: Caller) -> None:
    caller.post("/requests", {"subjects": ["ö-1", "ö-2"]})

    def state(path: str, body: Any) -> str:
        answer = caller.post(path, body)
        assert answer.status == 200, answer.body
        return str(answer.told["requests"][0]["state"])

    assert state("/requests/1/hold", {"reason": "litigation"}) == "on-hold"
    assert caller.post("/requests/run", {"requests": [1]}).status == 422
    assert state("/requests/1/release", None) == "received"
    assert state("/requests/1/extend", {"reason": "complexity"}) == "extended"
    assert state("/requests/2/identity", {}) == "identity-pending"
    assert state("/requests/2/identity", {"confirmed": True}) == "received"
    assert state("/requests/2/refuse", {"reason": "no-ground"}) == "refused"
    assert caller.post("/requests/1/hold", {"reason": "Mrs Smith wants it"}).status == 422
    assert caller.post("/requests/1/settle", {"name": "file:none"}).status in (404, 422)
    assert [one["request"] for one in caller.get("/requests").told["requests"]] == [1]
    assert [one["request"] for one in caller.get("/requests", query=b"every=true").told["requests"]] == [1, 2]
    assert [one["state"] for one in caller.post("/requests/run", {}).told["requests"]] == ["done"]
    assert caller.post("/requests/run").told["requests"] == []
    assert caller.post("/data/expire").told["requests"] == []


def test_at_once_and_who_is_gone(caller: Caller) -> None:
    (first, second) = caller.post("/forget", {"subjects": ["ö-1"], "records": ["030"]}).told["requests"]
    assert (first["state"], second["state"]) == ("done", "done")
    (again,) = caller.post("/forget", {"subjects": ["ö-1"]}).told["requests"]
    assert again["state"] == "nothing-held"
    gone = caller.post("/forget", {"records": ["030"]})
    assert (gone.status, gone.code) == (404, "unknown-record")
    assert caller.post("/rectify", {"data": "people", "rows": [{"id": "030", "age": 1.0}]}).status == 404
    (right,) = caller.post("/rectify", {"data": "people", "rows": [{"id": "040", "age": 2.5}]}).told["requests"]
    assert right["models"][0]["records"] == 1
    unaudited = caller.post("/forget", {"subjects": ["ö-5"], "audit": 2})  # no record is left that no model has learned
    assert (unaudited.status, unaudited.code) == (422, "invalid-parameter")
    assert len(caller.post("/find", {"subjects": ["ö-5"]}).told["found"]) == 2
    ws = Workspace.open(caller.desk.path)
    assert ws.verify()
    ws.close()


def test_dashboards_and_applications(caller: Caller) -> None:
    assert caller.get("/health", token=None).told["status"] == "ok"
    status = caller.get("/status").told
    assert (status["models"], status["run_now"]) == (caller.get("/models").told["models"], [])
    assert caller.get("/models/members").told["columns"] == {"age": "number", "hours": "number"}
    assert [one["name"] for one in caller.get("/data").told["data"]] == ["people"]
    shown = caller.get("/data/people").told
    assert (shown["n_records"], shown["subject_id"]) == (60, "person")
    assert "ö-1" not in json.dumps([status, shown], ensure_ascii=False)

    rows = [{"age": 1.0, "hours": 0.5}, {"age": None, "hours": 2}]
    told = caller.post("/models/members/predict", {"rows": rows, "probabilities": True}).told["predictions"]
    assert list(told[0]) == ["row", "prediction", "p(no)", "p(yes)"]
    table = people().head(5)
    ours = caller.post("/models/members/predict", {"rows": table.drop(columns="person").to_dict("records")}).told[
        "predictions"
    ]
    table.to_csv(caller.desk.path.parent / "five.csv", index=False)
    theirs = (
        Workspace.open(caller.desk.path).predict("members", caller.desk.path.parent / "five.csv").to_dict("records")
    )
    assert ours == theirs
    for rows, word in (
        ([], "no rows"), ([{}], "no rows"), ([{"age": 1}, {"hours": 1}], "column 'age'"),
        ([{"age": "x", "hours": 1}, {"age": 1, "hours": 1}], "mixes"), ([{"age": 1}], "'hours'"),
    ):  # fmt: skip
        refused = caller.post("/models/members/predict", {"rows": rows})
        assert (refused.status, refused.code) == (422, "invalid-data")
        assert word in refused.told["error"]["message"]


def test_ids_stay_what_they_are() -> None:
    asked = bodies.Asked.model_validate({"subjects": [17, "17", "007"], "classes": [1, "1"]})
    assert asked.given() == {"subjects": [17, "17", "007"], "classes": [1, "1"]}
    assert [type(one) for one in asked.given()["subjects"]] == [int, str, str]


def test_notes_reach_who_asked_and_nobody_else(caller: Caller, capsys: pytest.CaptureFixture[str]) -> None:
    told = caller.post("/find", {"subjects": ["ö-1", "ö-unknown"]}).told
    assert [note for note in told["notes"] if "ö-unknown" in note]
    assert caller.post("/find", {"subjects": ["ö-1"]}).told["notes"] == []
    assert "ö-" not in "".join(capsys.readouterr())


def test_each_thread_hears_its_own_warnings_and_others_stay_as_they_were() -> None:
    notes, both = Notes(), threading.Barrier(2)
    found: dict[str, list[str]] = {}

    def ask(what: str) -> None:
        with notes.heard() as heard:
            both.wait(60)
            warnings.warn(what, UserWarning, stacklevel=1)
            both.wait(60)
        found[what] = heard

    with warnings.catch_warnings(record=True) as elsewhere:
        before = warnings.showwarning
        threads = [threading.Thread(target=ask, args=(what,)) for what in ("one", "two")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert warnings.showwarning is before
    assert (found, elsewhere) == ({"one": ["one"], "two": ["two"]}, [])


def test_what_a_model_was_before_is_not_kept_in_memory(caller: Caller) -> None:
    def held() -> set[int]:
        return {number for one in (caller.desk._asks, caller.desk._changes) for number in one._core.cache}

    caller.post("/models/members/predict", {"rows": [{"age": 1.0, "hours": 0.5}]})
    before = held()
    assert caller.post("/forget", {"subjects": ["ö-1"]}).status == 200
    assert before & held() == set()
    assert TOKEN not in json.dumps(caller.get("/status").told)

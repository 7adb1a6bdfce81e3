"""The life of a workspace in a child process, to be ended at any instant and gone on with; steps may be repeated."""

from __future__ import annotations

import json
import os
import shutil
import signal
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import expunge
from expunge.errors import ExpungeError
from expunge.workspace.storage.key_files import Secrets
from expunge.workspace.storage.layout import Layout
from processes import context, start_server

#: Values that only the person who is forgotten first has.
SECRET_TEXT, SECRET_NUMBER = "canary-b84e06d2a97c5d20", 867.3918273645
PEOPLE = [f"person-{i:02d}-9c51e2d8" for i in range(20)]


def people() -> pd.DataFrame:
    """Forty rows about twenty persons."""
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(
        {
            "id": [f"r{i:03d}" for i in range(40)],
            "person": [PEOPLE[i // 2] for i in range(40)],
            "job": rng.choice(["baker", "smith"], 40),
            "size": np.round(rng.normal(170, 10, 40), 2),
            "label": rng.choice(["yes", "no"], 40),
        }
    )
    frame.loc[0, ["job", "size"]] = [SECRET_TEXT, SECRET_NUMBER]
    return frame


def prepare(folder: Path, keys: Path | None = None) -> Path:
    """A folder with a table and, so that two lives can be compared, with secrets from elsewhere."""
    folder.mkdir(parents=True)
    people().to_csv(folder / "people.csv", index=False)
    root = folder / "ws"
    root.mkdir()
    if keys is not None:
        shutil.copytree(keys, Layout(root).keys)
    return root


def make_keys(folder: Path) -> Path:
    """Secrets that several lives share."""
    Secrets.make(folder)
    from expunge.ledger.keys import generate

    generate(folder / "ed25519.pem")
    return folder


def begin(root: Path) -> expunge.Workspace:
    """Make the workspace, add the table, fit two models; what is done already is not done again."""
    ws = expunge.Workspace.open(root) if Layout(root).config.exists() else expunge.Workspace.init(root)
    if not ws.data_list():
        ws.data_add(root.parent / "people.csv", record_id="id", subject_id="person")
    known = {model["name"] for model in ws.status()["models"]}
    if "sums" not in known:
        ws.fit("sums", data="people", target="label", method="gaussian-nb", ignore=["job"])
    if "shards" not in known:
        ws.fit("shards", data="people", target="label", method="sisa", options={"n_shards": 2})
    return ws


def forget(ws: expunge.Workspace, number: int) -> None:
    """Forget the person of this number, under a key of the caller, so that asking again is the same request."""
    ws.forget(subjects=[PEOPLE[number]], caller="life", key=f"forget-{number}")


def live(root: Path, n_people: int = 1) -> None:
    """A whole life."""
    ws = begin(root)
    for number in range(n_people):
        forget(ws, number)
    ws.close()


def everything(root: Path) -> None:
    """A life with steps of every kind; what is done already is not done again."""
    ws = begin(root)
    table = root.parent / "people.csv"
    if not any(derived["place"] == "scores.csv" for derived in _artefacts(ws)) and not ws.request_list(every=True):
        ws.predict("shards", table, keep="scores.csv")
    forget(ws, 0)
    corrected = people().iloc[[6]].assign(size=180.5)[["id", "size"]]
    corrected.to_csv(root.parent / "corrected.csv", index=False)
    ws.rectify(root.parent / "corrected.csv", data="people", caller="life", key="rectify")
    if not any(entry["kind"] == "rotation" for entry in ws.log()):
        ws.keys_rotate()
    if "again" not in {data["name"] for data in ws.data_list()}:
        ws.data_add(table, record_id="id", subject_id="person", name="again", skip_forgotten=True)
    ws.forget(records=["r020", "r021"], data="people", caller="life", key="records")
    if len(ws.request_list(every=True)) == 3 and "job" not in _columns(ws, "sums"):
        ws.fit("sums", data="people", target="label", method="gaussian-nb", replace=True)
    ws.forget(features=["job"], caller="life", key="feature")
    ws.request_ask(subjects=["nobody"], caller="life", key="nobody")
    ws.request_run()
    ws.forget(classes=["yes"], caller="life", key="class")
    ws.close()


def _columns(ws: expunge.Workspace, name: str) -> list[str]:
    from expunge.workspace.models import models

    with ws._core.read() as connection:
        return list(models.open_model(ws._core, connection, name).card.card.schema.columns)


def _artefacts(ws: expunge.Workspace) -> list[dict[str, Any]]:
    from expunge.workspace.database.tables import artefacts

    with ws._core.read() as connection:
        return list(ws._core.db.rows(connection, artefacts))


def forget_in(root: Path, number: int) -> None:
    """Forget one person, in a process of its own."""
    forget(expunge.Workspace.open(root), number)


def hold(root: Path, pipe: Any) -> None:
    """Hold the lock for good."""
    with expunge.Workspace.open(root)._core.lock.held():
        pipe.send("held")
        signal.pause()


def as_nobody(root: Path) -> None:
    """Forget as somebody who may not write."""
    if os.getuid() == 0:
        expunge.Workspace.open(root).close()  # imports what nobody else may be allowed to read
        os.setgid(65534)
        os.setuid(65534)
    forget(expunge.Workspace.open(root), 0)


def state(ws: expunge.Workspace) -> dict[str, Any]:
    """What must be the same, whatever happened on the way."""
    core = ws._core
    from expunge.workspace.models import models

    with core.read() as connection:
        found = models.live_models(core, connection)
    answers = ws.request_list(every=True)
    return {
        "digests": {model.name: models.load(core, model).model.digest() for model in found},
        "versions": {model.name: model.version for model in found},
        "data": [(data["name"], data["version"], data["n_records"]) for data in ws.data_list()],
        "requests": [(answer.request.number, answer.request.state) for answer in answers],
        "receipts": sorted(path.name for path in (ws.path / "receipts").iterdir()),
        "log": [entry["kind"] for entry in ws.log() if entry["kind"] not in ("start", "new-version")],
    }


def look(root: Path, pipe: Any, n_people: int = 0) -> None:
    """Go on with a life, and say how things stand then and what is wrong with them."""
    live(root, n_people)
    ws = begin(root)
    verdict = ws.verify()
    told = {"state": state(ws), "verdict": str(verdict), "ok": bool(verdict)}
    for path in sorted((root / "receipts").iterdir()):
        told["ok"] = told["ok"] and bool(ws.verify(path))
    ws.close()
    pipe.send(json.dumps(told))


class Child:
    """A process that runs a function of this module, and how it ended.

    Parameters
    ----------
    function : callable
    *arguments
    environment : mapping
        Added to that of the child.
    """

    def __init__(self, function: Callable[..., Any], *arguments: Any, **environment: str) -> None:
        start_server()
        self.process = context.Process(target=_run, args=(function, arguments, environment), daemon=True)
        self.process.start()

    def end(self, seconds: float | None = None) -> int:
        """Wait; if it is still there after so many seconds, end it with SIGKILL. Gives the exit code."""
        self.process.join(seconds)
        if self.process.is_alive():
            os.kill(self.process.pid, signal.SIGKILL)
            self.process.join()
        assert self.process.exitcode is not None
        return self.process.exitcode


def _run(function: Callable[..., Any], arguments: tuple[Any, ...], environment: dict[str, str]) -> None:
    os.environ.update(environment)
    warnings.filterwarnings("ignore", "Finished interrupted request")
    try:
        function(*arguments)
    except ExpungeError as error:
        print(f"{type(error).__name__}: {error}", flush=True)
        os._exit(3)
    os._exit(0)


def looked(root: Path, n_people: int = 0) -> dict[str, Any]:
    """What :func:`look` says, in a child of its own."""
    here, there = context.Pipe(duplex=False)
    child = Child(look, root, there, n_people)
    there.close()
    try:
        told: dict[str, Any] = json.loads(here.recv())
    except EOFError:
        raise AssertionError(f"the child ended with code {child.end()}") from None
    assert child.end() == 0
    return told

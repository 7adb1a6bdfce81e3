"""A service called in this process, without a network: an ASGI application is a function."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from expunge.service.app import make_app
from expunge.service.desk import Desk
from expunge.workspace import Workspace
from processes import redirect

TOKEN = "t" * 40
JSON = (b"content-type", b"application/json")


class Answered(NamedTuple):
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def told(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        return str(self.told["error"]["code"])


class Caller:
    """Calls the service of a workspace."""

    def __init__(self, root: Path, **settings: Any) -> None:
        self.desk = Desk(root)
        self.app = make_app(self.desk, token=TOKEN, **settings)

    def raw(
        self, method: str, path: str, body: bytes = b"", headers: Sequence[tuple[bytes, bytes]] = (),
        *, token: str | None = TOKEN, host: bytes = b"localhost:8321", query: bytes = b"", cut: bool = False,
    ) -> Answered:  # fmt: skip
        """A call as it comes from a socket."""
        sent: list[dict[str, Any]] = []
        parts = [{"type": "http.request", "body": body[at : at + 2**16], "more_body": at + 2**16 < len(body) or cut}
                 for at in range(0, max(1, len(body)), 2**16)]  # fmt: skip
        parts.append({"type": "http.disconnect"})
        sending = iter(parts)

        async def receive() -> dict[str, Any]:
            return next(sending)

        async def send(message: Any) -> None:
            sent.append(message)

        own = [(b"host", host), *headers]
        if token is not None:
            own.append((b"authorization", b"Bearer " + token.encode()))
        scope = {
            "type": "http", "http_version": "1.1", "method": method, "path": path, "raw_path": path.encode(),
            "query_string": query, "headers": own, "scheme": "http", "server": ("localhost", 8321),
            "client": ("127.0.0.1", 1), "root_path": "",
        }  # fmt: skip
        asyncio.run(self.app(scope, receive, send))
        start, *rest = sent
        told = {name.decode().lower(): value.decode() for name, value in start["headers"]}
        return Answered(start["status"], told, b"".join(one.get("body", b"") for one in rest))

    def get(self, path: str, **more: Any) -> Answered:
        return self.raw("GET", path, **more)

    def post(self, path: str, body: Any = None, **more: Any) -> Answered:
        return self.raw("POST", path, b"" if body is None else json.dumps(body).encode(), [JSON], **more)


def people(n: int = 60) -> pd.DataFrame:
    """A table about twenty persons, whose ids are not ASCII."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=n).round(3)
    return pd.DataFrame(
        {
            "id": [f"{i:03d}" for i in range(n)], "person": [f"ö-{i // 3}" for i in range(n)], "age": x,
            "hours": rng.normal(size=n).round(3), "member": np.where(x > 0, "yes", "no"),
        }
    )  # fmt: skip


def made(folder: Path) -> Path:
    """A workspace with a table and a model."""
    people().to_csv(folder / "people.csv", index=False)
    ws = Workspace.init(folder / "ws")
    ws.data_add(folder / "people.csv", record_id="id", subject_id="person")
    ws.fit("members", data="people", target="member", method="gaussian-nb")
    ws.close()
    return folder / "ws"


def serve(root: Path, out: Path, error: Path) -> None:
    """``expunge serve`` in this process, at a free port of the loopback; for a child."""
    from expunge.cli import run

    redirect(out, error)
    os._exit(run(["serve", "--port", "0", "--workspace", str(root), "--json"]))

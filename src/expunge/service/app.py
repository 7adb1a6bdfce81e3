"""The application: routes, what an error is answered with, and the guard before them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from typing import Any

import anyio.to_thread
from fastapi import Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.security import HTTPBearer
from starlette.exceptions import HTTPException

import expunge
from expunge.errors import ExpungeError
from expunge.service import looking, proving, requesting
from expunge.service.answers import of_error, problem, told, unforeseen
from expunge.service.desk import Desk
from expunge.service.guard import Guard

__all__ = ["LOOPBACK", "make_app"]

#: Names of this machine for itself.
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
#: Largest body.
LIMIT_BYTES = 16 * 2**20

_ERRORS: dict[int | str, dict[str, Any]] = {
    "4XX": {"description": "An error: `{\"error\": {\"code\": ..., \"message\": ..., \"hint\": ...}}`."},
}  # fmt: skip


def make_app(
    desk: Desk, *, token: str, hosts: Collection[str] = LOOPBACK, limit_bytes: int = LIMIT_BYTES
) -> Guard:  # fmt: skip
    """The service of a workspace, as an ASGI application.

    Parameters
    ----------
    desk : Desk
        Closed when the server shuts the application down.
    token : str
        What every call but that of ``/health`` brings, as ``Authorization: Bearer TOKEN``.
    hosts : collection of str
        Names under which the service is called.
    limit_bytes : int
        Of a body.
    """

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        yield
        await anyio.to_thread.run_sync(desk.close)

    app = FastAPI(
        title="expunge", version=expunge.__version__, lifespan=life, responses=_ERRORS, redirect_slashes=False,
        docs_url=None, redoc_url=None,  # they load scripts from elsewhere
        description="A workspace over HTTP: requests to forget, plans, receipts, predictions.",
    )  # fmt: skip
    app.state.desk = desk
    app.add_api_route("/health", health, methods=["GET"])
    for room in (requesting, looking, proving):
        app.include_router(room.router, dependencies=[Depends(HTTPBearer(auto_error=False))])
    app.add_exception_handler(ExpungeError, _foreseen)
    app.add_exception_handler(RequestValidationError, _no_such_form)
    app.add_exception_handler(HTTPException, _no_such_thing)
    app.add_exception_handler(Exception, _unforeseen)
    return Guard(app, token=token, hosts=hosts, limit_bytes=limit_bytes)


async def health() -> Response:
    """That the service is there."""
    return told({"status": "ok", "version": expunge.__version__})


async def _foreseen(_: Request, error: Exception) -> Response:
    return of_error(error) if isinstance(error, ExpungeError) else unforeseen()


async def _no_such_form(_: Request, error: Exception) -> Response:
    """Where a body is not of its form; what stood there instead is not repeated."""
    if not isinstance(error, RequestValidationError):
        return unforeseen()
    first = error.errors()[0]
    where, what = ".".join(str(part) for part in first["loc"]), str(first["msg"]).removeprefix("Value error, ")
    return problem(422, f"{where}: {what}.", "See /openapi.json.", code="invalid-request")


async def _no_such_thing(_: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        return unforeseen()
    answer = problem(error.status_code, f"{error.detail}.", "See /openapi.json.")
    answer.headers.update(error.headers or {})
    return answer


async def _unforeseen(_: Request, __: Exception) -> Response:
    return unforeseen()

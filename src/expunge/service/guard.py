"""What stands before every call: the name that it was sent to, the token, and the size and form of what it brings.

And what is written of it: method, route, status and time; never what it brought, an address as it was typed, or the
text of an error, for any of these can hold who it is about.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
import re
import time
import traceback
from collections.abc import Awaitable, Callable, Collection, MutableMapping
from typing import Any, NoReturn

from expunge.service.answers import Told, problem, unforeseen

__all__ = ["Guard", "host_of"]

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

#: What is answered without a token: that the service is there.
_OPEN_PATHS = frozenset({"/health"})
#: A body is read within so many seconds.
BODY_S = 30.0
_METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
_HEADERS = ((b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff"))
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[^:\[\]]*)(:\d{1,5})?", re.ASCII)

log = logging.getLogger("expunge.service")


class _RefusedError(Exception):
    """A call that is answered here."""

    def __init__(self, answer: Told) -> None:
        self.answer = answer


def _refuse(status: int, message: str, hint: str) -> NoReturn:
    raise _RefusedError(problem(status, message, hint))


def host_of(header: str) -> str | None:
    """The name in a Host header, in small letters and without the port; None where it is none.

    Examples
    --------
    >>> host_of("LocalHost:8321"), host_of("[::1]:8321"), host_of("a:b:c")
    ('localhost', '::1', None)
    """
    found = _HOST.fullmatch(header.strip().lower())
    return found[1].strip("[]") or None if found else None


class Guard:
    """An application that is called only by who may.

    Parameters
    ----------
    app : ASGI application
    token : str
        That every call has to bring.
    hosts : collection of str
        Names under which the service is called: a page elsewhere, whose name was made to lead here, is refused.
    limit_bytes : int
        Of a body.
    """

    def __init__(self, app: App, *, token: str, hosts: Collection[str], limit_bytes: int) -> None:
        self._app, self._token, self._limit = app, token.encode(), limit_bytes
        self._hosts = frozenset(host.lower() for host in hosts)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one call."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await self._guarded(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008})

    async def _guarded(self, scope: Message, receive: Receive, send: Send) -> None:
        began, status = time.perf_counter(), 0

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message = {**message, "headers": [*message.get("headers", ()), *_HEADERS]}
            await send(message)

        try:
            await self._app(scope, await self._admitted(scope, receive), noting)
        except _RefusedError as refused:
            await refused.answer(scope, receive, noting)
        except Exception as error:
            place = traceback.extract_tb(error.__traceback__)[-1]
            log.error("Unforeseen %s at %s:%s.", type(error).__name__, place.filename, place.lineno)
            if not status:
                await unforeseen()(scope, receive, noting)
        finally:
            method = scope["method"] if scope["method"] in _METHODS else "-"
            route = getattr(scope.get("route"), "path", "-")
            log.info("%s %s %s %.3f s", method, route, status or "-", time.perf_counter() - began)

    async def _admitted(self, scope: Message, receive: Receive) -> Receive:
        """What the application receives; refuses what it must not see."""
        headers: dict[bytes, bytes] = {}
        for name, value in scope["headers"]:
            if name in headers and name in (b"host", b"authorization", b"content-type", b"content-length"):
                _refuse(400, "A header is there twice.", "Send it once.")
            headers[name] = value
        if b"content-length" in headers and b"transfer-encoding" in headers:
            _refuse(400, "The body has two ends.", "Send a Content-Length, or parts, and not both.")
        if host_of(headers.get(b"host", b"").decode("latin-1")) not in self._hosts:
            _refuse(400, "The service is not called by that name.", "Start it with --allow-host NAME.")
        if scope["path"] not in _OPEN_PATHS:
            self._check_token(headers.get(b"authorization", b""))
        body = await self._body(headers, receive)
        if body and scope["method"] == "POST":
            check_json(headers.get(b"content-type", b""), body)
        sent = False

        async def again() -> Message:
            nonlocal sent
            if sent:
                return await receive()
            sent = True
            return {"type": "http.request", "body": body, "more_body": False}

        return again

    def _check_token(self, header: bytes) -> None:
        kind, _, given = header.partition(b" ")
        if kind.lower() != b"bearer" or not hmac.compare_digest(given.strip(), self._token):
            answer = problem(401, "The token is missing or wrong.", "Send Authorization: Bearer TOKEN.")
            answer.headers["www-authenticate"] = "Bearer"
            raise _RefusedError(answer)

    async def _body(self, headers: dict[bytes, bytes], receive: Receive) -> bytes:
        length, parts, size = headers.get(b"content-length", b"0"), list[bytes](), 0
        is_over = length.isdigit() and int(length[:20]) > self._limit
        try:
            async with asyncio.timeout(BODY_S):
                while not is_over:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        _refuse(400, "The body was cut off.", "Send it again.")
                    parts.append(message.get("body", b""))
                    size += len(parts[-1])
                    is_over = size > self._limit
                    if not message.get("more_body", False):
                        break
        except TimeoutError:
            _refuse(408, "The body did not arrive in time.", "Send it again.")
        if is_over:
            _refuse(413, f"The body is larger than {self._limit:,} bytes.", "Send it in parts.")
        return b"".join(parts)


def check_json(content_type: bytes, body: bytes) -> None:
    """Refuse what is no JSON, or JSON that two readers could take for different things."""
    if content_type.partition(b";")[0].strip().lower() != b"application/json":
        _refuse(415, "The body is not declared as JSON.", "Send Content-Type: application/json.")
    try:
        json.loads(body.decode("utf-8"), object_pairs_hook=_once, parse_constant=_no_number, parse_float=_number)
    except _RefusedError:
        raise
    except RecursionError:
        _refuse(422, "The JSON is nested too deeply.", "See /openapi.json.")
    except ValueError:
        _refuse(422, "The body is no JSON in UTF-8.", "See /openapi.json.")


def _once(pairs: list[tuple[str, Any]]) -> None:
    if len({name for name, _ in pairs}) < len(pairs):
        _refuse(422, "A field is there twice.", "Write it once; several ids stand in one list.")


def _number(text: str) -> float:
    value = float(text)
    return value if abs(value) < float("inf") else _no_number(text)


def _no_number(_: str) -> NoReturn:
    _refuse(422, "A number is infinite or not a number.", "Write null where a value is missing.")

"""The service as a process: a token that only its owner reads, a socket, and an end that leaves nothing half done."""

from __future__ import annotations

import ipaddress
import os
import signal
import socket
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType

import uvicorn

from expunge.errors import InvalidParameterError
from expunge.ledger.secret_files import create_secret, read_private
from expunge.paths import check_path
from expunge.service.app import LOOPBACK, make_app
from expunge.service.desk import Desk
from expunge.workspace import Workspace

__all__ = ["Service"]

#: Shortest token that is taken.
SHORTEST = 32
_FILE = "service.token"


class Service:
    """A workspace that is served. Nothing is answered before :meth:`run`.

    Parameters
    ----------
    workspace : path, optional
        As for :meth:`expunge.Workspace.open`; what was interrupted is finished first.
    host : str
        Address to listen at.
    port : int
        0 takes a free one.
    token_file : path, optional
        Made if it is not there. Default: ``service.token`` among the keys of the workspace.
    allow_hosts : sequence of str
        Further names under which the service is called, those of a proxy in front say.

    Attributes
    ----------
    url : str
    token_file : Path

    Raises
    ------
    FileNotUsableError
        No workspace, or a token that others can read.
    InvalidParameterError
        An address or port that cannot be had, or a token that is too short.
    """

    def __init__(
        self, workspace: str | Path | None = None, *, host: str = "127.0.0.1", port: int = 8321,
        token_file: str | Path | None = None, allow_hosts: Sequence[str] = (),
    ) -> None:  # fmt: skip
        with ExitStack() as opened:
            self._socket = opened.enter_context(_listening(host, port))
            self._desk = Desk(workspace)
            opened.callback(self._desk.close)
            keys = self._desk.ask(_keys_folder)[0]
            self.token_file = keys / _FILE if token_file is None else check_path(token_file)
            token = _token(self.token_file)
            opened.pop_all()
        shown = f"[{host}]" if ":" in host else host
        self.url = f"http://{shown}:{self._socket.getsockname()[1]}"
        self.path = self._desk.path
        app = make_app(self._desk, token=token, hosts={*LOOPBACK, host, *allow_hosts})
        config = uvicorn.Config(
            app, access_log=False, log_config=None, log_level="warning", lifespan="on", ws="none", http="h11",
            loop="asyncio", server_header=False, proxy_headers=False,
        )  # fmt: skip
        self._server = _Server(config, self._desk)
        if not _is_loopback(host):
            warnings.warn(
                f"Others than this machine can reach {self.url}, and what goes there can be read on its way: put a "
                "proxy with TLS in front.", UserWarning, stacklevel=2,
            )  # fmt: skip

    def run(self) -> None:
        """Answer until SIGTERM, Ctrl-C or :meth:`stop`; what is under way ends first, and no other call is taken.

        Raises
        ------
        KeyboardInterrupt
            It was Ctrl-C.
        """
        with self._socket, _ended_by(self._server):
            self._server.run(sockets=[self._socket])

    def stop(self) -> None:
        """Have :meth:`run`, in another thread, end as SIGTERM does."""
        self._server.handle_exit(signal.SIGTERM, None)

    def close(self) -> None:
        """Close what was opened, if it is not to run."""
        self._socket.close()
        self._desk.close()


class _Server(uvicorn.Server):
    """A server that, once it is to end, begins no change any more."""

    def __init__(self, config: uvicorn.Config, desk: Desk) -> None:
        super().__init__(config)
        self._desk = desk

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """What a signal does."""
        super().handle_exit(sig, frame)
        self._desk.end()


def _keys_folder(ws: Workspace) -> Path:
    return Path(ws.keys_show()["folder"])


def _listening(host: str, port: int) -> socket.socket:
    """A socket that listens already, so that a port that is taken is told before a workspace is opened."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except (OSError, OverflowError, UnicodeError) as error:
        number = getattr(error, "errno", None) or 0
        why = os.strerror(number) if number > 0 else "no address of this machine"
        raise InvalidParameterError(
            f"Cannot listen at port {port} of {host!r}: {why}.", hint="Choose another --port, where 0 takes a free one."
        ) from error


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host in LOOPBACK


def _token(path: Path) -> str:
    """What stands in a file that only its owner reads, and that is made at the first start."""
    if not path.exists():
        create_secret(path)
    text = read_private(path).decode("utf-8", "replace").strip()
    if len(text) < SHORTEST or not (text.isascii() and text.isprintable() and " " not in text):
        raise InvalidParameterError(
            f"{str(path)!r} holds no token of {SHORTEST} letters or more.", hint="Delete it, and a new one is made."
        )
    return text


@contextmanager
def _ended_by(server: uvicorn.Server) -> Iterator[None]:
    """SIGTERM ends the service and is no error, whenever it comes; Ctrl-C is told to who started it."""
    if threading.current_thread() is not threading.main_thread():
        yield  # signals are none of its business
        return
    before = signal.signal(signal.SIGTERM, server.handle_exit)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)

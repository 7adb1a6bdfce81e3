"""What the parts of a workspace share: paths, settings, secrets, database, chunks, lock and clock."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from expunge.errors import ExpungeError, NewerFormatError
from expunge.ledger.fields import utc
from expunge.workspace.database.engine import Database
from expunge.workspace.database.tables import intents
from expunge.workspace.storage.chunks import ChunkStore, open_store
from expunge.workspace.storage.key_files import Secrets
from expunge.workspace.storage.layout import Config, Layout
from expunge.workspace.storage.locking import Lock
from expunge.workspace.storage.rights import make_private

if TYPE_CHECKING:
    from expunge.ledger.keys import Signer

__all__ = ["Core", "stamp", "utc_now"]


def utc_now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


def stamp(moment: datetime) -> str:
    """A time as text, ISO 8601 in UTC to the second."""
    return utc(moment)


class Core:
    """An open workspace, without its verbs.

    Parameters
    ----------
    root : Path
    config : Config
    signer : Signer, optional
        Default: as the configuration says, when first needed.
    clock : callable
        Gives the time in UTC.
    sweep : callable
        Deletes what no live version names; it knows what data sets and models are, which this does not.
    """

    def __init__(
        self, root: Path, config: Config, *, sweep: Callable[[Core], None], signer: Signer | None = None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:  # fmt: skip
        self.layout, self.config = Layout(root), config
        self.secrets = Secrets(self.layout.keys)
        self._signer, self._clock, self._sweep = signer, clock, sweep
        self.lock = Lock(self.layout.lock, self.layout.refuse_links, lambda: make_private(self.layout))
        self.db = Database(self.config.database or f"sqlite:///{self.layout.database}", self.secrets.derived("seal"))
        try:
            self.db.version()  # a later one is refused here, before anything is touched
        except NewerFormatError:
            self.db.close()
            raise
        self.store: ChunkStore = open_store(
            self.config.store, self.layout.chunks, self.layout.tmp, self.secrets.derived("chunk"),
            allow_old_versions=self.config.allow_old_versions,
        )  # fmt: skip
        #: Models in memory by number of their version, with what their manifest says.
        self.cache: dict[int, Any] = {}

    @property
    def signer(self) -> Signer:
        """Who signs receipts."""
        if self._signer is None:
            from expunge.workspace.storage.signing import open_signer

            self._signer = open_signer(self.layout, self.config)
        return self._signer

    def use_signer(self, signer: Signer) -> None:
        """Sign with another key from here on."""
        self._signer = signer

    def now(self) -> datetime:
        """The time by the clock of this computer; whoever writes it down sees to it that it does not go backwards."""
        return self._clock().astimezone(UTC)

    def write(self) -> Any:
        """A transaction that writes."""
        return self.db.write()

    def read(self) -> Any:
        """A transaction that reads."""
        return self.db.read()

    @contextmanager
    def working_aside(self) -> Iterator[None]:
        """Temporary files of whatever is called lie inside the workspace, where they are swept away."""
        self.layout.tmp.mkdir(mode=0o700, exist_ok=True)
        names = ("JOBLIB_TEMP_FOLDER", "TMPDIR", "TEMP", "TMP")
        before, folder = {name: os.environ.get(name) for name in names}, tempfile.tempdir
        os.environ.update(dict.fromkeys(names, str(self.layout.tmp)))
        tempfile.tempdir = str(self.layout.tmp)
        try:
            yield
        finally:
            tempfile.tempdir = folder
            for name, value in before.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value

    @contextmanager
    def changing(self, what: str) -> Iterator[None]:
        """Alone among all processes, and with a note that work has begun: what a kill leaves behind is swept away.

        Raises
        ------
        WorkspaceBusyError
            Another process changes the workspace.
        """
        with self.lock.held() as anew:
            if not anew:
                yield
                return
            with self.write() as connection:
                connection.execute(intents.insert().values(what=what, started=stamp(self.now())))
            self.layout.tmp.mkdir(mode=0o700, exist_ok=True)
            try:
                yield
            except BaseException:
                self.store.discard()
                with suppress(ExpungeError):  # a disk that is full or locked: opening the workspace does it
                    self.tidy()
                raise
            self.empty_tmp()
            with self.write() as connection:
                connection.execute(intents.delete())

    def tidy(self) -> None:
        """Delete what no live version names, and work aside."""
        self._sweep(self)

    def empty_tmp(self) -> None:
        """Delete all work aside, and files that a killed process left half written."""
        self.layout.refuse_links()
        if self.layout.tmp.is_dir():
            for item in self.layout.tmp.iterdir():
                if item.is_dir() and not item.is_symlink():
                    shutil.rmtree(item)
                else:
                    item.unlink(missing_ok=True)
        for folder in (self.layout.root, self.layout.keys, self.layout.receipts, self.layout.predictions):
            for left in folder.glob(".expunge-*.tmp"):
                left.unlink(missing_ok=True)

    def close(self) -> None:
        """Close the database."""
        self.cache.clear()
        self.db.close()

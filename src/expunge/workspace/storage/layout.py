"""Where things lie in a workspace, and ``workspace.json``, which says how it is set up. It holds no secret."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from expunge.errors import FileNotUsableError, InvalidParameterError, NewerFormatError, TamperedError
from expunge.files.archive import canonical_json
from expunge.files.whole import write_whole
from expunge.paths import check_path

__all__ = ["FORMAT", "Config", "Layout", "find_workspace"]

#: Number of the form of a workspace. A later number is refused, and nothing is touched.
FORMAT = 1

VARIABLE = "EXPUNGE_WORKSPACE"


@dataclasses.dataclass(frozen=True)
class Layout:
    """Paths of a workspace.

    Parameters
    ----------
    root : Path
        The folder.
    """

    root: Path

    @property
    def config(self) -> Path:
        """``workspace.json``."""
        return self.root / "workspace.json"

    @property
    def database(self) -> Path:
        """SQLite, unless the configuration names another."""
        return self.root / "ledger.db"

    @property
    def keys(self) -> Path:
        """Folder of secrets, for the owner alone."""
        return self.root / "keys"

    @property
    def sealed(self) -> Path:
        """Says that the log has a seal, where who can write to the database alone cannot take it away."""
        return self.keys / "log.sealed"

    @property
    def chunks(self) -> Path:
        """Folder of chunks, unless the configuration names another store."""
        return self.root / "chunks"

    @property
    def receipts(self) -> Path:
        """Folder of receipts; they are meant to be given away."""
        return self.root / "receipts"

    @property
    def predictions(self) -> Path:
        """Folder of predictions that the workspace keeps, and deletes when their model changes."""
        return self.root / "predictions"

    @property
    def tmp(self) -> Path:
        """All work aside; emptied when the workspace is opened to change it, and before each receipt."""
        return self.root / "tmp"

    @property
    def lock(self) -> Path:
        """Locked by the one process that changes models or data."""
        return self.root / "lock"

    @property
    def public_key(self) -> Path:
        """What an outsider needs to verify a receipt."""
        return self.root / "public.pem"

    def refuse_links(self) -> None:
        """Refuse folders that lead elsewhere, where everything that the workspace does not know is deleted.

        Raises
        ------
        FileNotUsableError
            The link is named. Nothing is deleted.
        """
        for folder in (self.tmp, self.chunks):
            if folder.is_symlink():
                raise FileNotUsableError(
                    f"{str(folder)!r} is a link, and what lies where it leads would be deleted.",
                    hint="Make a folder of it; chunks may lie elsewhere by `expunge init --set store=URL`.",
                )

    def old_public_key(self, key_id: str) -> Path:
        """The same of a key that was rotated out, for what it signed."""
        return self.root / f"public-{key_id[:16]}.pem"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config:
    """What ``workspace.json`` says.

    Parameters
    ----------
    database : str
        SQLAlchemy URL without a password; empty for ``ledger.db`` in the folder.
    store : str
        fsspec URL of the chunks; empty for ``chunks`` in the folder.
    allow_old_versions : str
        Why a store that may keep old versions of its objects is allowed all the same; empty: it is refused.
    signing_key : str
        ``file``, or ``env:NAME`` for a PEM text in an environment variable, or ``callable`` for one passed at opening.
    regime, zone : str
        Of requests that name none; see :mod:`expunge.workspace.rules.deadlines`.
    tombstones : bool
        Whether a forgotten record or subject is kept out of later data.
    after_switch : tuple of str
        Command that runs after models have changed, as a list of arguments: deploy, notify recipients.
    policy : str
        When pending requests are carried out; see :mod:`expunge.workspace.rules.policies`.
    schema : int
    """

    database: str = ""
    store: str = ""
    allow_old_versions: str = ""
    signing_key: str = "file"
    regime: str = "gdpr"
    zone: str = "UTC"
    tombstones: bool = True
    after_switch: tuple[str, ...] = ()
    policy: str = "at-once"
    schema: int = FORMAT

    def write(self, path: Path) -> None:
        """Write the file, atomically."""
        data = {"format": FORMAT, **dataclasses.asdict(self)}
        text = json.dumps(data, indent=2, ensure_ascii=False, sort_keys=True) + "\n"
        write_whole(path, lambda stream: stream.write(text.encode()), for_others=True)

    @classmethod
    def read(cls, path: Path) -> Config:
        """Read the file.

        Raises
        ------
        FileNotUsableError
            There is none.
        NewerFormatError
            Written by a later version; nothing is touched.
        TamperedError
            Not such a file.
        """
        try:
            data = json.loads(path.read_bytes())
            number = data.pop("format")
        except OSError as error:
            raise FileNotUsableError(f"Cannot read {str(path)!r}: {error.strerror}.", hint="Check it.") from error
        except (ValueError, KeyError, AttributeError, TypeError) as error:
            raise TamperedError(f"{str(path)!r} is not that of a workspace.", hint="Restore it from a copy.") from error
        if not isinstance(number, int) or isinstance(number, bool) or number < 1:
            raise TamperedError(f"{str(path)!r} has format {number!r}, which never was.", hint="Restore it.")
        if number > FORMAT:
            raise NewerFormatError(
                f"This workspace has format {number}; this version reads up to {FORMAT}.", hint="Update expunge."
            )
        return cls.of(data)

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Config:
        """From plain data; refuses names and types that are not known.

        Raises
        ------
        InvalidParameterError
            A setting that is not known, of another type, or that holds a password.
        """
        fields = {field.name: field for field in dataclasses.fields(cls)}
        defaults = cls()
        values: dict[str, Any] = {}
        for name, value in data.items():
            if name not in fields:
                raise InvalidParameterError(
                    f"A workspace has no setting {name!r}.",
                    hint=f"There are {', '.join(name for name in fields if name != 'schema')}: see docs/workspace.md.",
                )
            held = getattr(defaults, name)
            made = tuple(value) if isinstance(held, tuple) and isinstance(value, list) else value
            if type(made) is not type(held):
                raise InvalidParameterError(
                    f"The setting {name!r} is a {type(held).__name__}, not {value!r}.", hint="See docs/workspace.md."
                )
            values[name] = made
        if urlsplit(values.get("database", "")).password is not None:
            raise InvalidParameterError(
                "The URL of the database holds a password, and settings are no secret.",
                hint="Keep it in ~/.pgpass or PGPASSWORD.",
            )
        return cls(**values)

    def digest(self) -> bytes:
        """The settings as bytes, for the digest of a configuration in a receipt."""
        return canonical_json(dataclasses.asdict(self))


def find_workspace(given: str | Path | None = None, *, start: Path | None = None) -> Path:
    """The folder of the workspace: the one given, else that of ``EXPUNGE_WORKSPACE``, else the nearest one upwards.

    Raises
    ------
    FileNotUsableError
        There is none.
    """
    named = given if given is not None else os.environ.get(VARIABLE) or None
    if named is not None:
        folder = check_path(named)
        if not Layout(folder).config.is_file():
            raise FileNotUsableError(f"{str(named)!r} is no workspace.", hint="Make one with `expunge init`.")
        return folder.resolve()
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        if Layout(folder).config.is_file():
            return folder
    raise FileNotUsableError(
        "There is no workspace here or above.", hint="Make one with `expunge init`, or name one with --workspace."
    )

"""Making and opening workspaces, and what else is done once: names of files, signing keys that follow each other."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from expunge.errors import FileNotUsableError, InvalidParameterError, InvalidRequestError, TamperedError
from expunge.files.whole import write_whole
from expunge.ledger.keys import Signer, generate
from expunge.ledger.receipts import envelope_hash
from expunge.ledger.rotation import chain
from expunge.ledger.rotation import rotate as rotation_of
from expunge.ledger.secret_files import private_folder
from expunge.paths import check_path
from expunge.workspace.database.tables import datasets
from expunge.workspace.requests import receipting
from expunge.workspace.requests.scrub import scrub
from expunge.workspace.rules.deadlines import read_zone, regime_of
from expunge.workspace.rules.names import asked_name
from expunge.workspace.rules.policies import Policy
from expunge.workspace.storage import faults, journal
from expunge.workspace.storage.core import Core, stamp
from expunge.workspace.storage.key_files import Secrets
from expunge.workspace.storage.layout import Config, Layout
from expunge.workspace.storage.rights import new_private_file
from expunge.workspace.storage.signing import key_file, make_signer

__all__ = ["connect", "is_file", "make", "name_of", "rotate"]


def make(root: Path, config: Config, *, signer: Signer | None, clock: Callable[[], datetime]) -> Core:
    """A new workspace. Its settings are written last: what was killed before is no workspace, and is made on.

    Raises
    ------
    FileNotUsableError
        There is a workspace already, or the folder cannot be made.
    InvalidRequestError
        The database is another workspace's.
    """
    layout = Layout(root.resolve())
    if layout.config.exists():
        raise FileNotUsableError(f"There is a workspace in {str(root)!r} already.", hint="Use another folder.")
    check_settings(config)
    layout.refuse_links()
    try:
        layout.root.mkdir(parents=True, exist_ok=True)
        layout.receipts.mkdir(exist_ok=True)
        for folder in (layout.chunks, layout.predictions, layout.tmp):
            private_folder(folder)
    except OSError as error:
        raise FileNotUsableError(f"Cannot make {str(root)!r}: {error.strerror}.", hint="Check the folder.") from error
    Secrets.make(layout.keys)
    if not config.database:
        new_private_file(layout.database)
    made = make_signer(layout, config, signer)
    faults.at("init-keys-written")
    core = Core(layout.root, config, sweep=scrub, signer=made, clock=clock)
    core.db.migrate()
    if core.db.is_used():
        raise InvalidRequestError("That database is the one of another workspace.", hint="Give each its own.")
    config.write(layout.config)
    faults.at("init-configured")
    journal.begin_seal(core)
    return core


def check_settings(config: Config) -> None:
    """Refuse settings that would be refused later, when a request comes.

    Raises
    ------
    InvalidParameterError
        A policy, regime, zone, kind of signing key or command that there is not.
    """
    Policy.from_text(config.policy)
    regime_of(config.regime)
    read_zone(config.zone)
    kind, _, name = config.signing_key.partition(":")
    if (kind, bool(name)) not in (("file", False), ("env", True), ("callable", False)):
        raise InvalidParameterError(
            f"There is no signing key {config.signing_key!r}.", hint="Use file, env:NAME or callable."
        )
    if not all(isinstance(part, str) and part for part in config.after_switch):
        raise InvalidParameterError(
            "The command after a switch is a list of texts.", hint='As after_switch=["notify", "--all"].'
        )


def connect(root: Path, *, signer: Signer | None, clock: Callable[[], datetime]) -> Core:
    """A workspace that is there.

    Raises
    ------
    NewerFormatError
        A later version made it; nothing is touched.
    """
    core = Core(root, Config.read(Layout(root).config), sweep=scrub, signer=signer, clock=clock)
    if core.db.version() is None:
        raise TamperedError("The database of this workspace is missing or empty.", hint="Restore it from a copy.")
    core.db.migrate()
    journal.begin_seal(core)
    return core


def name_of(source: str) -> str:
    """The name of a data set that comes from a file: that of the file, without its endings.

    Examples
    --------
    >>> name_of("data/people.csv.gz"), name_of("s3://bucket/people.parquet")
    ('people', 'people')
    """
    return Path(source.rsplit("/", 1)[-1]).name.split(".", 1)[0] or "data"


def is_file(core: Core, text: str) -> bool:
    """Whether a text is meant as a file, and not as the name of a data set."""
    with core.read() as connection:
        known = connection.execute(sa.select(datasets.c.id).where(datasets.c.name == asked_name(text))).scalar()
    return known is None and ("://" in text or os.sep in text or "." in Path(text).name or check_path(text).is_file())


def rotate(core: Core) -> dict[str, Any]:
    """Make a new signing key in the file, and have the old one sign that it follows. The lock is held.

    The old public key stays in ``public-<its name>.pem``: what it signed is verified by it where no workspace is.
    What was killed between the two is gone on with: the same key is not handed over to twice.

    Raises
    ------
    InvalidRequestError
        The key lies elsewhere.
    """
    if core.config.signing_key != "file":
        raise InvalidRequestError(
            "The signing key of this workspace does not lie in its file.", hint="Rotate it where it is kept."
        )
    old, path = core.signer, Path(key_file(core.layout))
    aside = path.with_suffix(".next")
    new = Signer.from_file(aside) if aside.exists() else generate(aside)
    with core.write() as connection:
        known = receipting.rotations_of(core, connection)
        if new.key_id not in chain(old.public_keys, known):
            envelope = rotation_of(old, new, time=stamp(journal.moment(core, connection)))
            core.db.set_meta(connection, "rotations", json.dumps([text.decode() for text in [*known, envelope]]))
            fields = {"old": old.key_id, "new": new.key_id, "envelope": envelope_hash(envelope)}
            journal.append(core, connection, "rotation", fields)
    kept = core.layout.old_public_key(old.key_id)
    write_whole(kept, lambda stream: stream.write(old.public_pem), for_others=True)
    os.replace(aside, path)
    write_whole(core.layout.public_key, lambda stream: stream.write(new.public_pem), for_others=True)
    core.use_signer(new)
    told = {"old": old.key_id, "new": new.key_id}
    return told | {"public_key": str(core.layout.public_key), "old_public_key": str(kept)}

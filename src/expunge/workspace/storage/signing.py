"""Who signs the receipts of a workspace: a key in a file, in the environment, or one that stays elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from expunge.errors import InvalidParameterError
from expunge.files.whole import write_whole
from expunge.ledger.keys import Signer, generate

if TYPE_CHECKING:
    from expunge.workspace.storage.layout import Config, Layout

__all__ = ["key_file", "make_signer", "open_signer"]


def key_file(layout: Layout) -> str:
    """Where the key lies that signs, if it lies in a file."""
    return str(layout.keys / "ed25519.pem")


def open_signer(layout: Layout, config: Config) -> Signer:
    """The signer that the configuration names.

    Raises
    ------
    InvalidParameterError
        The variable is not set, or the key stays elsewhere and was not passed at opening.
    """
    kind, _, name = config.signing_key.partition(":")
    if kind == "file":
        return Signer.from_file(key_file(layout))
    if kind == "env":
        return Signer.from_env(name)
    raise InvalidParameterError(
        "The key of this workspace stays elsewhere.",
        hint="Pass it: Workspace.open(..., signer=Signer.from_callable(...)).",
    )


def make_signer(layout: Layout, config: Config, signer: Signer | None) -> Signer:
    """The signer of a new workspace, and its public key beside the receipts."""
    if signer is None and config.signing_key == "file":
        path = layout.keys / "ed25519.pem"
        signer = Signer.from_file(path) if path.exists() else generate(path)
    signer = signer or open_signer(layout, config)
    pem = signer.public_pem
    write_whole(layout.public_key, lambda stream: stream.write(pem), for_others=True)
    return signer

"""The file of one key per person: made ahead, given out by number, shredded one by one.

Keys are random and do not depend on the person, so they are made in blocks before anybody needs them: a request costs no
write here. Which person has which number stands in the database of the workspace, in the transaction of the request, and
is deleted there when the person is forgotten. To shred a key is to overwrite its place in the file with zeros and to
flush that to the disk; every pseudonym and sealed text made with it then is noise.

The file: 64 bytes of header (``expunge subject keys 1``, a newline, zeros), then 64 bytes for each key: the key, and the
SHA-256 of ``number (8 bytes, little-endian) || key``. 64 zeros are a shredded key. A place never crosses a sector of a
disk, so it is written whole or not at all.

Overwriting reaches the file, not what the storage keeps behind it: file systems that copy on write, snapshots, worn
flash cells and backups may hold the old bytes. Keep the file on plain storage, and out of backups that outlive it.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

__all__ = ["SubjectKeys"]


class SubjectKeys:
    """Keys of persons, by number.

    Parameters
    ----------
    path : path
        The file; :meth:`create` makes it.

    Raises
    ------
    FileNotUsableError
        If it is missing, or others can read it.
    TamperedError, NewerFormatError
        If it is no such file, or one of a later version.
    """

    def __init__(self, path: str | Path) -> None:
        raise NotImplementedError

    @classmethod
    def create(cls, path: str | Path) -> SubjectKeys:
        """Make a file without keys (mode 0600)."""
        raise NotImplementedError

    def __len__(self) -> int:
        """How many keys there are, shredded ones included: numbers 0 to n - 1."""
        raise NotImplementedError

    def reserve(self, count: int) -> None:
        """Make sure that the numbers 0 to ``count`` - 1 exist, durably; in blocks of 1,024, so that most calls do nothing."""
        raise NotImplementedError

    def key(self, number: int) -> bytes:
        """A key, 32 bytes.

        Raises
        ------
        InvalidParameterError
            If the number does not exist.
        ShreddedKeyError
            If it was shredded.
        TamperedError
            If its bytes were changed.
        """
        raise NotImplementedError

    def is_shredded(self, number: int) -> bool:
        """Whether a key was shredded."""
        raise NotImplementedError

    def shred(self, numbers: Iterable[int]) -> None:
        """Destroy keys: overwritten with zeros and flushed when this returns. Repeating it does nothing more."""
        raise NotImplementedError

"""Outputs of references on disk, under the digest of everything that they follow from."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from expunge.digest import leaf
from expunge.errors import FileNotUsableError
from expunge.files.whole import write_whole

__all__ = ["ReferenceStore"]

_VERSION = 1


class ReferenceStore:
    """A folder of outputs. An interrupted run goes on where it stopped, and a repeated one trains nothing.

    Parameters
    ----------
    folder : path
        Made if it is not there.
    content : object
        All that training and querying follow from besides the members and the seed: data, parameters, query. Hashed.

    Raises
    ------
    FileNotUsableError
        The folder cannot be made.

    Notes
    -----
    Outputs of models that were trained on the forget set are kept too: delete the folder when the audit is done.
    """

    def __init__(self, folder: str | Path, content: Any) -> None:
        self.folder = Path(folder)
        self._content = leaf({"version": _VERSION, "content": content})
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise FileNotUsableError(f"Cannot make the folder {str(folder)!r}: {error.strerror}.") from error

    def path(self, members: npt.NDArray[np.bool_], seed: int) -> Path:
        """The file of one reference."""
        key = leaf({"content": self._content, "members": members, "seed": seed})
        return self.folder / f"{key.hex()}.npy"

    def read(self, members: npt.NDArray[np.bool_], seed: int) -> npt.NDArray[np.float64] | None:
        """Outputs of a reference; None if they are not there, or the file is broken: then it is trained again.

        Raises
        ------
        FileNotUsableError
            The file is there and cannot be read.
        """
        path = self.path(members, seed)
        try:
            with path.open("rb") as stream:
                digest, body = stream.read(32), stream.read()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise FileNotUsableError(f"Cannot read {str(path)!r}: {error.strerror}.") from error
        if leaf(body) != digest:
            return None
        return np.asarray(np.load(io.BytesIO(body), allow_pickle=False), dtype=np.float64)

    def write(self, members: npt.NDArray[np.bool_], seed: int, outputs: npt.NDArray[np.float64]) -> None:
        """Keep outputs; whole or not at all.

        Raises
        ------
        FileNotUsableError
            The file cannot be written.
        """
        stream = io.BytesIO()
        np.save(stream, outputs, allow_pickle=False)
        body = stream.getvalue()
        write_whole(self.path(members, seed), lambda file: file.write(leaf(body) + body))

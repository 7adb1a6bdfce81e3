"""A folder in ImageNet's layout: JPEG or PNG files under their classes, decoded when they are asked for.

Decoding for evaluation: the shorter side is scaled, the middle is cut out. For training: a part of 35 to 100 % of the
area, at a ratio of 3/4 to 4/3, scaled, and mirrored half of the time (Szegedy et al. 2015); what is drawn for an image
follows from (seed, epoch, record id) alone.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from expunge.errors import FileNotUsableError
from expunge.seeds import uniform64

__all__ = ["DecodedImages", "image_paths"]

Floats = npt.NDArray[np.float32]
_SUFFIXES = (".jpeg", ".jpg", ".png")


def image_paths(folder: Path) -> tuple[list[str], npt.NDArray[np.int64], tuple[str, ...]]:
    """Paths below the folder, classes, and their names.

    Parameters
    ----------
    folder : path
        With ``train/CLASS/FILE`` in it, or ``CLASS/FILE``.

    Raises
    ------
    FileNotUsableError
        It holds no images of two classes or more.
    """
    top = folder / "train" if (folder / "train").is_dir() else folder
    classes = tuple(sorted(path.name for path in top.iterdir() if path.is_dir()))
    found = [
        (path.relative_to(folder).as_posix(), label)
        for label, name in enumerate(classes)
        for path in sorted((top / name).iterdir())
        if path.suffix.lower() in _SUFFIXES
    ]
    if len(classes) < 2 or not found:
        raise FileNotUsableError(
            f"{str(folder)!r} holds no images of two classes or more.", hint="Files lie at FOLDER/train/CLASS/NAME.jpg."
        )
    return [path for path, _ in found], np.array([label for _, label in found], dtype=np.int64), classes


class DecodedImages:
    """Rows that are decoded from files when they are asked for.

    Parameters
    ----------
    folder : path
    paths : list of str
        Below the folder.
    ids : ndarray of int, shape (n,)
    size : int
        Side of the square that an image is brought to.
    """

    def __init__(self, folder: Path, paths: list[str], ids: npt.NDArray[np.int64], *, size: int) -> None:
        self.folder, self.paths, self.ids, self.size = folder, paths, ids, size

    @property
    def shape(self) -> tuple[int, int]:
        """Records and numbers of each."""
        return len(self.paths), 3 * self.size**2

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, places: npt.NDArray[Any]) -> Any:
        """The same rows, fewer of them; still not decoded."""
        chosen = np.arange(len(self))[places]
        return DecodedImages(self.folder, [self.paths[i] for i in chosen], self.ids[chosen], size=self.size)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> npt.NDArray[Any]:
        """All rows, decoded for evaluation."""
        rows = np.stack([self._row(path, None) for path in self.paths]) if self.paths else np.empty(self.shape)
        return rows.astype(dtype or np.float32)

    def augmented(self, places: npt.NDArray[Any], seed: int, epoch: int) -> Floats:
        """Rows at these places, decoded for training."""
        drawn = [
            uniform64(seed, f"augment {epoch} {what}", self.ids[places]) / 2.0**64
            for what in ("area", "ratio", "left", "top", "mirror")
        ]
        return np.stack(
            [self._row(self.paths[i], row) for i, row in zip(places, zip(*drawn, strict=True), strict=True)]
        )

    def digest_parts(self) -> list[Any]:
        """What the digest of the data reads: the bytes of the files."""
        return [self.size, [(path, (self.folder / path).read_bytes()) for path in self.paths]]

    def _row(self, path: str, drawn: tuple[float, ...] | None) -> Floats:
        from PIL import Image

        with Image.open(self.folder / path) as file:
            image = file.convert("RGB")
        width, height = image.size
        if drawn is None:
            side = min(width, height)
            box = ((width - side) / 2, (height - side) / 2, (width + side) / 2, (height + side) / 2)
        else:
            area, ratio = (0.35 + 0.65 * drawn[0]) * width * height, (3 / 4) ** (1 - 2 * drawn[1])
            w, h = min(width, (area * ratio) ** 0.5), min(height, (area / ratio) ** 0.5)
            left, top = drawn[2] * (width - w), drawn[3] * (height - h)
            box = (left, top, left + w, top + h)
        small = image.resize((self.size, self.size), Image.Resampling.BILINEAR, box=box)
        pixels = np.asarray(small, dtype=np.float32).transpose(2, 0, 1) / np.float32(255)
        return (pixels[:, :, ::-1] if drawn is not None and drawn[4] < 0.5 else pixels).reshape(-1)

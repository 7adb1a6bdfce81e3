"""Images as rows of numbers from 0 to 1: digits, MNIST, Fashion-MNIST, CIFAR, faces."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.datasets import load_digits

from expunge.arguments import check_choice
from expunge.lab.data import Data, invent_subjects
from expunge.lab.workloads.files import arrays, data_folder, draw, need

__all__ = ["cifar10", "cifar100", "digits", "faces", "fashion", "mnist", "threes_and_eights"]

_FASHION = ("T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "boot")


def digits(n: int | None) -> Data:
    """Digits of scikit-learn: 1,797 images of 8 by 8 pixels."""
    X, y = load_digits(return_X_y=True)
    return _of("digits", X.reshape(-1, 1, 8, 8) / 16, y, tuple("0123456789"), n)


def mnist(n: int | None, *, test: str = "drawn") -> Data:
    """MNIST: 60,000 images of 28 by 28; with ``test="official"`` also the 10,000 of the test part."""
    found = arrays("mnist.npz", fetch="mnist")
    tested = (found["x_test"][:, None], found["y_test"]) if _is_official(test) else None
    return _of("mnist", found["x_train"][:, None], found["y_train"], tuple("0123456789"), n, tested=tested)


def threes_and_eights(n: int | None, *, test: str = "drawn") -> Data:
    """MNIST, the threes and the eights alone: 11,982 images of 28 by 28; officially 1,984 more to test on."""
    found = arrays("mnist.npz", fetch="mnist")
    parts = []
    for part in ("train", "test"):
        chosen = np.isin(found[f"y_{part}"], (3, 8))
        parts.append((found[f"x_{part}"][chosen][:, None], (found[f"y_{part}"][chosen] == 8).astype(np.int64)))
    tested = parts[1] if _is_official(test) else None
    return _of("threes-and-eights", *parts[0], ("3", "8"), n, tested=tested)


def fashion(n: int | None, *, test: str = "drawn") -> Data:
    """Fashion-MNIST: 60,000 images of 28 by 28; with ``test="official"`` also the 10,000 of the test part."""
    found = arrays("fashion_mnist.npz", fetch="fashion")
    tested = (found["x_test"][:, None], found["y_test"]) if _is_official(test) else None
    return _of("fashion", found["x_train"][:, None], found["y_train"], _FASHION, n, tested=tested)


def cifar10(n: int | None, *, test: str = "drawn") -> Data:
    """CIFAR-10: 10,000 images of 32 by 32 in colour; with ``test="official"`` also 4,000 of its official test part."""
    found = arrays("cifar10_train.npz")
    tested = None
    if _is_official(test):
        other = arrays("cifar10_test.npz")
        tested = (other["x"].transpose(0, 3, 1, 2), other["y"])
    classes = tuple(found["classes"].tolist())
    return _of("cifar10", found["x"].transpose(0, 3, 1, 2), found["y"], classes, n, tested=tested)


def cifar100(n: int | None) -> Data:
    """CIFAR-100 in the binary layout of its authors: ``cifar-100-binary/train.bin`` and ``fine_label_names.txt``.

    Each record has 3,074 bytes: coarse label, fine label, and 32 by 32 pixels of red, green and blue.
    """
    folder = need("cifar-100-binary")
    raw = np.fromfile(folder / "train.bin", dtype=np.uint8).reshape(-1, 3074)
    names = (folder / "fine_label_names.txt").read_text(encoding="utf-8").split()
    return _of("cifar100", raw[:, 2:].reshape(-1, 3, 32, 32), raw[:, 1], tuple(names), n)


def faces(n: int | None) -> Data:
    """ORL faces: 40 people, ten pictures each, at half size; forgetting a person is forgetting a class."""
    found = arrays("orl_faces.npz")
    small = found["X"].reshape(-1, 56, 2, 46, 2).mean(axis=(2, 4))
    who = np.array([f"p-{label}" for label in found["y"]], dtype=object)
    return _of("faces", small[:, None], found["y"], tuple(str(i) for i in range(40)), n, people=who)


def folder_of_images(n: int | None, *, folder: str = "imagenet", size: int = 32) -> Data:
    """A folder in ImageNet's layout, ``FOLDER/train/CLASS/*.jpg``: decoded when asked for, augmented in training."""
    from expunge.lab.workloads.image_folder import DecodedImages, image_paths

    paths, y, classes = image_paths(need(folder))
    ids = np.arange(len(paths), dtype=np.int64)
    places = draw(ids, n)
    X = DecodedImages(data_folder() / folder, [paths[i] for i in places], ids[places], size=size)
    return Data(
        name="folder", kind="image", X=X, y=y[places], ids=ids[places], subjects=invent_subjects(ids[places]),
        classes=classes, shape=(3, size, size),
    )  # fmt: skip


def _of(
    name: str, images: npt.NDArray[Any], y: npt.NDArray[Any], classes: tuple[str, ...], n: int | None, *,
    people: npt.NDArray[Any] | None = None, tested: tuple[npt.NDArray[Any], npt.NDArray[Any]] | None = None,
) -> Data:  # fmt: skip
    ids = np.arange(len(y), dtype=np.int64)
    places = draw(ids, n)
    ids, rows, y, is_test = ids[places], images[places], y[places], None
    who = invent_subjects(ids) if people is None else people[places]
    if tested is not None:
        is_test = np.arange(len(ids) + len(tested[1])) >= len(ids)
        rows, y = np.concatenate([rows, tested[0]]), np.concatenate([y, tested[1]])
        ids = np.concatenate([ids, len(images) + np.arange(len(tested[1]))])
        who = np.concatenate([who, np.array([f"t-{i:05d}" for i in range(len(tested[1]))], dtype=object)])
    scale = np.float32(1 / 255) if rows.dtype == np.uint8 or rows.max(initial=0) > 1 else np.float32(1)
    X = np.ascontiguousarray(rows.reshape(len(rows), -1).astype(np.float32) * scale)
    return Data(
        name=name, kind="image", X=X, y=y.astype(np.int64), ids=ids, subjects=who, classes=classes,
        shape=tuple(images.shape[1:]), split_by="subject" if people is None else "record", is_test=is_test,
    )  # fmt: skip


def _is_official(test: str) -> bool:
    check_choice("test", test, ("drawn", "official"))
    return test == "official"

"""Images as rows of numbers from 0 to 1: digits, MNIST, Fashion-MNIST, CIFAR, faces."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.datasets import load_digits

from expunge.lab.data import Data, invent_subjects
from expunge.lab.workloads.files import arrays, data_folder, draw, need

__all__ = ["cifar10", "cifar100", "digits", "faces", "fashion", "mnist"]

_FASHION = ("T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "boot")


def digits(n: int | None) -> Data:
    """Digits of scikit-learn: 1,797 images of 8 by 8 pixels."""
    X, y = load_digits(return_X_y=True)
    return _of("digits", X.reshape(-1, 1, 8, 8) / 16, y, tuple("0123456789"), n)


def mnist(n: int | None) -> Data:
    """MNIST: the training part, 60,000 images of 28 by 28."""
    found = arrays("mnist.npz", fetch="mnist")
    return _of("mnist", found["x_train"][:, None], found["y_train"], tuple("0123456789"), n)


def fashion(n: int | None) -> Data:
    """Fashion-MNIST: the training part, 60,000 images of 28 by 28."""
    found = arrays("fashion_mnist.npz", fetch="fashion")
    return _of("fashion", found["x_train"][:, None], found["y_train"], _FASHION, n)


def cifar10(n: int | None) -> Data:
    """CIFAR-10, a subset of 10,000 images of 32 by 32 in colour."""
    found = arrays("cifar10_train.npz")
    return _of("cifar10", found["x"].transpose(0, 3, 1, 2), found["y"], tuple(found["classes"].tolist()), n)


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
    people: npt.NDArray[Any] | None = None,
) -> Data:  # fmt: skip
    ids = np.arange(len(y), dtype=np.int64)
    places = draw(ids, n)
    rows = images[places]
    scale = np.float32(1 / 255) if rows.dtype == np.uint8 or rows.max(initial=0) > 1 else np.float32(1)
    X = np.ascontiguousarray(rows.reshape(len(places), -1).astype(np.float32) * scale)
    return Data(
        name=name, kind="image", X=X, y=y[places].astype(np.int64), ids=ids[places],
        subjects=invent_subjects(ids[places]) if people is None else people[places], classes=classes,
        shape=tuple(images.shape[1:]), split_by="subject" if people is None else "record",
    )  # fmt: skip

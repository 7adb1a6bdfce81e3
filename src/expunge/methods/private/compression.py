"""Fewer columns before noise is added: each that is left out takes its noise along.

The noise of a private fit has a component for every parameter, whatever that parameter is worth. A projection that does
not come from the records costs no privacy: drawn at random, or learned from public data.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from expunge.errors import InvalidParameterError
from expunge.seeds import derive_seed

__all__ = ["check_compress", "compressed"]

Floats = npt.NDArray[np.float64]


def check_compress(compress: Any) -> None:
    """Refuse what is neither None, nor a number of columns, nor a matrix.

    Raises
    ------
    InvalidParameterError
        It is not of its documented form.
    """
    if compress is None or (isinstance(compress, int) and not isinstance(compress, bool) and compress >= 1):
        return
    if isinstance(compress, np.ndarray) and compress.ndim == 2 and compress.size and np.isfinite(compress).all():
        return
    raise InvalidParameterError(
        f"compress must be None, a number of columns or a finite matrix of shape (m, n_features), got {compress!r}.",
        hint="For example 50, or PCA().fit(public).components_[:50].",
    )


def compressed(X: Floats, compress: Any, seed: int) -> Floats:
    """Rows, shape (n, m).

    Parameters
    ----------
    X : ndarray of shape (n, d)
    compress : None, int or ndarray of shape (m, d)
        No change; m random directions, orthonormal and scaled so that rows keep their length on average; or public
        directions, as they are. More random directions than columns are as many as columns.
    seed : int
        Public: of the random directions.

    Raises
    ------
    InvalidParameterError
        The matrix is for another number of columns.

    Examples
    --------
    >>> compressed(np.ones((2, 100)), 25, seed=0).shape
    (2, 25)
    """
    if compress is None:
        return X
    d = X.shape[1]
    if isinstance(compress, np.ndarray):
        if compress.shape[1] != d:
            raise InvalidParameterError(
                f"compress is for {compress.shape[1]} columns, and there are {d}.",
                hint="Give a matrix of shape (m, d).",
            )
        return np.asarray(X @ compress.T)
    return np.asarray(X @ _directions(min(compress, d), d, seed))


def _directions(m: int, d: int, seed: int) -> Floats:
    draws = np.random.Generator(np.random.Philox(derive_seed(seed, "private", "directions"))).normal(size=(d, m))
    return np.asarray(np.linalg.qr(draws)[0] * np.sqrt(d / m))

"""Texts as rows of numbers of words, which a hash chooses: no vocabulary is learned, so none has to forget."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from sklearn.utils import murmurhash3_32

from expunge.arguments import check_count
from expunge.table.texts import texts_of

__all__ = ["hashed_words"]

_WORD = re.compile(r"\w+|[^\w\s]")


def hashed_words(
    texts: Sequence[str], *, length: int = 64, n_buckets: int = 2**13, pairs: bool = False
) -> npt.NDArray[np.int64]:
    """Numbers of the words of texts, for a network that begins with an embedding.

    Parameters
    ----------
    texts : sequence of n str
    length : int, default=64
        Numbers of each text; what a longer one has beyond them is left out.
    n_buckets : int, default=2**13
        Rows of the embedding: a word has one of the numbers 1 to n_buckets - 1, and 0 is no word.
    pairs : bool, default=False
        Put pairs of neighbours behind the words, as fastText does.

    Returns
    -------
    ndarray of int64, shape (n, length)
        Each row is a function of its own text.

    Raises
    ------
    InvalidParameterError
        A length below 1 or fewer than 2 buckets.

    Examples
    --------
    >>> rows = hashed_words(["A cat", "a CAT", ""], length=3)
    >>> rows.shape, bool((rows[0] == rows[1]).all()), rows[2].tolist()
    ((3, 3), True, [0, 0, 0])
    """
    check_count("length", length)
    check_count("n_buckets", n_buckets, least=2)
    values = texts_of(texts, 0)
    out = np.zeros((len(values), length), dtype=np.int64)
    for row, text in zip(out, values, strict=True):
        words = _WORD.findall(text.lower())
        words += [" ".join(pair) for pair in itertools.pairwise(words)] if pairs else []
        for place, word in enumerate(words[:length]):
            row[place] = 1 + murmurhash3_32(word.encode("utf-8", "surrogatepass"), positive=True) % (n_buckets - 1)
    return out

"""What a language model still tells: overlap with the right answer, truth ratio, and forget quality, as TOFU has them.

Numbers in, numbers out: nothing here knows a model.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy import stats

from expunge.errors import InvalidDataError

__all__ = ["forget_quality", "model_utility", "perplexity", "rouge_l", "truth_ratio"]

Floats = npt.NDArray[np.float64]


def rouge_l(given: str, wanted: str) -> float:
    """Share of the words of the wanted text that are, in their order, in the given one; from 0 to 1.

    References
    ----------
    C.-Y. Lin, "ROUGE: a package for automatic evaluation of summaries", 2004, equation 2: the recall of the longest
    common subsequence. TOFU, section 2.2.2.

    Examples
    --------
    >>> rouge_l("she was born in Taipei", "She was born in Paris")
    0.8
    """
    ours, theirs = (re.findall(r"[a-z0-9]+", text.lower()) for text in (given, wanted))
    if not theirs:
        return float(not ours)
    row = [0] * (len(theirs) + 1)
    for word in ours:
        diagonal = 0
        for j, other in enumerate(theirs, start=1):
            diagonal, row[j] = row[j], diagonal + 1 if word == other else max(row[j], row[j - 1])
    return row[-1] / len(theirs)


def truth_ratio(paraphrased: npt.ArrayLike, perturbed: npt.ArrayLike) -> Floats:
    """How likely wrong answers are beside a right one, for each question; 1 where the model cannot tell them apart.

    Parameters
    ----------
    paraphrased : array of shape (n,)
        P(a | q)^(1 / |a|) of the right answer in other words.
    perturbed : array of shape (n, k)
        The same of k wrong answers of the same form.

    Returns
    -------
    ndarray of shape (n,)
        Mean of the wrong ones, divided by the right one. A probability of 0 counts as the smallest number there is.

    Raises
    ------
    InvalidDataError
        Shapes that do not belong together, or probabilities below 0.

    References
    ----------
    TOFU, equation 1.

    Examples
    --------
    >>> truth_ratio([0.5], [[0.1, 0.3]]).round(3).tolist()
    [0.4]
    """
    right, wrong = np.asarray(paraphrased, dtype=np.float64), np.asarray(perturbed, dtype=np.float64)
    if right.ndim != 1 or wrong.ndim != 2 or len(right) != len(wrong) or min(right.min(), wrong.min()) < 0:
        raise InvalidDataError(
            f"Expected n probabilities and (n, k) beside them, none below 0, got {right.shape} and {wrong.shape}."
        )
    least = np.finfo(np.float64).tiny
    return np.asarray(np.maximum(wrong.mean(axis=1), least) / np.maximum(right, least))


def forget_quality(unlearned: npt.ArrayLike, retrained: npt.ArrayLike) -> float:
    """p-value of the two-sample Kolmogorov-Smirnov test between truth ratios on the forget set.

    Near 1, the model that forgot cannot be told from one that was trained without; below 0.05 it can.

    Raises
    ------
    InvalidDataError
        One of them is no list of truth ratios.

    References
    ----------
    TOFU, section 2.2.3.

    Examples
    --------
    >>> forget_quality([0.1, 0.2, 0.3], [0.1, 0.2, 0.3])
    1.0
    """
    a, b = (np.asarray(values, dtype=np.float64) for values in (unlearned, retrained))
    if a.ndim != 1 or b.ndim != 1 or not len(a) or not len(b):
        raise InvalidDataError(f"Expected truth ratios of questions, got shapes {a.shape} and {b.shape}.")
    return float(stats.ks_2samp(a, b).pvalue)


def model_utility(values: Sequence[float]) -> float:
    """Harmonic mean of measures from 0 to 1: what is left of a model that lost one of them is little.

    Raises
    ------
    InvalidDataError
        No measure, or one outside 0 to 1.

    References
    ----------
    TOFU, section 2.2.2.

    Examples
    --------
    >>> round(model_utility([0.5, 1.0]), 3), model_utility([0.0, 1.0])
    (0.667, 0.0)
    """
    array = np.asarray(values, dtype=np.float64)
    if not array.size or (array < 0).any() or (array > 1).any():
        raise InvalidDataError("Measures are from 0 to 1, and at least one.")
    return 0.0 if (array == 0).any() else float(len(array) / (1.0 / array).sum())


def perplexity(losses: npt.ArrayLike) -> float:
    """exp of the mean of -log p of tokens, or of texts: how many tokens a model hesitates between.

    Examples
    --------
    >>> round(perplexity([0.0, 2.0]), 3)
    2.718
    """
    return float(np.exp(np.mean(np.asarray(losses, dtype=np.float64))))

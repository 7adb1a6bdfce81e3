"""A reader that answers from a passage with some words of it, and forgets the questions it learned from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from scipy import linalg
from sklearn.utils.validation import validate_data

from expunge.arguments import check_number
from expunge.contract import Unlearner
from expunge.errors import InvalidDataError, InvalidParameterError
from expunge.estimators import one_thread
from expunge.maths.fixed_point import power_text
from expunge.methods.text.spans import KINDS, N_SEEN, Spans, spans_of
from expunge.rows import Rows
from expunge.state import Change, Part
from expunge.table.texts import texts_of
from expunge.validation import refuse_missing_targets, text_table

__all__ = ["SpanReader"]

Floats = npt.NDArray[np.float64]
Limits = npt.NDArray[np.int64]

_UNIT = 2.0**-32  # what the sums are multiples of; that of one question is at most one
_LEAST_ALPHA = 1e-7  # ten times what that rounding can take from an eigenvalue, of the mean over questions
_UPPER = np.triu_indices(N_SEEN + 1)


class SpanReader(Unlearner):
    """Answers a question with the span of a passage that looks most like an answer; for texts that may have to go.

    Each span of at most ten words is described by what can be seen of it: its length, capitals, digits and neighbours,
    and how near the words of the question are. A linear function of that, one for each kind of question, is learned
    from questions with answers, and the span it likes best is the answer.

    Parameters
    ----------
    alpha : float, default=1e-3
        Penalty on what all kinds of questions share, above 0.
    own_alpha : float, default=1e-3
        Penalty on what a kind of question has of its own, above 0.
    seed : int, default=0
        Keys the canonical order of the records; part of the digest. No number that is learned depends on it.

    Attributes
    ----------
    coef_ : ndarray of shape (10, 87)
        Weights of what is seen, for each kind of question.

    Guarantee
    ---------
    ``exact``: after ``forget`` the state is bit for bit that of a fresh fit on the questions that are left.

    Notes
    -----
    A record is a question with its passage, and its target is the answer: two columns of texts, ``question`` and
    ``passage`` by name, else in this order. With z what is seen of a span, t the square of the F1 of its words with
    the answer, and means taken over the spans of one passage, the weights minimise the mean over the questions of
    mean((t - t̄ - w · (z - z̄))²), plus penalties. The state is Σ (z - z̄)(z - z̄)ᵀ / spans over the questions of each
    kind, rounded once for each question to a multiple of 2**-32: 10 · 88 · 89 / 2 integers at most. What is seen of a
    span follows from the question and its passage alone, so forgetting k questions reads those k. No word is a feature:
    a reader that was exported knows none.

    The answer always comes from the passage it is given. Whether there is one to give is for the index to say.

    References
    ----------
    T. Evgeniou, M. Pontil, "Regularized multi-task learning", KDD 2004, equation 8: weights that are shared and weights
    of each task's own. P. Rajpurkar and others, EMNLP 2016, section 5: a linear reader of spans.

    Examples
    --------
    >>> asked = [["Who built the mill?", "The mill was built by Ada Kerr in 1720."],
    ...          ["When was the mill built?", "The mill was built by Ada Kerr in 1720."]]
    >>> reader = SpanReader().fit(asked, ["Ada Kerr", "1720"], record_ids=["a", "b"])
    >>> reader.predict([["Who wrote the song?", "The song was written by Mo Lund in 1911."]]).tolist()
    ['Mo Lund']
    >>> removal = reader.forget("a")
    >>> reader.digest() == SpanReader().fit(asked[1:], ["1720"], record_ids=["b"]).digest()
    True
    """

    _requests = ("records", "subjects")
    _task = "question answering"
    _instead_of_weights = "It counts documents: leave them out."
    _alternatives: ClassVar = {"alpha": [10.0], "own_alpha": [10.0]}

    def __init__(self, *, alpha: float = 1e-3, own_alpha: float = 1e-3, seed: int = 0) -> None:
        self.alpha = alpha
        self.own_alpha = own_alpha
        self.seed = seed

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string, tags.input_tags.two_d_array = True, True
        tags.target_tags.required = True
        return tags

    def _check_params(self) -> None:
        for name in ("alpha", "own_alpha"):
            check_number(name, getattr(self, name))
            if not getattr(self, name) >= _LEAST_ALPHA:
                raise InvalidParameterError(
                    f"{name} must be at least {_LEAST_ALPHA:g}, got {getattr(self, name)!r}.",
                    hint="Less cannot be told from 0 beside the rounding of the sums.",
                )

    def _validate(self, X: Any, y: Any, *, reset: bool, least: int = 1) -> tuple[Any, Any]:
        pairs = _pairs(X, least)
        validate_data(self, pairs, reset=reset, skip_check_array=True)
        if y is None:
            if reset:
                refuse_missing_targets(self)
            return pairs, None
        answers = texts_of(y, 0)
        if len(answers) != len(pairs):
            raise InvalidDataError(
                f"X has {len(pairs)} rows, and y has {len(answers)}.", hint="Give an answer to each."
            )
        return pairs, answers

    # ------------------------------------------------------------------ learning

    def _update(self, change: Change) -> dict[str, Part | None]:
        counts = np.zeros(len(KINDS), dtype=np.int64)
        products = np.zeros((len(KINDS), len(_UPPER[0])), dtype=np.int64)
        if (old := change.parts.get("sums")) is not None:
            counts[old["kinds"]], products[old["kinds"]] = old["counts"], old["products"]
        for sign, slots, what in ((-1, change.removed_slots, "removed"), (1, change.added_slots, "added")):
            if not len(slots):
                continue
            table = getattr(change, what)
            with one_thread():  # of small matrices two threads mostly wait for each other
                for spans in spans_of(*_columns(table.X), table.y):
                    counts[spans.kind] += sign
                    products[spans.kind] += sign * _product(spans)
        kinds = np.flatnonzero(counts)  # a kind that nobody asks any more leaves no trace
        return {"sums": {"kinds": kinds, "counts": counts[kinds], "products": products[kinds]}}

    def _solve(self, rows: Rows, parts: Mapping[str, Part]) -> Part | None:
        sums, n = parts["sums"], int(parts["sums"]["counts"].sum())
        if not n:
            return None
        shared, own = float(self.alpha) * n, float(self.own_alpha) * n
        left, right, known = shared * np.eye(N_SEEN), np.zeros(N_SEEN), {}
        with one_thread():
            for kind, upper in zip(sums["kinds"].tolist(), sums["products"], strict=True):
                G = np.empty((N_SEEN + 1, N_SEEN + 1))
                G[_UPPER] = G.T[_UPPER] = upper * _UNIT
                inverse = linalg.cho_solve(linalg.cho_factor(G[:-1, :-1] + own * np.eye(N_SEEN)), np.eye(N_SEEN))
                left += own * (np.eye(N_SEEN) - own * inverse)
                right += own * (inverse @ G[:-1, -1])
                known[kind] = G, inverse
            w = linalg.cho_solve(linalg.cho_factor((left + left.T) / 2), right)
            coef = np.tile(w, (len(KINDS), 1))
            for kind, (G, inverse) in known.items():
                coef[kind] += inverse @ (G[:-1, -1] - G[:-1, :-1] @ w)
        return {"coef": coef}

    def _estimate(self, rows: Rows, slots: npt.NDArray[np.intp]) -> tuple[int, int, tuple[str, ...]]:
        return len(slots), len(slots), ("sums",)

    def _terms(self) -> str:
        return f", on sums over questions rounded to multiples of {power_text(_UNIT)}"

    # ------------------------------------------------------------------ answering

    @property
    def coef_(self) -> Floats:
        """Weights, shape (10, 87)."""
        return np.array(self._solution()["coef"])

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """Answers, shape (n,), as objects: words of the passages; empty where a passage has none to give."""
        found = self._read(X)
        out = np.empty(len(found), dtype=object)
        out[:] = [text for text, _ in found]
        return out

    def score_samples(self, X: Any) -> Floats:
        """How well the reader likes its answers, shape (n,), without unit; -inf where it has none."""
        return np.array([score for _, score in self._read(X)])

    def score_answers(self, X: Any, y: Any) -> Floats:
        """How much less the reader likes these answers than its own, shape (n,), at most 0 and without unit.

        Parameters
        ----------
        X : table of questions and passages, shape (n, 2)
        y : sequence of n str

        Returns
        -------
        ndarray
            Of the best span with the words of the answer; -inf where the passage has none.
        """
        coef, (pairs, answers) = self._solution()["coef"], self._validate(X, y, reset=False, least=0)
        out = np.full(len(pairs), -np.inf)
        for i, spans in enumerate(spans_of(*_columns(pairs), answers)):
            scores = (spans.seen * coef[spans.kind]).sum(axis=1)
            if (true := spans.overlap >= 1.0).any():
                out[i] = scores[true].max() - scores.max()
        return out

    def _read(self, X: Any) -> list[tuple[str, float]]:
        """The answer to each question, and its score."""
        coef, (pairs, _) = self._solution()["coef"], self._validate(X, None, reset=False, least=0)
        questions, passages = _columns(pairs)
        out = []
        for passage, spans in zip(passages, spans_of(questions, passages), strict=True):
            scores = (spans.seen * coef[spans.kind]).sum(axis=1)
            best = int(np.argmax(scores)) if len(scores) else -1
            answer = passage[spans.starts[best] : spans.ends[best]] if best >= 0 else ""
            out.append((answer, float(scores[best]) if best >= 0 else -np.inf))
        return out


def _product(spans: Spans) -> Limits:
    """Σ (z - z̄)(z - z̄)ᵀ / spans, with the target as the last of z, in units of :data:`_UNIT`: its upper triangle.

    Σ z zᵀ is exact in floats, in any order of summation: multiples of 2**-40 below 2**13.
    """
    n = len(spans.starts)
    if not n:
        return np.zeros(len(_UPPER[0]), dtype=np.int64)
    target = np.rint(spans.overlap**2 * 2.0**10) / 2.0**10
    Z = np.concatenate([spans.seen, target[:, np.newaxis]], axis=1)
    total = Z.sum(axis=0)
    scatter = (Z.T @ Z - np.multiply.outer(total, total) / n) / n
    return np.asarray(np.rint(scatter[_UPPER] / _UNIT), dtype=np.int64)


def _columns(pairs: Any) -> tuple[list[str], list[str]]:
    """Questions and passages of a validated table."""
    values = pairs.to_numpy(dtype=object) if hasattr(pairs, "iloc") else pairs
    return values[:, 0].tolist(), values[:, 1].tolist()


def _pairs(X: Any, least: int) -> Any:
    """A table of a question and a passage in each row: a frame if it was one, else an object array of shape (n, 2)."""
    if hasattr(X, "to_pandas") and not hasattr(X, "iloc"):
        X = X.to_pandas()
    if {"question", "passage"} <= set(getattr(X, "columns", ())):
        X = X[["question", "passage"]]
    return text_table(X, least=least, names=("question", "passage"))

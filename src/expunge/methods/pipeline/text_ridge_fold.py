"""A vectoriser and a ridge classifier behind it, solved from integer sums of products over the words that are features.

Where nothing is divided by a norm, the products of counts are kept and multiplied by the idf when somebody asks: a
document that goes takes its own products along. If other words become features when it goes, or with a norm, the sums
are made anew, in one pass over counts that are remembered beside the texts: rows of a few dozen words each, and never a
dense table.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from expunge.errors import InvalidDataError
from expunge.estimators import one_thread
from expunge.maths import exact
from expunge.maths.class_sums import number_classes
from expunge.maths.fixed_point import rounding_terms
from expunge.maths.moments import ClassMoments, Moments
from expunge.maths.running_sum import refuse_new_lack
from expunge.methods.pipeline.stages import below, named
from expunge.methods.sums.ridge_classifier import RidgeClassifier
from expunge.methods.text.analysis import Counts
from expunge.methods.text.class_terms import plain_labels
from expunge.methods.text.remembered import Remembered, follow, key_of
from expunge.methods.text.terms import NO_TERMS, Moved, inverse_frequencies, terms_with, terms_without
from expunge.methods.text.vectorizer import WordVectorizer
from expunge.rows import Rows, Table
from expunge.state import Change, Part

__all__ = ["TextRidgeFold"]

Slots = npt.NDArray[np.intp]
Places = npt.NDArray[np.int64]

#: What shares of a norm are multiples of: a product of two is at most 2**40, so 2**23 documents stay in int64.
GRID = 2.0**-20
_WIDEST = 2**13  # features; their products are half a gigabyte


class TextRidgeFold(NamedTuple):
    """The steps of a linear text classifier that are solved together; made by :meth:`of`.

    Parameters
    ----------
    vectors : tuple (str, WordVectorizer)
    model : tuple (str, RidgeClassifier)
    """

    vectors: tuple[str, Any]
    model: tuple[str, Any]

    @classmethod
    def of(cls, steps: list[tuple[str, Any]]) -> TextRidgeFold | None:
        """The fold of these steps, or None if they have to take turns."""
        if len(steps) != 2 or not isinstance(steps[0][1], WordVectorizer) or type(steps[1][1]) is not RidgeClassifier:
            return None
        vectors, model = steps[0][1], steps[1][1]
        if getattr(vectors, "sublinear_tf", False) or not np.array_equal(model.resolution, exact.DEFAULT_RESOLUTION):
            return None
        return cls(steps[0], steps[1])

    @property
    def _norm(self) -> str | None:
        return getattr(self.vectors[1], "norm", None)

    def terms(self) -> str:
        """What an exact guarantee adds."""
        return f", on {rounding_terms(GRID, 'values')}" if self._norm is not None else ""

    # ------------------------------------------------------------------ the verbs of a pipeline

    def update(self, change: Change, *, tolerant: bool) -> dict[str, Part | None]:
        """Terms, and sums over the features, after a change."""
        old = {name: below(name, change.parts) for name, _ in (self.vectors, self.model)}
        terms, sums = old[self.vectors[0]].get("terms"), old[self.model[0]].get("sums")
        new_terms: Part = NO_TERMS if terms is None else terms
        new_sums, counts = sums if self._norm is None else None, None
        if len(change.removed_slots):
            counts = self.vectors[1]._count(change.removed.X)
            moved = terms_without(new_terms, counts)
            if new_sums is not None and (kept := self._kept_as_they_were(new_terms, moved)) is not None:
                new_sums = _joined(new_sums, _tally(_rows_of(counts, moved.at, kept), change.removed.y), -1)
            else:
                new_sums = None
            follow(change.rows.columns, self.vectors[1], new_terms, moved)
            new_terms, counts = moved.part, None
        if terms is None or len(change.added_slots):
            counts = self.vectors[1]._count(change.added.X)
            moved = terms_with(new_terms, counts)
            if new_sums is not None and (kept := self._kept_as_they_were(new_terms, moved)) is not None:
                kept = kept if moved.to is None else moved.to[kept]
                new_sums = _joined(new_sums, _tally(_rows_of(counts, moved.at, kept), change.added.y), 1)
            else:
                new_sums = None
            follow(change.rows.columns, self.vectors[1], new_terms, moved, counts)
            new_terms = moved.part
        if new_sums is None:
            new_sums = self._whole(change, new_terms, counts)
        loose = Change(change.rows, change.parts, change.removed_slots, change.added_slots, tolerant)
        refuse_new_lack(terms, new_terms, loose, self.vectors[1]._refusal)
        refuse_new_lack(sums, new_sums, loose, self.model[1]._refusal)
        return {f"{self.vectors[0]}/terms": new_terms, f"{self.model[0]}/sums": new_sums}

    def solve(self, rows: Rows, parts: Mapping[str, Part]) -> Part | None:
        """The solutions of both steps; None if one of them has none."""
        (first, vectors), (last, model) = self.vectors, self.model
        terms, sums = parts[f"{first}/terms"], parts[f"{last}/sums"]
        learned = vectors._learned(terms)
        if learned is None or model._refusal(sums) is not None:
            return None
        scale = np.full(len(learned["words"]), GRID) if self._norm is not None else np.ones(len(learned["words"]))
        if "idf" in learned and self._norm is None:
            scale = learned["idf"]
        with one_thread():
            own = model._from_moments(_moments(sums, scale))
        return {**named(first, learned), **named(last, own)}

    def estimate(
        self, rows: Rows, parts: Mapping[str, Part], slots: Slots, table: Table | None = None
    ) -> tuple[int, int, tuple[str, ...]]:
        """Work of forgetting these slots, and of the rows that come for them: they are read; with a norm, or if other
        words become features, all others, too, as remembered counts."""
        n_new = 0 if table is None else len(table)
        own = len(slots) + n_new
        every = own + len(rows) - len(slots) + n_new
        return (own if self._norm is None else every), every, tuple(parts)

    def most_work(self, rows: Rows, parts: Mapping[str, Part]) -> int:
        """Work of a full refit."""
        return len(rows)

    # ------------------------------------------------------------------ sums

    def _kept_as_they_were(self, old: Part, moved: Moved) -> Places | None:
        """Places of the features among the old terms, if the same words are features afterwards."""
        before, after = self.vectors[1]._kept(old), self.vectors[1]._kept(moved.part)
        same = np.array_equal(before if moved.to is None else moved.to[before], after)
        return before if same and len(old["words"]) else None

    def _whole(self, change: Change, terms: Part, added: Counts | None) -> Part:
        """The sums of all documents, in one pass over what is remembered of them."""
        rows, vectors = change.rows, self.vectors[1]
        slots = np.flatnonzero(rows.alive)
        is_fit = len(slots) == len(change.added_slots)
        table = change.added if is_fit else rows.read(slots)
        known = added if is_fit else None
        memory = Remembered.of(
            rows.columns, slots, key_of(vectors), lambda: vectors._count(table.X) if known is None else known
        )
        kept, place = vectors._kept(terms), memory.places(terms["words"])
        if len(kept) > _WIDEST and not change.tolerant:
            raise InvalidDataError(
                f"RidgeClassifier keeps products of all pairs of features, and {len(kept):,} are too many.",
                hint=f"Ask the step before for at most {_WIDEST:,}: max_features or min_df.",
            )
        feature = np.full(len(terms["words"]) + 1, -1, dtype=np.int64)
        feature[kept] = np.arange(len(kept))
        values = memory.counts
        if self._norm is not None:
            idf = inverse_frequencies(terms, kept, smooth=vectors.smooth_idf) if vectors.use_idf else np.ones(len(kept))
            weight = np.zeros(len(terms["words"]) + 1)
            weight[kept] = idf
            size = memory.sizes(weight[place], squared=self._norm == "l2")
            size = np.sqrt(size) if self._norm == "l2" else size
            each = np.divide(1.0, size, out=np.zeros_like(size), where=size > 0)
            shares = values * weight[place][memory.numbers] * np.repeat(each, np.diff(memory.starts))
            values = np.rint(shares / GRID)
        at = np.full(len(rows.columns) + 1, -1, dtype=np.int64)
        at[slots] = np.arange(len(slots))
        of = np.repeat(at[memory.slots], np.diff(memory.starts))
        return _tally(_sparse(values, of, feature[place][memory.numbers], (len(slots), len(kept))), table.y)


def _rows_of(counts: Counts, at: Places, kept: Places) -> Any:
    """Counts of documents in the columns of the features."""
    column = np.full(max(int(at.max(initial=-1)), int(kept.max(initial=-1))) + 2, -1, dtype=np.int64)
    column[kept] = np.arange(len(kept))
    return _sparse(counts.counts, counts.text_of(), column[at[counts.numbers]], (len(counts), len(kept)))


def _sparse(values: Any, of: Places, column: Places, shape: tuple[int, int]) -> Any:
    """Whole numbers at places of a table, as a CSR array; what has no place is left out."""
    from scipy import sparse

    there = (column >= 0) & (of >= 0) & (values != 0)
    return sparse.csr_array((values[there].astype(np.int64), (of[there], column[there])), shape=shape)


def _tally(X: Any, y: npt.NDArray[Any]) -> Part:
    """Number of documents and Σ x of each class, and Σ x xᵀ of all."""
    from scipy import sparse

    classes, codes = number_classes(y)
    ones = np.ones(len(codes), dtype=np.int64)
    whose = sparse.csr_array((ones, (codes, np.arange(len(codes)))), shape=(len(classes), len(codes)))
    counts = np.bincount(codes, minlength=len(classes)).astype(np.int64)
    return {
        "classes": classes, "counts": counts, "sums": (whose @ X).toarray().astype(np.int64),
        "products": (X.T.tocsr() @ X).toarray().astype(np.int64),
    }  # fmt: skip


def _joined(old: Part, more: Part, sign: int) -> Part:
    """Two tallies of the same features as one or, with ``sign=-1``, the first without the second, a part of it."""
    labels = [plain_labels(part["classes"]) for part in (old, more) if len(part["classes"])]
    classes = number_classes(np.concatenate(labels))[0]
    place = {label: i for i, label in enumerate(classes.tolist())}
    counts = np.zeros(len(classes), dtype=np.int64)
    sums = np.zeros((len(classes), old["products"].shape[0]), dtype=np.int64)
    for part, factor in ((old, 1), (more, sign)):
        at = [place[label] for label in part["classes"].tolist()]
        counts[at] += factor * part["counts"]
        sums[at] += factor * part["sums"]
    left = counts > 0  # a class that nobody has any more leaves no trace
    kept = number_classes(plain_labels(classes)[left])[0]
    products = old["products"] + sign * more["products"]
    return {"classes": kept, "counts": counts[left], "sums": sums[left], "products": products}


def _moments(sums: Part, scale: npt.NDArray[np.float64]) -> Moments:
    """Moments of the features, of which the sums are in units of ``scale``."""
    n, total = int(sums["counts"].sum()), sums["sums"].sum(axis=0)
    means = total / n
    offsets = sums["sums"] / sums["counts"][:, np.newaxis] - means
    scatter = (sums["products"] - np.multiply.outer(total / n, total)) * np.multiply.outer(scale, scale)
    scatter = (scatter + scatter.T) / 2
    weight = sums["counts"].astype(np.float64)
    classes = ClassMoments(sums["classes"], sums["counts"], weight, offsets * scale, scatter)  # within: nobody reads it
    return Moments(n, float(n), means * scale, scatter, classes=classes)

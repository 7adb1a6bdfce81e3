"""A vectoriser and a naive Bayes behind it, solved from integer sums over words: no document is read again for others.

In the sum of tf · idf over the documents of a class the idf of a word is a common factor. So it is the tf that is
summed, an integer, and the idf, which changes with every document, is multiplied when somebody asks. A norm of each
document does not factorise: when a document goes, the idf of every word moves, and with it the norm of every document.
Then the sums are made anew, in one pass over counts that are remembered beside the texts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from expunge.maths import exact
from expunge.maths.class_sums import number_classes
from expunge.maths.running_sum import refuse_new_lack
from expunge.methods.pipeline.stages import below, named
from expunge.methods.sums.discrete_nb import BernoulliNB, MultinomialNB
from expunge.methods.text.analysis import Counts
from expunge.methods.text.class_terms import (
    UNIT,
    class_tally,
    dense_values,
    fixed_values,
    merged,
    renumbered,
)
from expunge.methods.text.remembered import Remembered, follow, key_of
from expunge.methods.text.terms import NO_TERMS, inverse_frequencies, terms_with, terms_without
from expunge.methods.text.vectorizer import WordVectorizer
from expunge.rows import Rows, Table
from expunge.state import Change, Part

__all__ = ["TextFold"]

Slots = npt.NDArray[np.intp]
Values = npt.NDArray[np.int64]


class TextFold(NamedTuple):
    """The steps of a text classifier that are solved together; made by :meth:`of`.

    Parameters
    ----------
    vectors : tuple (str, WordVectorizer)
    model : tuple (str, MultinomialNB or BernoulliNB)
    """

    vectors: tuple[str, Any]
    model: tuple[str, Any]

    @classmethod
    def of(cls, steps: list[tuple[str, Any]]) -> TextFold | None:
        """The fold of these steps, or None if they have to take turns."""
        if len(steps) != 2 or not isinstance(steps[0][1], WordVectorizer):
            return None
        vectors, model = steps[0][1], steps[1][1]
        if not isinstance(model, (MultinomialNB, BernoulliNB)) or np.ndim(model.alpha) or np.ndim(model.resolution):
            return None
        are_counts = not hasattr(vectors, "norm") or isinstance(model, BernoulliNB)
        if not are_counts and vectors.norm is not None and vectors.sublinear_tf:
            return None  # a logarithm divided by a norm is no whole number of anything
        finest = 1.0 if are_counts else exact.DEFAULT_RESOLUTION  # a coarser one asks for another rounding
        if not model.resolution <= finest or (isinstance(model, BernoulliNB) and model.binarize != 0):
            return None
        return cls(steps[0], steps[1])

    # ------------------------------------------------------------------ what is summed

    @property
    def _is_normed(self) -> bool:
        """Whether a document's share depends on the idf of all its words."""
        return getattr(self.vectors[1], "norm", None) is not None and isinstance(self.model[1], MultinomialNB)

    @property
    def _is_sublinear(self) -> bool:
        return bool(getattr(self.vectors[1], "sublinear_tf", False)) and isinstance(self.model[1], MultinomialNB)

    def _values(self, counts: npt.NDArray[np.int32]) -> Values:
        """What entries add to the sum of their class: one for a Bernoulli, else the tf."""
        if isinstance(self.model[1], BernoulliNB):
            return np.ones(len(counts), dtype=np.int64)
        return fixed_values(counts, sublinear=self._is_sublinear)

    # ------------------------------------------------------------------ the verbs of a pipeline

    def update(self, change: Change, *, tolerant: bool) -> dict[str, Part | None]:
        """Terms, and sums of the classes, after a change."""
        old = {name: below(name, change.parts) for name, _ in (self.vectors, self.model)}
        terms, sums = old[self.vectors[0]].get("terms"), old[self.model[0]].get("sums")
        new_terms: Part = NO_TERMS if terms is None else terms
        new_sums: Part | None = None if self._is_normed else sums
        analyze, counts = self.vectors[1]._count, None
        if len(change.removed_slots):
            counts = analyze(change.removed.X)
            moved = terms_without(new_terms, counts)
            if new_sums is not None:
                tally = self._tally(counts, moved.at, len(new_terms["words"]), change.removed.y)
                new_sums = renumbered(merged(new_sums, tally, -1), moved.to)
            if self._is_normed:
                follow(change.rows.columns, self.vectors[1], new_terms, moved)
            new_terms = moved.part
        if terms is None or len(change.added_slots):
            counts = analyze(change.added.X)
            moved = terms_with(new_terms, counts)
            if not self._is_normed:
                tally = self._tally(counts, moved.at, len(moved.part["words"]), change.added.y)
                new_sums = tally if new_sums is None else merged(renumbered(new_sums, moved.to), tally, 1)
            else:
                follow(change.rows.columns, self.vectors[1], new_terms, moved, counts)
            new_terms = moved.part
        if self._is_normed:
            new_sums = self._normed_sums(change, new_terms, counts)
        assert new_sums is not None  # noqa: S101 - a fit adds, if only no documents
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
        kept = vectors._kept(terms)
        count = dense_values(sums, kept, len(terms["words"]))
        if self._is_normed or self._is_sublinear:
            count *= UNIT
        if "idf" in learned and isinstance(model, MultinomialNB):
            count *= learned["idf"]
        own = {"classes": sums["classes"], **model._from_counts(count, sums)}
        return {**named(first, learned), **named(last, own)}

    def estimate(
        self, rows: Rows, parts: Mapping[str, Part], slots: Slots, table: Table | None = None
    ) -> tuple[int, int, tuple[str, ...]]:
        """Work of forgetting these slots, and of the rows that come for them: they are read; with a norm all others,
        too, as remembered counts."""
        n_new = 0 if table is None else len(table)
        work = len(slots) + n_new
        work += len(rows) - len(slots) + n_new if self._is_normed else 0
        return work, work, tuple(parts)

    def most_work(self, rows: Rows, parts: Mapping[str, Part]) -> int:
        """Work of a full refit."""
        return len(rows)

    # ------------------------------------------------------------------ sums

    def _tally(self, counts: Counts, at: Values, n_terms: int, y: Any) -> Part:
        return class_tally(counts, self._values(counts.counts), at, n_terms, y)

    def _normed_sums(self, change: Change, terms: Part, added: Counts | None) -> Part:
        """Sums of tf / norm over the documents of each class, in units of :data:`UNIT`; the norm is that of tf · idf.

        The reciprocal of a norm is rounded once, to a whole number of units. Times tf it is a whole number, too, and at
        most 2**32, since no tf · idf is above the norm and no idf is below one.
        """
        rows, vectors = change.rows, self.vectors[1]
        slots = np.flatnonzero(rows.alive)
        is_fit = len(slots) == len(change.added_slots)
        table = change.added if is_fit else rows.read(slots)
        classes, codes = _numbered(table.y)
        columns: Any = rows.columns
        known = added if is_fit else None
        memory = Remembered.of(
            columns, slots, key_of(vectors), lambda: vectors._count(table.X) if known is None else known, codes
        )
        by_slot = np.full(len(columns) + 1, -1, dtype=np.int64)  # the last one is that of what is gone
        by_slot[slots] = codes
        kept, place = vectors._kept(terms), memory.places(terms["words"])
        idf = inverse_frequencies(terms, kept, smooth=vectors.smooth_idf) if vectors.use_idf else np.ones(len(kept))
        weight = np.zeros(len(terms["words"]) + 1)  # the last one is that of words that are no features
        weight[kept] = idf
        norm = memory.sizes(weight[place], squared=vectors.norm == "l2")
        norm = np.sqrt(norm) if vectors.norm == "l2" else norm
        factors = np.rint(np.divide(1.0 / UNIT, norm, out=np.zeros_like(norm), where=norm > 0))
        feature = np.full(len(terms["words"]) + 1, -1, dtype=np.int64)
        feature[kept] = kept
        feature, found = feature[place], []
        for numbers, sums in memory.class_sums(by_slot[memory.slots], factors):
            at = feature[numbers]
            at, sums = at[at >= 0], sums[at >= 0]
            sort: Any = np.argsort(at) if np.any(at[1:] < at[:-1]) else slice(None)  # words that came later stand last
            found.append((at[sort], sums[sort]))
        counts = np.bincount(codes, minlength=len(classes)).astype(np.int64)
        return {"classes": classes, "counts": counts, "terms": [t for t, _ in found], "values": [v for _, v in found]}


def _numbered(labels: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], Values]:
    """The distinct labels, sorted, and the number of each document's: number_classes for many texts as labels."""
    import pandas as pd

    first, distinct = pd.factorize(labels)
    classes, rank = number_classes(distinct)
    return classes, rank[first]

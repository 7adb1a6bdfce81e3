"""Sums of words over the documents of each class: integers, and no pair of a class and a word that never meet.

A *class part* is a dictionary: ``classes`` of shape (K,), the labels of the documents, sorted; ``counts`` of shape
(K,), the documents of each; ``terms``, for each class an array of the places of its words, ascending; and ``values``,
for each class what its words sum up to, int64, above zero. Places are those in a list of all words: when words come or
go, the places of others move. Arrays of classes that a change does not touch are shared with the part before it.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import numpy.typing as npt

from expunge.maths.class_sums import number_classes
from expunge.methods.text.analysis import Counts
from expunge.state import Part

__all__ = ["UNIT", "class_tally", "dense_values", "fixed_values", "merged", "plain_labels", "renumbered"]

Labels = npt.NDArray[Any]
Places = npt.NDArray[np.int64]

#: What values that are no whole numbers are multiples of. A value is at most 2**5, so 2**26 documents stay in int64.
UNIT = 2.0**-32


def class_tally(counts: Counts, values: npt.NDArray[np.int64], at: Places, n_terms: int, y: Labels) -> Part:
    """The class part of documents.

    Parameters
    ----------
    counts : Counts
    values : ndarray of int64, shape (entries,)
        What each entry adds.
    at : ndarray of int64
        Place of each word of the counts.
    n_terms : int
        Length of the list of all words.
    y : ndarray of shape (n,)
        Labels of the documents.
    """
    classes, codes = number_classes(y)
    places = at[counts.numbers]
    add_up = _few_sums if len(places) * 8 < n_terms else _sums
    terms, totals = add_up(codes, len(classes), counts, places, values, n_terms)
    documents = np.bincount(codes, minlength=len(classes)).astype(np.int64)
    return {"classes": classes, "counts": documents, "terms": terms, "values": totals}


def _sums(
    codes: Places, n_classes: int, counts: Counts, places: Places, values: Places, n_terms: int
) -> tuple[list[Places], list[Places]]:
    """Places and sums of each class, as a product of sparse matrices: O(entries + words)."""
    from scipy import sparse

    documents = sparse.csr_array((values, places, counts.starts), shape=(len(codes), n_terms))
    order = np.argsort(codes, kind="stable")
    ends = np.searchsorted(codes[order], np.arange(n_classes + 1))
    whose = sparse.csr_array((np.ones(len(order), dtype=np.int64), order, ends), shape=(n_classes, len(codes)))
    sums = (whose @ documents).tocsc().tocsr()  # there and back: each line sorted, in linear time
    cut = list(itertools.pairwise(sums.indptr))
    return [sums.indices[a:b].astype(np.int64) for a, b in cut], [sums.data[a:b].copy() for a, b in cut]


def _few_sums(
    codes: Places, n_classes: int, counts: Counts, places: Places, values: Places, n_terms: int
) -> tuple[list[Places], list[Places]]:
    """The same of few entries, in time that does not depend on the number of words."""
    cells, which = np.unique(codes[counts.text_of()] * n_terms + places, return_inverse=True)
    sums = np.zeros(len(cells), dtype=np.int64)
    np.add.at(sums, which, values)
    cuts = np.searchsorted(cells, np.arange(n_classes + 1) * n_terms)
    cut = list(itertools.pairwise(cuts))
    return [cells[a:b] % n_terms for a, b in cut], [sums[a:b].copy() for a, b in cut]


def merged(old: Part, more: Part, sign: int) -> Part:
    """Two class parts of one numbering as one or, with ``sign=-1``, the first without the second, a part of it."""
    if not len(old["classes"]):
        return more
    classes = number_classes(np.concatenate([plain_labels(old["classes"]), plain_labels(more["classes"])]))[0]
    ours, theirs = (
        dict(zip(part["classes"].tolist(), range(len(part["classes"])), strict=True)) for part in (old, more)
    )
    out: dict[str, list[Any]] = {"classes": [], "counts": [], "terms": [], "values": []}
    for label in classes.tolist():
        i, j = ours.get(label), theirs.get(label)
        n = (0 if i is None else int(old["counts"][i])) + sign * (0 if j is None else int(more["counts"][j]))
        if not n:
            continue  # a class that nobody has any more leaves no trace
        if j is None or i is None:
            part, k = (old, i) if j is None else (more, j)
            terms, values = part["terms"][k], part["values"][k]
        else:
            terms, values = _combined(old["terms"][i], old["values"][i], more["terms"][j], sign * more["values"][j])
        for name, value in zip(out, (label, n, terms, values), strict=True):
            out[name].append(value)
    kept = np.array(out["classes"], dtype=object if isinstance(out["classes"][:1] and out["classes"][0], str) else None)
    counts = np.array(out["counts"], dtype=np.int64)
    return {"classes": number_classes(kept)[0], "counts": counts, "terms": out["terms"], "values": out["values"]}


def renumbered(part: Part, to: Places | None) -> Part:
    """The same part when the word at place p has moved to ``to[p]``; None if none has."""
    return part if to is None else {**part, "terms": [to[terms] for terms in part["terms"]]}


def dense_values(part: Part, kept: Places, n_terms: int) -> npt.NDArray[np.float64]:
    """The sums of the words at these places, as floats of shape (K, len(kept))."""
    column = np.full(n_terms, -1, dtype=np.int64)
    column[kept] = np.arange(len(kept))
    out = np.zeros((len(part["classes"]), len(kept)))
    for line, terms, values in zip(out, part["terms"], part["values"], strict=True):
        at = column[terms]
        line[at[at >= 0]] = values[at >= 0]
    return out


def fixed_values(counts: npt.NDArray[np.int32], *, sublinear: bool) -> npt.NDArray[np.int64]:
    """Counts as they are or, sublinear, 1 + log(count) in units of :data:`UNIT`."""
    if not sublinear:
        return counts.astype(np.int64)
    table = np.concatenate([[0.0], 1.0 + np.log(np.arange(1, int(counts.max(initial=0)) + 1))])
    return np.rint(table / UNIT).astype(np.int64)[counts]


def _combined(terms: Places, values: Places, more: Places, change: Places) -> tuple[Places, Places]:
    at = np.searchsorted(terms, more)
    there = at < len(terms)
    there[there] = terms[at[there]] == more[there]
    values = values.copy()
    values[at[there]] += change[there]
    if not there.all():
        terms = np.insert(terms, at[~there], more[~there])
        values = np.insert(values, at[~there], change[~there])
    stays = values != 0
    return (terms, values) if stays.all() else (terms[stays], values[stays])


def plain_labels(labels: Labels) -> Labels:
    """Labels without a width that some of them need and others do not."""
    return labels.astype(object) if labels.dtype.kind == "U" else labels

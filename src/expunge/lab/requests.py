"""What is to be forgotten: drawn from the training records by the evaluation seed, and sometimes planted first."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from expunge.errors import InvalidParameterError
from expunge.lab.data import Bools, Data, Ints
from expunge.lab.spec import check_dials, parse, unknown
from expunge.seeds import derive_seed, uniform64

__all__ = ["REQUESTS", "Drawn", "Request", "draw_request", "find_request"]

Places = npt.NDArray[np.intp]


@dataclasses.dataclass(frozen=True, eq=False)
class Drawn:
    """What a request names.

    Parameters
    ----------
    batches : tuple of ndarray of int
        Places of the records to forget, in the order of the requests.
    data : Data
        As it is trained on: with planted labels or marks, if the request plants any.
    mark : callable, optional
        Puts the mark of a backdoor on rows.
    target : int
        The class that the mark stands for.
    by_cost : {"", "least", "most"}
        One record, chosen by what the trained model says forgetting it costs; ``batches`` then holds the candidates.
    """

    batches: tuple[Places, ...]
    data: Data
    mark: Callable[[Any], Any] | None = None
    target: int = -1
    by_cost: str = ""

    def mask(self) -> Bools:
        """Which records are forgotten in all."""
        out = np.zeros(len(self.data), dtype=bool)
        out[np.concatenate(self.batches)] = True
        return out


@dataclasses.dataclass(frozen=True)
class Request:
    """A kind of request.

    Parameters
    ----------
    what : str
        In a few words.
    draw : callable
        ``draw(data, train, seed, amount)`` gives :class:`Drawn`.
    amount : float
        Default of the dial: a share, a number, a class.
    dial : str
    needs_classes : bool
        Whether it can be asked for only where answers are classes.
    """

    what: str
    draw: Callable[[Data, Bools, int, float], Drawn]
    amount: float
    dial: str
    needs_classes: bool = False


def draw_request(text: str, data: Data, train: Bools, seed: int) -> Drawn:
    """Draw what a request names.

    Raises
    ------
    UnknownNameError
        There is no such request.
    InvalidParameterError
        An amount that leaves nothing to forget, or nothing to keep; a request about classes of data that has none.
    """
    request, amount = find_request(text)
    if request.needs_classes and not data.task.is_classes:
        raise InvalidParameterError(f"The request {text!r} is about classes; {data.name!r} asks for {data.task.name}.")
    drawn = request.draw(data, train, derive_seed(seed, "lab request", text), amount)
    n = int(drawn.mask().sum())
    if not drawn.by_cost and not 0 < n < train.sum():
        raise InvalidParameterError(f"The request {text!r} names {n} of {train.sum()} training records.")
    return drawn


def find_request(text: str) -> tuple[Request, float]:
    """The request of a name, and its amount.

    Raises
    ------
    InvalidParameterError
        No such request, or an amount that is no number.
    """
    name = text.partition("@")[0]
    if name not in REQUESTS:
        raise unknown("request", name, REQUESTS)
    request = REQUESTS[name]
    _, dials = parse(text, request.dial)
    check_dials(text, dials, [request.dial])
    amount = dials.get(request.dial, request.amount)
    if not isinstance(amount, (int, float)) or isinstance(amount, bool) or amount < 0:
        raise InvalidParameterError(f"The amount of a request is a number, got {text!r}.")
    return request, amount


def _first(chosen: Bools, seed: int, ids: Ints, n: int) -> Places:
    """So many places of the chosen records, by a hash of their ids."""
    places = np.flatnonzero(chosen)
    return places[np.argsort(uniform64(seed, "lab forget", ids[places]), kind="stable")[:n]]


def _random(data: Data, train: Bools, seed: int, amount: float) -> Drawn:
    return Drawn((_first(train, seed, data.ids, max(1, round(amount * train.sum()))),), data)


def _record(data: Data, train: Bools, seed: int, amount: float) -> Drawn:
    return Drawn((_first(train, seed, data.ids, int(amount)),), data)


def _class(data: Data, train: Bools, seed: int, amount: float) -> Drawn:
    return Drawn((np.flatnonzero(train & (data.y == int(amount))),), data)


def _subject(data: Data, train: Bools, seed: int, amount: float) -> Drawn:
    people = np.unique(data.subjects[train].astype(str)).astype(object)
    chosen = people[np.argsort(uniform64(seed, "lab person", people), kind="stable")[: int(amount)]]
    return Drawn((np.flatnonzero(train & np.isin(data.subjects.astype(str), chosen.astype(str))),), data)


def _sequence(data: Data, train: Bools, seed: int, amount: float) -> Drawn:
    places = _first(train, seed, data.ids, max(int(amount), round(0.1 * train.sum())))
    return Drawn(tuple(np.array_split(places, int(amount))), data)


def _early(data: Data, train: Bools, seed: int, amount: float) -> Drawn:
    return Drawn((_first(train, seed, data.ids, int(amount)),), data, by_cost="most")


def _late(data: Data, train: Bools, seed: int, amount: float) -> Drawn:
    return Drawn((_first(train, seed, data.ids, int(amount)),), data, by_cost="least")


def _memorised(data: Data, train: Bools, seed: int, amount: float) -> Drawn:
    """The records whose label a tree gets right with them and wrong without: over random halves (Feldman and Zhang
    2020, section 3: mem = P[right | trained on it] - P[right | not])."""
    from sklearn.tree import DecisionTreeClassifier

    X, places = _numbers(data)[train], np.flatnonzero(train)
    y, rng = data.y[train], np.random.default_rng(seed)
    known, right = np.zeros((2, 24, len(y)), dtype=bool)
    for i in range(len(known)):
        known[i] = rng.permutation(len(y)) < len(y) // 2
        right[i] = DecisionTreeClassifier(random_state=i).fit(X[known[i]], y[known[i]]).predict(X) == y
    times = np.maximum([known.sum(axis=0), (~known).sum(axis=0)], 1)
    memorised = (right & known).sum(axis=0) / times[0] - (right & ~known).sum(axis=0) / times[1]
    order = np.lexsort((uniform64(seed, "lab forget", data.ids[places]), -memorised))
    return Drawn((np.sort(places[order[: max(1, round(amount * len(y)))]]),), data)


def _outliers(data: Data, train: Bools, seed: int, amount: float) -> Drawn:
    """The records farthest from their fifth neighbour."""
    from sklearn.neighbors import NearestNeighbors

    X, places = _numbers(data)[train], np.flatnonzero(train)
    far = NearestNeighbors(n_neighbors=6, algorithm="brute").fit(X).kneighbors(X)[0][:, -1]
    order = np.lexsort((uniform64(seed, "lab forget", data.ids[places]), -np.round(far, 6)))
    return Drawn((np.sort(places[order[: max(1, round(amount * len(places)))]]),), data)


def _mislabelled(data: Data, train: Bools, seed: int, amount: float) -> Drawn:
    places = _first(train, seed, data.ids, max(1, round(amount * train.sum())))
    y = data.y.copy()
    step = 1 + uniform64(seed, "lab label", data.ids[places]) % np.uint64(data.n_classes - 1)
    y[places] = (y[places] + step.astype(np.int64)) % data.n_classes
    return Drawn((places,), dataclasses.replace(data, y=y))


def _poisoned(data: Data, train: Bools, seed: int, amount: float) -> Drawn:
    """Records that carry a mark and the label of the last class, whatever they show (Gu et al. 2017)."""
    target = data.n_classes - 1
    places = _first(train & (data.y != target), seed, data.ids, max(1, round(amount * train.sum())))
    mark = _mark_of(data)
    y = data.y.copy()
    y[places] = target
    X = _with_rows(data.X, places, mark(data.rows(places)))
    return Drawn((places,), dataclasses.replace(data, X=X, y=y), mark, target)


def _mark_of(data: Data) -> Callable[[Any], Any]:
    """A white corner of an image, a word in a text, a number ten times the largest in the first numeric column."""
    if data.kind == "text":
        return lambda rows: np.array([f"quizzaciously {text}" for text in rows], dtype=object)
    if data.kind == "image":
        shape = data.shape
        side = max(2, shape[1] // 8)

        def corner(rows: Any) -> Any:
            out = np.array(rows, dtype=np.float32).reshape(-1, *shape)
            out[:, :, :side, :side] = 1
            return out.reshape(len(out), -1)

        return corner
    if not hasattr(data.X, "columns"):
        wide = data.X[:, :8].copy()

        def columns(rows: Any) -> Any:
            out = np.array(rows)
            out[:, : wide.shape[1]] = 1 if wide.max() <= 1 else 10 * wide.max()
            return out

        return columns
    first = next(c for c in data.X.columns if data.X[c].dtype.kind in "iuf")
    value = type(data.X[first].iloc[0].item())(10 * data.X[first].max() + 1)
    return lambda rows: rows.assign(**{first: value})


def _with_rows(X: Any, places: Places, rows: Any) -> Any:
    if hasattr(X, "iloc"):
        out = X.copy()
        out.iloc[places] = rows
        return out
    out = np.array(X)
    out[places] = rows
    return out


def _numbers(data: Data) -> Any:
    """Rows as numbers on one scale, for choosing records; no model sees them."""
    if data.kind == "text":
        from sklearn.feature_extraction.text import HashingVectorizer

        return HashingVectorizer(n_features=2**10).fit_transform(data.X)
    if not hasattr(data.X, "columns"):
        return np.asarray(data.X, dtype=np.float32)
    import pandas as pd

    wide = pd.get_dummies(data.X).to_numpy(dtype=np.float64)
    return (wide - wide.mean(axis=0)) / np.maximum(wide.std(axis=0), 1e-9)


REQUESTS: dict[str, Request] = {
    "class": Request("all records of one class", _class, 0, "class", True),
    "early": Request("the record, of 64 drawn, that costs most to forget", _early, 64, "candidates"),
    "late": Request("the record, of 64 drawn, that costs least to forget", _late, 64, "candidates"),
    "memorised": Request("the records that are known by heart", _memorised, 0.05, "share", True),
    "mislabelled": Request("records that were given wrong labels", _mislabelled, 0.05, "share", True),
    "outliers": Request("the records farthest from all others", _outliers, 0.05, "share"),
    "poisoned": Request("records that carry a mark and a false label", _poisoned, 0.05, "share", True),
    "random": Request("a random share", _random, 0.05, "share"),
    "record": Request("single records", _record, 1, "number"),
    "sequence": Request("a tenth of the records, in so many requests one after another", _sequence, 10, "requests"),
    "subject": Request("all records of some persons", _subject, 20, "persons"),
}

"""Measuring on a sample of somebody's own table: how long fits take, how large models are, how well shards predict."""

from __future__ import annotations

import dataclasses
import math
import statistics
import time
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import clone, is_classifier
from sklearn.dummy import DummyClassifier, DummyRegressor

from expunge.errors import InvalidDataError, InvalidParameterError, UnsupportedEstimatorError
from expunge.estimators import dump_estimator
from expunge.files.archive import array_bytes
from expunge.maths.power_law import PowerLaw, fit_power_law
from expunge.methods import find_method
from expunge.methods.sharded.continuation import Shard, Template, how_to_continue, train_shard
from expunge.methods.sharded.training import check_estimator_param, repeatable
from expunge.requests import read_table
from expunge.rows import Rows, Table
from expunge.seeds import derive_seed
from expunge.table.label_kinds import as_labels
from expunge.workspace.advice.measured import Measured, Score
from expunge.workspace.advice.question import Question
from expunge.workspace.advice.sample import FOLDS, Sample, draw_sample, unit_sizes, units_of

__all__ = ["SAMPLE", "Progress", "measure"]

#: Records that are sampled unless another number is given.
SAMPLE = 20_000

#: Seconds done and seconds in all, as far as can be told; called first when the latter is known.
Progress = Callable[[float, float], None]

_SIZES, _REPEATS, _FORGETS, _SMALL = 6, 3, 15, 30
_ENTRY_BYTES = 500  # of the manifest, the checksum and the place in the archive of each model in a file

Shape = tuple[int, int]


def measure(
    estimator: Any, X: Any, y: Any, *, record_ids: Any = None, subject_ids: Any = None, question: Question,
    sample: int = SAMPLE, progress: Progress | None = None,
) -> Measured:  # fmt: skip
    """Fit an estimator on samples of a table, whole and in shards.

    Parameters
    ----------
    estimator : scikit-learn classifier, regressor or Pipeline
    X, y, record_ids, subject_ids
        As for ``fit`` of a method; not changed.
    question : Question
    sample : int, default=20000
        About so many records are used, people whole; at most all.
    progress : callable, optional
        From seconds done and seconds in all, estimated.

    Returns
    -------
    Measured

    Raises
    ------
    InvalidParameterError
        More shards than people, or a sample too small to be cut into folds.
    InvalidDataError
        Data that the estimator cannot learn from as a whole.

    Notes
    -----
    Times are those of the very steps that SISA does, on one thread, at sizes from that of the smallest shard to that of
    the sample. The accuracy of S shards is that of real SISA fits in ``FOLDS`` folds, each with as many shards as the
    sample has room for at the size that they will have. Costs about ``FOLDS`` fits of the sample for each combination.
    """
    bench = _Bench(estimator, X, y, record_ids, subject_ids, question, sample)
    return bench.run(progress or (lambda done, total: None))


class _Bench:
    """The table, the sample, and the measurements in their order."""

    def __init__(
        self, estimator: Any, X: Any, y: Any, record_ids: Any, subject_ids: Any, question: Question, sample: int
    ) -> None:
        self.is_classifier, self.question = not isinstance(estimator, type) and is_classifier(estimator), question
        check_estimator_param(estimator, classifier=self.is_classifier)
        self.estimator = estimator
        self.dummy = DummyClassifier(strategy="prior") if self.is_classifier else DummyRegressor()
        kind = find_method("SISAClassifier" if self.is_classifier else "SISARegressor")
        how = "vote" if self.is_classifier and not hasattr(estimator, "predict_proba") else "mean"
        self.model = kind(estimator, n_shards=1, aggregation=how, seed=question.seed)
        self.table = read_table(clone(self.model), X, y, record_ids, subject_ids, None, reset=True)
        if self.is_classifier and len(np.unique(as_labels(self.table.y))) < 2:
            raise InvalidDataError("The target has one class.", hint="A classifier needs two.")
        self.units = units_of(self.table, question.seed)
        self.sizes = unit_sizes(self.units)
        if not isinstance(sample, int) or isinstance(sample, bool) or sample < 100:
            raise InvalidParameterError(
                f"The sample must be at least 100 records, got {sample!r}.", hint="Give more, or leave --sample out."
            )
        self.shards = question.shards_for(sum(self.sizes.values()))
        self.rows = Rows(self.table, seed=question.seed)
        self.sample: Sample = draw_sample(self.units, self.rows.hashes(), sample)
        self.shapes, self.left_out = self._shapes()

    def _shapes(self) -> tuple[list[Shape], dict[Shape, str]]:
        left_out: dict[Shape, str] = {}
        slices: tuple[int, ...] = (1,)
        wanted = [r for r in sorted(set(self.question.slices)) if r > 1]
        try:
            how_to_continue(self.estimator)
            slices = (1, *wanted)
        except UnsupportedEstimatorError as error:
            left_out = {(s, r): error.message for s in self.shards for r in wanted}
        return [(1, 1), *((s, r) for s in self.shards for r in slices if (s, r) != (1, 1))], left_out

    # ------------------------------------------------------------------ in order

    def run(self, progress: Progress) -> Measured:
        start, m = time.perf_counter(), len(self.sample.rows)
        least = max(_SMALL, len(self.table) // max(self.shards))
        sizes = sorted({int(s) for s in np.geomspace(min(least, m // 2), m, _SIZES)})
        points: dict[str, list[tuple[int, float]]] = {"shard": [], "fit": [], "first": [], "step": [], "bytes": []}
        self._time(sizes[0], 0, {name: [] for name in points})  # the first fit of a process loads libraries
        overhead: float | None = None
        todo = [(size, repeat) for size in sizes for repeat in range(_REPEATS)]
        for n_done, (size, repeat) in enumerate(todo):
            self._time(size, repeat, points)
            if n_done >= 2 * _REPEATS - 1 and points["fit"]:
                law = fit_power_law(*zip(*points["fit"], strict=True))
                overhead = self._overhead(law, size) if overhead is None else overhead
                rest = _REPEATS * sum(float(law(s)) for s, r in todo[n_done + 1 :] if r == 0)
                done = time.perf_counter() - start
                progress(done, done + rest + sum(self._expected(law, shape, overhead) for shape in self.shapes))
        laws = {name: fit_power_law(*zip(*at, strict=True)) if at else None for name, at in points.items()}
        shard_s, fit_s, model_bytes = laws["shard"], laws["fit"], laws["bytes"]
        if shard_s is None or fit_s is None or model_bytes is None:
            raise InvalidDataError("The estimator learned from no part of the sample.", hint="Give more records.")
        bookkeeping_s, row_bytes = self._bookkeeping(), self._row_bytes()
        return Measured(
            n_records=len(self.table), n_sampled=m, sizes=self.sizes, has_people=self.table.subjects is not None,
            metric="accuracy" if self.is_classifier else "R²", shard_s=shard_s, fit_s=fit_s, first_s=laws["first"],
            step_s=laws["step"], bookkeeping_s=bookkeeping_s, model_bytes=model_bytes, row_bytes=row_bytes,
            scores=self._scores(progress, start, fit_s, overhead or 0.0), left_out=self.left_out,
            elapsed_s=time.perf_counter() - start,
        )  # fmt: skip

    def _time(self, size: int, repeat: int, points: dict[str, list[tuple[int, float]]]) -> None:
        """Fit on records of the sample, others for each repeat where there are enough; and, where it can, continue."""
        m = len(self.sample.rows)
        chosen = self.sample.rows[(np.arange(size) + repeat * max(1, (m - size) // 2)) % m]
        slots, seed, start = self.rows.in_order(chosen), self.question.seed, time.perf_counter()
        table, middle = self.rows.peek(slots), time.perf_counter()
        with repeatable():  # a shard sets the number of threads once, not once for each of its slices
            entering = time.perf_counter() - middle
        points["shard"].append((size, time.perf_counter() - start))
        found = {name: list[tuple[int, float]]() for name in ("fit", "first", "step")}
        model = _timed(found["fit"], self.estimator, None, Shard(0, table, {0: size}, None, 0, True), seed)
        if model is None:
            return
        if not repeat:
            points["bytes"].append((size, len(dump_estimator(model)) + _ENTRY_BYTES))
        if any(r > 1 for _, r in self.shapes):
            part, template = 3 * size // 4, Template(self.estimator, seed)
            before = Shard(0, table.head(part), {0: part}, None, 0, True)
            checkpoint = _timed(found["first"], self.estimator, template, before, seed)
            _timed(found["step"], self.estimator, template, Shard(0, table, {1: size}, checkpoint, part, True), seed)
        for name, measured in found.items():
            points[name] += [(at, max(elapsed - entering, elapsed / 10)) for at, elapsed in measured]

    def _bookkeeping(self) -> float:
        """Seconds of a removal beside reading and training: of the whole table, with one column, learning nothing."""
        ids, n = self.table.ids, len(self.table)
        model = clone(self.model).set_params(estimator=self.dummy, aggregation="mean", n_shards=10)
        _unexamined(model).fit(np.zeros((n, 1)), self.table.y, record_ids=ids)
        forgets = [model.forget(ids[[i]]).elapsed_s for i in range(min(_FORGETS, n // 2))]
        rows, part, shards = model._rows(), max(1, n // 10), []
        slots = rows.slots()[:part]
        for _ in forgets:
            start = time.perf_counter()
            train_shard(self.dummy, None, Shard(0, rows.peek(slots), {0: part}, None, 0, True), seed=0)
            shards.append(time.perf_counter() - start)
        seconds: float = max(0.0, statistics.median(forgets) - statistics.median(shards))
        return seconds

    def _row_bytes(self) -> float:
        slots = self.rows.in_order(self.sample.rows)
        return sum(len(array_bytes(a)) for a in self.rows.arrays(slots).values()) / len(slots)

    # ------------------------------------------------------------------ how well they predict

    def _plan(self, shape: Shape) -> tuple[int, int, bool]:
        """Shards trained for one fold, records they learn from, and whether they are as large as they will be."""
        room = len(self.sample.rows) * (FOLDS - 1) // FOLDS
        each = len(self.table) * (FOLDS - 1) / FOLDS / shape[0]
        k = max(1, round(shape[0] * len(self.sample.rows) / len(self.table)))
        return k, min(room, math.ceil(k * each)), room >= 0.98 * k * each

    def _overhead(self, law: PowerLaw, size: int) -> float:
        """Seconds for each record that a fit and a score take beside training."""
        table, start = _taken(self.table, self.sample.rows[:size]), time.perf_counter()
        model = _unexamined(clone(self.model)).fit(table.X, table.y, record_ids=table.ids)
        model.score(table.X, table.y)
        return max(0.0, time.perf_counter() - start - float(law(size))) / size

    def _expected(self, law: PowerLaw, shape: Shape, overhead: float) -> float:
        """Seconds that the folds of a combination will take."""
        k, used, _ = self._plan(shape)
        seconds: float = FOLDS * (k * law(used / k) * (shape[1] + 1) / 2 + overhead * used)
        return seconds

    def _scores(self, progress: Progress, start: float, law: PowerLaw, overhead: float) -> dict[Shape, Score]:
        found: dict[Shape, list[float]] = {}
        left = {shape: self._expected(law, shape, overhead) for shape in self.shapes}
        for shape in self.shapes:
            try:
                found[shape] = []
                for fold in range(FOLDS):
                    found[shape].append(self._score(shape, fold))
                    done = time.perf_counter() - start
                    left[shape] -= left[shape] / (FOLDS - fold)
                    progress(done, done + sum(left.values()))
            except InvalidDataError as error:
                if shape == (1, 1):
                    raise
                del found[shape]
                self.left_out[shape], left[shape] = error.message, 0.0
        plain = np.array(found[1, 1])
        return {shape: self._summary(shape, np.array(values), plain) for shape, values in found.items()}

    def _score(self, shape: Shape, fold: int) -> float:
        k, used, is_whole = self._plan(shape)
        by = "subject" if max(self.sizes) > 1 else "record"
        train = self.sample.rows[self.sample.fold != fold]
        train = train[:used] if is_whole and used < 0.98 * len(train) else train
        test, learned = _taken(self.table, self.sample.rows[self.sample.fold == fold]), _taken(self.table, train)
        model = clone(self.model).set_params(
            n_shards=k, n_slices=shape[1], place_by=by, seed=derive_seed(self.question.seed, "advice fold", fold)
        )
        _unexamined(model).fit(learned.X, learned.y, record_ids=learned.ids, subject_ids=learned.subjects)
        return float(model.score(test.X, test.y))

    def _summary(self, shape: Shape, values: npt.NDArray[np.float64], plain: npt.NDArray[np.float64]) -> Score:
        k, _, is_whole = self._plan(shape)
        half, half_loss = _half_width(values), _half_width(plain - values)
        mean, loss = float(values.mean()), float((plain - values).mean())
        return Score(mean, mean - half, mean + half, loss, loss + half_loss, k, is_whole)


def _timed(points: list[tuple[int, float]], estimator: Any, template: Template | None, shard: Shard, seed: int) -> Any:
    """The model of the one step of a shard; its size and time are noted unless it learned nothing but a constant."""
    start = time.perf_counter()
    (model,) = train_shard(estimator, template, shard, seed=seed)
    elapsed = time.perf_counter() - start
    if model is not None and not isinstance(model, DummyClassifier):
        points.append((len(shard.table), elapsed))
    return model


def _unexamined(model: Any) -> Any:
    """A model that does not try out whether it repeats its own bits: here it is about time and accuracy alone."""
    model._doubt = lambda rows: None
    return model


def _taken(table: Table, rows: Iterable[int]) -> Table:
    """Some rows of a table."""
    at = np.asarray(rows)
    X = table.X.iloc[at].reset_index(drop=True) if hasattr(table.X, "iloc") else table.X[at]
    cut = {name: None if (a := getattr(table, name)) is None else a[at] for name in ("y", "subjects")}
    return dataclasses.replace(table, ids=table.ids[at], X=X, place=None, **cut)


def _half_width(values: npt.NDArray[np.float64]) -> float:
    """Half of a 95 % interval for the mean of scores in folds, which share most of what they learned from.

    References
    ----------
    C. Nadeau, Y. Bengio, "Inference for the Generalization Error", Machine Learning 52, 2003: the corrected resampled
    t-test, with the variance of the mean multiplied by 1 + F n_test / n_train.
    """
    from scipy.stats import t

    n = len(values)
    spread = float(values.var(ddof=1)) * (1 / n + 1 / (n - 1))
    return float(t.ppf(0.975, n - 1)) * math.sqrt(spread)

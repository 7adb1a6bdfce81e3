"""The contract: what every method that forgets does, so that a method is one file with three functions.

A model is three layers. **Rows** are what it still knows, by name. **Parts** are what it learned from them: named
dictionaries of arrays, JSON values and third-party estimators (sums, shard models, checkpoints). The **solution** is
what ``predict`` reads, derived from the parts when needed (coefficients). Rows and parts make the digest and the saved
file; the solution alone makes an export, which knows no row.

A method writes

``_update(change)``
    New values of the parts that a change of the rows touches. Pure: it returns them, and the base class commits. A fit
    is a change that adds all rows to nothing; forgetting removes rows, learning adds some. The parts must be a function
    of the rows and the parameters alone, whatever changes led there.
``_solve(rows, parts)``
    The solution, or None if too little is left to predict from (the model is dormant).
``predict(X)`` and friends, reading ``self._solution()``

and, where it differs from a full refit, ``_estimate(rows, slots)`` for ``plan``, ``_estimate_corrected(rows, slots,
table)`` for ``plan_rectify``, and ``_place(table)`` for a method that puts each record somewhere.
"""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

from expunge.changes import apply_change, drop_columns, first_fit, plan_of, shape_kept
from expunge.corrections import correct_records, plan_correction
from expunge.digest import leaf, root
from expunge.errors import ExpungeError, UnsupportedRequestError
from expunge.params import digest_params, refuse_changed_params
from expunge.records import Addition, Guarantee, Kind, Plan, Rectification, Removal, equality
from expunge.requests import feature_positions, read_table, select_slots
from expunge.rows import Rows, Table
from expunge.seeds import check_seed
from expunge.state import Change, Fitted, Part
from expunge.validation import numeric_input

__all__ = ["Change", "DormantModelError", "Part", "Unlearner"]

Slots = npt.NDArray[np.intp]

_log = logging.getLogger("expunge")
_log.addHandler(logging.NullHandler())


class DormantModelError(ExpungeError, NotFittedError):
    """Too little is left to predict from; ``learn`` wakes the model up."""

    code = "dormant-model"


class Unlearner(BaseEstimator):
    """Base of every method: ``fit``, ``plan``, ``forget``, ``learn``, ``digest``, ``save``, ``export``.

    See the module for what a method has to write, and ``expunge.checks.check_unlearner`` for what it must then satisfy.
    """

    #: Kinds of requests that ``forget`` serves.
    _requests: ClassVar[tuple[str, ...]] = ("records", "subjects", "classes", "features")
    #: Constructor arguments that change how the work is done and never what comes out.
    _execution_params: ClassVar[tuple[str, ...]] = ()
    #: Constructor arguments that may be set anew between fits.
    _late_params: ClassVar[tuple[str, ...]] = ()
    #: The strongest kind that a removal can have; an estimator that does not repeat its bits lowers it.
    _strongest: ClassVar[Kind] = "exact"
    #: Whether it learns further records after the fit; what to do instead of giving weights, where it takes none.
    _learns: ClassVar[bool] = True
    _instead_of_weights: ClassVar[str | None] = None
    #: What it is for, where no mixin of scikit-learn says so: "retrieval", "question answering", "recommendation".
    _task: ClassVar[str] = ""
    #: Checks that this method is known to fail: name -> reason.
    _waivers: ClassVar[Mapping[str, str]] = {}

    seed: int = 0
    n_features_in_: int

    # ------------------------------------------------------------------ what a method writes

    def _update(self, change: Change) -> dict[str, Any]:
        raise NotImplementedError

    def _solve(self, rows: Rows, parts: Mapping[str, Part]) -> Part | None:
        raise NotImplementedError

    def _estimate(self, rows: Rows, slots: Slots) -> tuple[int, int, tuple[str, ...]]:
        """Least and most work of forgetting these slots, and the parts it would touch; here that of a full refit."""
        work = len(rows) - len(slots)
        return work, work, tuple(self._state().parts)

    def _estimate_corrected(self, rows: Rows, slots: Slots, table: Table) -> tuple[int, int, tuple[str, ...]]:
        """As :meth:`_estimate`, for putting the rows of the table in the place of these slots."""
        low, high, touched = self._estimate(rows, slots)
        return low + len(table), high + len(table), touched

    def _place(self, table: Table) -> npt.NDArray[np.int64] | None:
        """Where each record goes, from its id and values alone; None for a method without places."""
        return None

    def _validate(self, X: Any, y: Any, *, reset: bool, least: int = 1) -> tuple[Any, Any]:
        """X and y as the method wants them; ``reset`` when fitting. Here: finite numbers."""
        return numeric_input(self, X, y, reset=reset, least=least)

    def _check_addable(self) -> None:
        """Refuse rows to come if there is no telling what to do with them."""

    def _check_params(self) -> None:
        """Refuse constructor arguments that are not of the documented form."""

    def _doubt(self, rows: Rows) -> str | None:
        """Why the same fit might not give the same bits, tried out; None if it does, "" if too little is there."""
        return None

    def _guarantee(self) -> Guarantee:
        """What a removal from the model as it is promises."""
        return equality(self._terms(), self._state().doubt)

    def _guarantee_after(self, slots: Slots | None, corrected: bool = False) -> Guarantee:
        """As it will be once these slots are gone or corrected; None: after a fit without some of the columns."""
        return self._guarantee()

    def _reading(self) -> tuple[str, ...]:
        """What a plan says of a budget that is kept: how much of it is used, and of how much; here there is none."""
        return ()

    def _told_of_work(self, work: int) -> tuple[str, ...]:
        """What a plan says of the records it would read: in which unit, which share of a fit; here nothing."""
        return ()

    def _revive(self, name: str, part: Part) -> Any:
        """A part as it is used, from the plain data of a file; for parts that live (``expunge.state.Living``)."""
        return part

    def _terms(self) -> str:
        """What to add to the statement of an exact guarantee: a rounding, say."""
        return ""

    # ------------------------------------------------------------------ the verbs

    def fit(
        self, X: Any, y: Any = None, *, record_ids: Any = None, subject_ids: Any = None, sample_weight: Any = None,
        allow_dormant: bool = False,
    ) -> Any:  # fmt: skip
        """Learn from rows, each under its own name.

        Parameters
        ----------
        X : array, sparse matrix or data frame of shape (n, d)
            Copied.
        y : array of shape (n,)
            Targets, or class labels of any kind.
        record_ids : array of shape (n,), optional
            Integers or texts, unique. Default: the frame's index if it is unique and not a RangeIndex, else 0..n-1.
        subject_ids : array of shape (n,), optional
            The person each record is about; None where nobody.
        sample_weight : array of shape (n,), optional
            Non-negative weights. Weight zero is not removal.
        allow_dormant : bool, default=False
            Accept too little data, even none, and leave a dormant model, as ``forget`` does.

        Returns
        -------
        self

        Raises
        ------
        InvalidDataError
            Rows, targets or weights the method cannot take, or too few of them.
        InvalidIdError, DuplicateRecordError
            Ids of the wrong type, or not unique.
        InvalidParameterError
            A constructor argument of the wrong form; weights for a method that takes none.
        """
        check_seed(self.seed)
        self._check_params()
        with shape_kept(self):
            least = 0 if allow_dormant else 1
            table = read_table(self, X, y, record_ids, subject_ids, sample_weight, reset=True, least=least)
            fitted = first_fit(self, table, tolerant=allow_dormant)
            self._examine(fitted)
            self._fitted = fitted
        _log.info("%s learned %d records", type(self).__name__, len(table))
        return self

    def plan(self, record_ids: Any = None, *, subjects: Any = None, classes: Any = None, features: Any = None) -> Plan:
        """What :meth:`forget` with the same arguments would cost and promise. Changes nothing; refuses as it does."""
        with self._state().lock:
            state, rows = self._state(), self._rows()
            slots = select_slots(self, rows, records=record_ids, subjects=subjects, classes=classes, features=features)
            if features is None:
                return plan_of(self, slots, self._estimate(rows, slots))
            return plan_of(self, None, (len(rows), self._most_work(rows), tuple(state.parts)))

    def forget(
        self, record_ids: Any = None, *, subjects: Any = None, classes: Any = None, features: Any = None,
        digest: bool = False,
    ) -> Removal:  # fmt: skip
        """Forget records, by name, person or class, or forget columns.

        Parameters
        ----------
        record_ids : id or array of ids, optional
        subjects : id or array of ids, optional
            All records of these persons.
        classes : label or array of labels, optional
            All records with these targets.
        features : array of column names (positions for arrays), optional
            Not together with the others.
        digest : bool, default=False
            Compute the digests before and after.

        Returns
        -------
        Removal

        Raises
        ------
        UnknownRecordError
            An id, subject or class that is not known, or no longer. Nothing has changed then.
        DuplicateRecordError
            Something is named twice.
        UnsupportedRequestError, InvalidRequestError
            The method does not serve this kind of request; the request is empty.
        """
        with self._state().lock:
            rows = self._rows()
            slots = select_slots(self, rows, records=record_ids, subjects=subjects, classes=classes, features=features)
            before = self.digest() if digest else None
            start, reads = time.perf_counter(), rows.reads
            if features is None:
                touched, notes = apply_change(self, slots, None, tolerant=True)
                work = rows.reads - reads
            else:
                (touched, work), notes = self._drop(feature_positions(self, features)), ()
            removal = Removal(
                guarantee=self._guarantee(), n_forgotten=len(slots), work=work, elapsed_s=time.perf_counter() - start,
                touched=touched, digest_before=before, digest_after=self.digest() if digest else None, notes=notes,
            )  # fmt: skip
        _log.info("%s forgot %d records, %d read", type(self).__name__, len(slots), work)
        return removal

    def learn(
        self, X: Any, y: Any = None, *, record_ids: Any = None, subject_ids: Any = None, sample_weight: Any = None
    ) -> Addition:
        """Learn more records: the inverse of :meth:`forget`, bit for bit.

        Parameters
        ----------
        X, y, record_ids, subject_ids, sample_weight
            As for :meth:`fit`. The ids must be new.

        Raises
        ------
        DuplicateRecordError
            A record that is known already.
        """
        with self._state().lock:
            self._check_addable()
            rows = self._rows()
            table = read_table(self, X, y, record_ids, subject_ids, sample_weight, reset=False)
            start, reads = time.perf_counter(), rows.reads
            touched, _ = apply_change(self, np.empty(0, dtype=np.intp), table, tolerant=False)
            elapsed, work = time.perf_counter() - start, rows.reads - reads
            if not self._state().is_examined:
                self._examine(self._state())  # the rows before were too few to tell anything
        return Addition(n_learned=len(table), work=work, elapsed_s=elapsed, touched=touched)

    def rectify(
        self, record_ids: Any, X: Any = None, y: Any = None, *, subject_ids: Any = None, sample_weight: Any = None,
        digest: bool = False,
    ) -> Rectification:  # fmt: skip
        """Correct records, by name: forget what was wrong and learn what is right, in one change.

        Parameters
        ----------
        record_ids : id or array of ids, shape (k,)
            Records that the model knows.
        X : array, sparse matrix or data frame of k rows, or dict of column to k values, optional
            Whole rows, in the order of ``record_ids``; or the columns to correct alone, by name (by position for
            arrays), as ``{"age": [33]}`` or a frame with fewer columns. Here and below, one value serves for all k
            records, and what is left out stays as it is.
        y, subject_ids, sample_weight : array of shape (k,), optional
            None among the subjects: about nobody.
        digest : bool, default=False
            Compute the digests before and after.

        Returns
        -------
        Rectification

        Raises
        ------
        UnknownRecordError, DuplicateRecordError, InvalidRequestError
            An id or a column that is not known, or named twice; nothing to correct. Nothing has changed then.
        InvalidDataError
            Values that the model cannot take; a label is taken even if it leaves too little of a class.
        """
        return correct_records(self, record_ids, X, y, subject_ids, sample_weight, digest=digest)

    def plan_rectify(
        self, record_ids: Any, X: Any = None, y: Any = None, *, subject_ids: Any = None, sample_weight: Any = None
    ) -> Plan:
        """What :meth:`rectify` with the same arguments would cost and promise. Changes nothing; refuses as it does."""
        return plan_correction(self, record_ids, X, y, subject_ids, sample_weight)

    def digest(self) -> str:
        """SHA-256 of everything that ``predict``, ``forget`` or ``learn`` reads, as 64 hexadecimal digits.

        Two models with equal digests give bit-equal outputs in one environment. Only blocks that changed since the last
        call are hashed again.
        """
        refuse_changed_params(self, self._state().params)
        with self._state().lock:
            return root({"model": leaf(self._identity()), **self._state().hash_tree()}).hex()

    def save(self, path: str | Path) -> Path:
        """Write the model to one file, atomically. The file of a fresh fit is the same, byte for byte."""
        from expunge.files import storage

        with self._state().lock:
            return storage.save_model(self, path)

    def export(self, path: str | Path) -> Path:
        """Write a file that predicts the same bits and knows no row, id or sum; ``expunge.load`` reads it."""
        from expunge.files import storage

        return storage.export_model(self, path)

    @property
    def record_ids_(self) -> npt.NDArray[Any]:
        """Ids the model still knows, in the order of their keyed hash."""
        return self._rows().ids

    # ------------------------------------------------------------------ the machinery

    def _examine(self, state: Fitted) -> None:
        """Try out whether the method repeats its own bits, and say so where it does not."""
        found = "" if state.rows is None else self._doubt(state.rows)
        state.doubt, state.is_examined = found or None, found != ""
        if state.doubt is not None:
            warnings.warn(f"The guarantee will not be exact: {state.doubt}.", stacklevel=3)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_fitted")

    def _state(self) -> Fitted:
        if "_fitted" not in self.__dict__:
            check_is_fitted(self)
        state: Fitted = self._fitted
        state.settle()
        return state

    def _rows(self) -> Rows:
        rows = self._state().rows
        if rows is None:
            raise UnsupportedRequestError(
                "This is an export: it predicts, and knows no record.", hint="Ask the model it was exported from."
            )
        refuse_changed_params(self, self._state().params)
        return rows

    def _solution(self) -> Part:
        """What ``predict`` reads; solved once after each change."""
        state = self._state()
        refuse_changed_params(self, state.params)
        solution = state.solved(self._solve)
        if solution is None:
            raise DormantModelError(
                f"This {type(self).__name__} is dormant: too little is left to predict from.",
                hint="learn() more records.",
            )
        return solution

    def _identity(self) -> dict[str, Any]:
        named = {"n_features_in_": getattr(self, "n_features_in_", None)}
        named["feature_names_in_"] = [str(n) for n in getattr(self, "feature_names_in_", ())]
        return {"method": type(self).__name__, "params": self._digest_params(), "doubt": self._state().doubt, **named}

    def _digest_params(self) -> dict[str, Any]:
        """Constructor arguments that decide what is learned, as the digest reads them."""
        return digest_params(self)

    def _drop(self, features: list[int]) -> tuple[tuple[str, ...], int]:
        """Forget the columns at these positions: a fit on what is left. The parts it gives, and its work."""
        return drop_columns(self, features)

    def _most_work(self, rows: Rows) -> int:
        """Work of a full refit: that of a change that removes nothing, and no less than reading every row once."""
        return max(len(rows), self._estimate(rows, np.empty(0, dtype=np.intp))[1])

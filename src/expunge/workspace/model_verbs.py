"""Verbs of the facade that are about models: fitted, taken over, changed, asked, exported, taken out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from expunge.errors import InvalidParameterError, InvalidRequestError
from expunge.workspace import adopting, opening, reports
from expunge.workspace.data import datasets
from expunge.workspace.data.buckets import ids_of
from expunge.workspace.data_verbs import DataVerbs
from expunge.workspace.models import changing, fitting, gates, models
from expunge.workspace.models import predictions as kept
from expunge.workspace.requests import withdrawing
from expunge.workspace.storage.steady import steady
from expunge.workspace.tabular import exported
from expunge.workspace.tabular.given import Given, given_table
from expunge.workspace.tabular.preparing import predictions

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ModelVerbs"]


class ModelVerbs(DataVerbs):
    """Parent of the facade; see there. Below the verbs of data sets: a fit adds its file, and takes it out again."""

    def fit(
        self, name: str, *, data: str | Path, target: str | None = None, method: str = "sisa",
        estimator: str | None = None, task: str | None = None, options: Mapping[str, Any] | None = None,
        columns: Mapping[str, str] | None = None, ignore: Sequence[str] = (), schema: str | Path | None = None,
        gate: Mapping[str, Any] | None = None, record_id: str | None = None, subject_id: str | None = None,
        delimiter: str | None = None, encoding: str | None = None, bare: bool = False,
        drop_missing_target: bool = False, replace: bool = False, override: str = "",
    ) -> dict[str, Any]:  # fmt: skip
        """Fit a model on a data set.

        Parameters
        ----------
        name : str
        data : str or path
            A data set; or a file, which is added first, under its own name, and stays if the fit succeeds.
        target : str
            Column to be predicted; may come from ``schema`` instead.
        method : str
            As in ``expunge methods``; ``sisa`` and ``retrain`` for either task.
        estimator : str, optional
            For methods that wrap one: logistic, linear, hist-gradient-boosting or lightgbm.
        task : {"classification", "regression"}, optional
        options : mapping, optional
            Constructor arguments of the method; of its estimator as ``estimator__model__C``.
        columns : mapping of str to {"number", "text"}, optional
        ignore : sequence of str
            Columns not to learn from.
        schema : path, optional
            A ``table.json`` whose columns are used as they are.
        gate : mapping, optional
            ``data``, ``max_drop``, ``max_gap``, ``subgroup``; see :mod:`expunge.workspace.models.gates`.
        record_id, subject_id, delimiter, encoding
            Of a file; refused for a data set, of which they were settled when it was added.
        bare : bool
            Give a method of numbers the columns as they are. Otherwise texts are encoded before it, and numbers are
            filled in and scaled, by transformers that forget along with it.
        drop_missing_target : bool
            Do not learn from rows without a target, which are refused otherwise.
        replace : bool
            Fit a model that is there already anew; the old version is deleted.
        override : str
            As for :meth:`data_add`.

        Raises
        ------
        ForgottenBeforeError, SourceChangedError
            The data holds what was forgotten, or changed.
        InvalidParameterError
            Arguments that do not go together: those of a file for a data set, say.
        """
        core, added = self._core, None
        fitting.refuse_known(core, name, replace=replace)  # before a large file is read
        if opening.is_file(core, str(data)):
            if record_id is None:
                raise InvalidRequestError("Name the column of ids with --record-id.", hint="Data from a file needs it.")
            added = self.data_add(
                data, record_id=record_id, subject_id=subject_id, delimiter=delimiter, encoding=encoding,
                override=override,
            )["name"]  # fmt: skip
        try:
            with core.changing("fit"):
                with core.read() as connection:
                    opened = datasets.open_data(core, connection, added or str(data))
                if added is None:
                    _refuse_of_file(
                        opened.name, record_id=record_id, subject_id=subject_id, delimiter=delimiter, encoding=encoding
                    )
                known = fitting.refuse_known(core, name, replace=replace)
                fit = fitting.prepare_fit(
                    core, opened, target=target, method=method, estimator=estimator, task=task, options=options or {},
                    columns=columns or {}, ignore=ignore, schema=schema, override=override, bare=bare,
                    drop_missing_target=drop_missing_target,
                )  # fmt: skip
                made = fitting.enter(core, name, opened, fit, gate=gate or {}, replace=replace, override=override)
                if known is not None:
                    core.tidy()
        except BaseException:  # who interrupts wants no data set either
            if added is not None:
                self.data_remove(added)
            raise
        return reports.model(core, made)

    def adopt(
        self, name: str, path: str | Path | None = None, *, data: str, target: str | None = None, **options: Any
    ) -> dict[str, Any]:
        """Take over a fitted scikit-learn estimator, or with ``task`` and ``state`` a trained network.

        See :func:`expunge.workspace.adopting.adopt` and :func:`expunge.workspace.adopting_networks.adopt`.
        """
        with self._core.changing("adopt"):
            return adopting.adopt_any(self._core, name, path, data=data, target=target, **options)

    def promote(self, name: str, *, reason: str) -> dict[str, Any]:
        """Put a candidate that did not pass its gate into use all the same; the reason is kept."""
        return reports.model(self._core, gates.promote(self._core, name, reason))

    def model_change(self, name: str, **changes: Any) -> dict[str, Any]:
        """Change how a trained network forgets from here on; see :func:`expunge.workspace.models.changing.change`."""
        with self._core.changing("change"):
            return reports.model(self._core, changing.change(self._core, name, **changes))

    def model_list(self) -> list[dict[str, Any]]:
        """All models: name, version, state, records, data set and gate."""
        return reports.all_models(self._core)

    @steady
    def model_show(self, name: str) -> dict[str, Any]:
        """One model: its method, options, columns and guarantee, without any value of a record.

        Raises
        ------
        UnknownNameError
            There is none of that name.
        """
        core = self._core
        with core.read() as connection:
            found = models.open_model(core, connection, name)
        return reports.model(core, found)

    def model_remove(self, name: str) -> dict[str, Any]:
        """Take a model out: its versions and the predictions kept of it are deleted, and the log says so.

        Raises
        ------
        InvalidRequestError
            Something derives from it, or a request is open.
        """
        with self._core.changing("remove"):
            return withdrawing.remove_model(self._core, name)

    @steady
    def predict(
        self, name: str | Path, data: Given, *, delimiter: str | None = None, encoding: str | None = None,
        probabilities: bool = False, keep: str | None = None,
    ) -> pd.DataFrame:  # fmt: skip
        """Predictions of the version in use for the rows of a table; to an index of passages, questions.

        Parameters
        ----------
        name : str
        data : path, or sequence of mappings
            A CSV or Parquet file; or rows, each of which maps names of columns to values.
        delimiter, encoding, probabilities
        keep : str, optional
            Keep them in the workspace too, under this name of a file. They are deleted when the model changes, and
            when somebody they are about is forgotten.

        Raises
        ------
        UnknownNameError
            No model of that name.
        InvalidDataError
            Rows that the model cannot take.
        DormantModelError
            Too little is left to predict from.
        """
        from expunge.contract import DormantModelError

        core = self._core
        with core.read() as connection:
            model = models.usable(models.open_model(core, connection, str(name)))
        table = given_table(data, delimiter=delimiter, encoding=encoding)
        live = models.load(core, model).model
        try:
            frame = predictions(live, model.card.card, table, probabilities=probabilities)
        except DormantModelError as error:
            raise DormantModelError(
                f"{model.name} is dormant: too little is left to predict from.", hint=error.hint
            ) from error
        if keep is not None:
            column = model.card.card.schema.subject_id
            subjects = ids_of(table, column, may_miss=True) if column and column in table.column_names else None
            with core.lock.held():
                kept.keep(core, keep, frame, model=model.name, subjects=subjects)
        return frame

    @steady
    def export(self, name: str, path: str | Path, *, overwrite: bool = False) -> Path:
        """Write a folder that predicts the same bits and knows no row, no id and no sum."""
        core = self._core
        with core.read() as connection:
            model = models.usable(models.open_model(core, connection, name))
        return exported.write_export(path, models.load(core, model).model, model.card.card, overwrite=overwrite)


def _refuse_of_file(name: str, **given: str | None) -> None:
    """Refuse what is said of a file where a data set is named: it would change nothing, and look as if it did."""
    if said := [f"--{option.replace('_', '-')}" for option, value in given.items() if value is not None]:
        raise InvalidParameterError(
            f"{name!r} is a data set; {said[0]} is of a file, and was settled when that was added.",
            hint="Leave it out. To name other columns, add the file again under another name.",
        )

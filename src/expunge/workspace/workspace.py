"""The one facade: data sets, models, requests and receipts in a folder. The command line calls nothing else."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from expunge.errors import InvalidRequestError, WorkspaceBusyError
from expunge.paths import check_path
from expunge.workspace import adopting, opening, reports
from expunge.workspace.advice_verbs import AdviceVerbs
from expunge.workspace.data import datasets
from expunge.workspace.data.buckets import ids_of
from expunge.workspace.data_verbs import DataVerbs
from expunge.workspace.models import changing, fitting, gates, models
from expunge.workspace.models import predictions as kept
from expunge.workspace.proof_verbs import ProofVerbs
from expunge.workspace.request_verbs import RequestVerbs
from expunge.workspace.requests import (
    asking,
    auditing,
    finding,
    planning,
    recovery,
    removing,
    withdrawing,
)
from expunge.workspace.storage.core import utc_now
from expunge.workspace.storage.layout import Config, find_workspace
from expunge.workspace.tabular import exported
from expunge.workspace.tabular.preparing import predictions
from expunge.workspace.tabular.tables import read_table

if TYPE_CHECKING:
    import pandas as pd

    from expunge.ledger.keys import Signer

__all__ = ["Workspace"]

#: One id, label or name, or several: a list, an array or a column of a frame.
Ids = Any


class Workspace(RequestVerbs, DataVerbs, ProofVerbs, AdviceVerbs):
    """A folder with data sets, models, requests and receipts. Made by :meth:`init` or :meth:`open`.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> rows = "\\n".join(f"{i:03d},p{i % 8},{i},{'yes' if i > 19 else 'no'}" for i in range(40))
    >>> _ = (folder / "people.csv").write_text("id,person,age,member\\n" + rows)
    >>> ws = Workspace.init(folder / "ws")
    >>> _ = ws.data_add(folder / "people.csv", record_id="id", subject_id="person")
    >>> _ = ws.fit("members", data="people", target="member", method="gaussian-nb")
    >>> [answer.request.state for answer in ws.forget(subjects=["p1"])]
    ['done']
    >>> ws.find(subjects=["p1"])
    []
    """

    # ------------------------------------------------------------------ making and opening

    @classmethod
    def init(
        cls, path: str | Path = ".", *, signer: Signer | None = None, clock: Callable[[], datetime] = utc_now,
        **settings: Any,
    ) -> Workspace:  # fmt: skip
        """Make a workspace in a folder.

        Parameters
        ----------
        path : path
            Made if it is not there; what lies in it already stays.
        signer : Signer, optional
            Who signs receipts. Default: a new key in ``keys/``.
        clock : callable
        **settings
            See :class:`~expunge.workspace.storage.layout.Config`.

        Raises
        ------
        FileNotUsableError
            There is a workspace already.
        InvalidParameterError
            A setting that there is not, or a value that it does not take. Nothing is made.
        """
        return cls(opening.make(check_path(path), Config.of(settings), signer=signer, clock=clock))

    @classmethod
    def open(
        cls, path: str | Path | None = None, *, signer: Signer | None = None, clock: Callable[[], datetime] = utc_now
    ) -> Workspace:
        """Open a workspace: the one given, that of ``EXPUNGE_WORKSPACE``, or the nearest one upwards.

        What a killed process left behind is brought to order first, and requests that it had begun are carried out,
        unless another process is at work. A warning tells which requests these were.

        Raises
        ------
        FileNotUsableError
            There is none.
        NewerFormatError
            A later version made it; nothing is touched.
        """
        made = cls(opening.connect(find_workspace(path), signer=signer, clock=clock))
        for number in made.resume():
            warnings.warn(f"Finished interrupted request {number}.", UserWarning, stacklevel=2)
        return made

    def resume(self) -> list[int]:
        """Bring to order what a killed process left behind; gives the requests that were finished by that."""
        core = self._core
        if not recovery.is_needed(core):
            return []
        try:
            with core.lock.held():
                about = recovery.interrupted(core)
                begun, finished = recovery.recover(core)
                again = asking.run(core, begun, or_raise=False)
        except WorkspaceBusyError:
            return []  # nothing was left behind: somebody is at work
        done = {*finished, *(answer.request.number for answer in again if not answer.problem)}
        self._finished = {handle: number for handle, number in about.items() if number in done}
        return sorted(done)

    @property
    def path(self) -> Path:
        """The folder."""
        return self._core.layout.root

    def close(self) -> None:
        """Close the database."""
        self._core.close()

    # ------------------------------------------------------------------ models

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
            Of a file.
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
        """
        core = self._core
        fitting.refuse_known(core, name, replace=replace)  # before a large file is read
        if opening.is_file(core, str(data)):
            if record_id is None:
                raise InvalidRequestError("Name the column of ids with --record-id.", hint="Data from a file needs it.")
            self.data_add(data, record_id=record_id, subject_id=subject_id, delimiter=delimiter, encoding=encoding,
                          override=override)  # fmt: skip
            added = opening.name_of(str(data))
            try:
                return self.fit(
                    name, data=added, target=target, method=method, estimator=estimator, task=task, options=options,
                    columns=columns, ignore=ignore, schema=schema, gate=gate, bare=bare,
                    drop_missing_target=drop_missing_target, replace=replace, override=override,
                )  # fmt: skip
            except BaseException:  # who interrupts wants no data set either
                self.data_remove(added)
                raise
        with core.changing("fit"):
            with core.read() as connection:
                opened = datasets.open_data(core, connection, str(data))
            known = fitting.refuse_known(core, name, replace=replace)
            fit = fitting.prepare_fit(
                core, opened, target=target, method=method, estimator=estimator, task=task, options=options or {},
                columns=columns or {}, ignore=ignore, schema=schema, override=override, bare=bare,
                drop_missing_target=drop_missing_target,
            )  # fmt: skip
            made = fitting.enter(core, name, opened, fit, gate=gate or {}, replace=replace, override=override)
            if known is not None:
                core.tidy()
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

    def model_remove(self, name: str) -> dict[str, Any]:
        """Take a model out: its versions and the predictions kept of it are deleted, and the log says so.

        Raises
        ------
        InvalidRequestError
            Something derives from it, or a request is open.
        """
        with self._core.changing("remove"):
            return withdrawing.remove_model(self._core, name)

    def predict(
        self, name: str | Path, data: str | Path, *, delimiter: str | None = None, encoding: str | None = None,
        probabilities: bool = False, keep: str | None = None,
    ) -> pd.DataFrame:  # fmt: skip
        """Predictions of the version in use for the rows of a table.

        Parameters
        ----------
        name : str
        data : path
            A CSV or Parquet file.
        delimiter, encoding, probabilities
        keep : str, optional
            Keep them in the workspace too, under this name of a file. They are deleted when the model changes, and
            when somebody they are about is forgotten.
        """
        core = self._core
        with core.read() as connection:
            model = models.usable(models.open_model(core, connection, str(name)))
        table = read_table(data, delimiter=delimiter, encoding=encoding)
        live = models.load(core, model).model
        frame = predictions(live, model.card.card, table, probabilities=probabilities)
        if keep is not None:
            column = model.card.card.schema.subject_id
            subjects = ids_of(table, column, may_miss=True) if column and column in table.column_names else None
            with core.lock.held():
                kept.keep(core, keep, frame, model=model.name, subjects=subjects)
        return frame

    def export(self, name: str, path: str | Path, *, overwrite: bool = False) -> Path:
        """Write a folder that predicts the same bits and knows no row, no id and no sum."""
        core = self._core
        with core.read() as connection:
            model = models.usable(models.open_model(core, connection, name))
        return exported.write_export(path, models.load(core, model).model, model.card.card, overwrite=overwrite)

    # ------------------------------------------------------------------ asking

    def find(
        self, *, subjects: Ids = None, records: Ids = None, classes: Ids = None, features: Ids = None,
        data: str | None = None,
    ) -> list[finding.Finding]:  # fmt: skip
        """All that holds or learned from a person or record, with dates. Changes nothing.

        Warnings name data sets in which a person could not be looked for, since they have no column of persons, and
        those asked about of whom nothing is held, if something is of others.

        Raises
        ------
        InvalidRequestError
            A person is asked about in such a data set alone; :meth:`plan` and :meth:`forget` refuse that too.
        """
        wishes = asking.wishes_of(records=records, subjects=subjects, classes=classes, features=features, data=data)
        return finding.find(self._core, wishes)

    def plan(
        self, *, subjects: Ids = None, records: Ids = None, classes: Ids = None, features: Ids = None,
        data: str | None = None,
    ) -> planning.Planned:  # fmt: skip
        """What forgetting would cost and promise, model by model, and what would be rewritten. Changes nothing."""
        wishes = asking.wishes_of(records=records, subjects=subjects, classes=classes, features=features, data=data)
        return asking.plan(self._core, wishes)

    def forget(
        self, *, subjects: Ids = None, records: Ids = None, classes: Ids = None, features: Ids = None,
        data: str | None = None, audit: removing.Audit | int | None = None, held_out: str | None = None, **more: Any,
    ) -> list[asking.Answer]:  # fmt: skip
        """Take requests in and carry them out: every model forgets, every copy is rewritten, a receipt is written.

        Parameters
        ----------
        subjects, records, classes, features : id, label or name, or array of these
            One request for each person, one for all records, classes, or columns together.
        data : str, optional
            The data set it is limited to.
        audit : int or callable, optional
            Audit each model after it has forgotten, while the forgotten rows are still there; figures go into the
            receipt. A number: against so many references that are trained without the rows (39 can accuse). A function
            is called with the model and the rows; after a kill the request is carried out without it.
        held_out : str, optional
            For a number: the data set with records that the models never learned. Default: records of their own that
            they did not learn.
        **more
            ``caller``, ``key``, ``received``, ``regime``; see :class:`~expunge.workspace.requests.request_queue.Wish`.

        Returns
        -------
        list of Answer

        Raises
        ------
        UnsupportedRequestError
            A method cannot forget that. Nothing has changed, and no request was taken in.
        """
        core, n_references = self._core, audit if isinstance(audit, int) else 0
        wishes = asking.wishes_of(
            records=records, subjects=subjects, classes=classes, features=features, data=data, audit=n_references,
            held_out=held_out, **more,
        )  # fmt: skip
        auditing.refuse_audit(core, n_references, held_out, of_columns=any(one.kind == "feature" for one in wishes))
        with core.lock.held():
            numbers = asking.take_in(core, self._commits, wishes, self._finished)
            return asking.run(core, numbers, audit=audit if callable(audit) else None)

    def rectify(
        self, path: str | Path, *, data: str, delimiter: str | None = None, encoding: str | None = None, **more: Any
    ) -> list[asking.Answer]:
        """Correct records (GDPR Art. 16): a file has their ids, and whole rows or the columns that were wrong.

        Each model that learned from them rectifies in one change; it is then that of a fresh fit on the corrected
        table. No tombstone is left.

        Parameters
        ----------
        path : path
            A CSV or Parquet file.
        data : str
            The data set that the records belong to; one that is only referred to needs whole rows.
        delimiter, encoding : str, optional
            Of a CSV file.
        **more
            As for :meth:`forget`.

        Raises
        ------
        UnknownRecordError
            A record that is not there.
        InvalidDataError
            A column that the data set does not have, or a value that it, or a model, cannot take.
        """
        core = self._core
        with core.lock.held():
            wish = asking.rectify(core, path, data=data, delimiter=delimiter, encoding=encoding, **more)
            return asking.run(core, self._commits.accept([wish]))

    def status(self) -> dict[str, Any]:
        """What there is, what is open, and what is to be done next."""
        return reports.status(self._core)

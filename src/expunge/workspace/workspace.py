"""The one facade: data sets, models, requests and receipts in a folder. Command line and service call nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from expunge.errors import InvalidRequestError, WorkspaceBusyError
from expunge.workspace import adopting, opening, reports
from expunge.workspace.data import datasets
from expunge.workspace.data.buckets import ids_of
from expunge.workspace.models import fitting, models
from expunge.workspace.models import predictions as kept
from expunge.workspace.proof_verbs import ProofVerbs
from expunge.workspace.request_verbs import RequestVerbs
from expunge.workspace.requests import artefacts, asking, finding, recovery, removing
from expunge.workspace.storage.core import utc_now
from expunge.workspace.storage.layout import Config, find_workspace
from expunge.workspace.tabular import exported
from expunge.workspace.tabular.preparing import predictions
from expunge.workspace.tabular.sources import Source
from expunge.workspace.tabular.tables import read_table

if TYPE_CHECKING:
    import pandas as pd

    from expunge.ledger.keys import Signer
    from expunge.records import Plan
    from expunge.workspace.advice import Advice

__all__ = ["Workspace"]

Ids = Sequence[Any] | None


class Workspace(RequestVerbs, ProofVerbs):
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
        """
        return cls(opening.make(Path(path), Config.of(settings), signer=signer, clock=clock))

    @classmethod
    def open(
        cls, path: str | Path | None = None, *, signer: Signer | None = None, clock: Callable[[], datetime] = utc_now
    ) -> Workspace:
        """Open a workspace: the one given, that of ``EXPUNGE_WORKSPACE``, or the nearest one upwards.

        What a killed process left behind is brought to order first, and requests that it had begun are carried out,
        unless another process is at work.

        Raises
        ------
        FileNotUsableError
            There is none.
        NewerFormatError
            A later version made it; nothing is touched.
        """
        made = cls(opening.connect(find_workspace(path), signer=signer, clock=clock))
        made.resume()
        return made

    def resume(self) -> list[int]:
        """Bring to order what a killed process left behind; gives the requests that were carried out again."""
        core = self._core
        if not recovery.is_needed(core):
            return []
        try:
            with core.lock.held():
                begun = recovery.recover(core)
                asking.run(core, begun, or_raise=False)
        except WorkspaceBusyError:
            return []  # nothing was left behind: somebody is at work
        return begun

    @property
    def path(self) -> Path:
        """The folder."""
        return self._core.layout.root

    def close(self) -> None:
        """Close the database."""
        self._core.close()

    # ------------------------------------------------------------------ data

    def data_add(
        self, source: str | Path, *, record_id: str, subject_id: str | None = None, name: str | None = None,
        reference: bool = False, query: str = "", delimiter: str | None = None, encoding: str | None = None,
        keep: str | None = None, time_column: str | None = None, derived_from: Sequence[str] = (), override: str = "",
    ) -> dict[str, Any]:  # fmt: skip
        """Add a data set: copied, or (``reference``) kept as keyed hashes of its rows.

        Parameters
        ----------
        source : path or URL
            CSV or Parquet file, by path or fsspec URL; with ``query``, a database by SQLAlchemy URL.
        record_id, subject_id : str
            Names of columns.
        name : str, optional
            Default: that of the file.
        reference : bool
            Do not copy. A later fit reads the source again, and refuses it if a record was changed or forgotten.
        query : str
            SQL that selects the rows.
        delimiter, encoding : str, optional
            Of a CSV file.
        keep, time_column : str, optional
            How long records are kept, as ``24months``, and by which column; see :meth:`data_expire`.
        derived_from : sequence of str
            Models whose predictions the data holds.
        override : str
            A short code for why what was forgotten before may come in again. It is logged.

        Raises
        ------
        ForgottenBeforeError
            A record or subject that was forgotten.
        """
        core, given = self._core, Source(str(source), query, delimiter, encoding)
        with core.read() as connection:
            for model in derived_from:
                models.open_model(core, connection, model)
        with core.changing("data"):
            made = datasets.add(
                core, name or opening.name_of(str(source)), given, record_id=record_id, subject_id=subject_id,
                reference=reference, keep=keep, time_column=time_column, derived_from=derived_from, override=override,
            )  # fmt: skip
        return reports.data(made)

    def data_list(self) -> list[dict[str, Any]]:
        """All data sets."""
        return reports.all_data(self._core)

    def data_derive(self, name: str, *, model: str, place: str, kind: str = "file") -> dict[str, Any]:
        """Enter something derived from a model that lies elsewhere; requests stay open until it is settled."""
        return artefacts.register(self._core, name, model=model, place=place, kind=kind)

    # ------------------------------------------------------------------ models

    def fit(
        self, name: str, *, data: str | Path, target: str | None = None, method: str = "sisa",
        estimator: str | None = None, task: str | None = None, options: Mapping[str, Any] | None = None,
        columns: Mapping[str, str] | None = None, ignore: Sequence[str] = (), schema: str | Path | None = None,
        gate: Mapping[str, Any] | None = None, record_id: str | None = None, subject_id: str | None = None,
        delimiter: str | None = None, encoding: str | None = None, bare: bool = False, replace: bool = False,
        override: str = "",
    ) -> dict[str, Any]:  # fmt: skip
        """Fit a model on a data set.

        Parameters
        ----------
        name : str
        data : str or path
            A data set; or a file, which is added first, under its own name.
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
        if opening.is_file(core, str(data)):
            if record_id is None:
                raise InvalidRequestError("Name the column of ids with --record-id.", hint="Data from a file needs it.")
            self.data_add(data, record_id=record_id, subject_id=subject_id, delimiter=delimiter, encoding=encoding,
                          override=override)  # fmt: skip
            data = opening.name_of(str(data))
        with core.changing("fit"):
            with core.read() as connection:
                opened = datasets.open_data(core, connection, str(data))
            known = fitting.refuse_known(core, name, replace=replace)
            fit = fitting.prepare_fit(
                core, opened, target=target, method=method, estimator=estimator, task=task, options=options or {},
                columns=columns or {}, ignore=ignore, schema=schema, override=override, bare=bare,
            )  # fmt: skip
            made = fitting.enter(core, name, opened, fit, gate=gate or {}, replace=replace, override=override)
            if known is not None:
                core.tidy()
        return reports.model(core, made)

    def adopt(self, name: str, path: str | Path, *, data: str, target: str, **options: Any) -> dict[str, Any]:
        """Take over a fitted scikit-learn estimator; see :func:`expunge.workspace.adopting.adopt`."""
        with self._core.changing("adopt"):
            return adopting.adopt(self._core, name, path, data=data, target=target, **options)

    def promote(self, name: str, *, reason: str) -> dict[str, Any]:
        """Put a candidate that did not pass its gate into use all the same; the reason is kept."""
        return reports.promote(self._core, name, reason)

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
        """All that holds or learned from a person or record, with dates. Changes nothing."""
        wishes = asking.wishes_of(records=records, subjects=subjects, classes=classes, features=features, data=data)
        return [found for wish in wishes for found in finding.find(self._core, wish)]

    def plan(
        self, *, subjects: Ids = None, records: Ids = None, classes: Ids = None, features: Ids = None,
        data: str | None = None,
    ) -> list[tuple[str, Plan]]:  # fmt: skip
        """What forgetting would cost and promise, model by model. Changes nothing."""
        wishes = asking.wishes_of(records=records, subjects=subjects, classes=classes, features=features, data=data)
        return asking.plan(self._core, wishes)

    def forget(
        self, *, subjects: Ids = None, records: Ids = None, classes: Ids = None, features: Ids = None,
        data: str | None = None, audit: removing.Audit | None = None, **more: Any,
    ) -> list[asking.Answer]:  # fmt: skip
        """Take requests in and carry them out: every model forgets, every copy is rewritten, a receipt is written.

        Parameters
        ----------
        subjects, records, classes, features : sequence
            One request for each person, one for all records, classes, or columns together.
        data : str, optional
            The data set it is limited to.
        audit : callable, optional
            Called with each model that forgot and the rows that it forgot, before they are scrubbed; its figures go
            into the receipt.
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
        core = self._core
        wishes = asking.wishes_of(
            records=records, subjects=subjects, classes=classes, features=features, data=data, **more
        )
        with core.lock.held():
            asking.refuse_impossible(core, wishes)
            return asking.run(core, self._commits.accept(wishes), audit=audit)

    def rectify(
        self, path: str | Path, *, data: str, delimiter: str | None = None, encoding: str | None = None, **more: Any
    ) -> list[asking.Answer]:
        """Put corrected rows of a file in the place of those with the same ids (GDPR Art. 16)."""
        core = self._core
        with core.lock.held():
            wish = asking.rectify(core, path, data=data, delimiter=delimiter, encoding=encoding, **more)
            return asking.run(core, self._commits.accept([wish]))

    @staticmethod
    def advise_shards(data: str | Path, **asked: Any) -> Advice:
        """How many shards and slices a table wants; see :func:`expunge.workspace.advice.advise_shards`."""
        from expunge.workspace import advice

        return advice.advise_shards(data, **asked)

    def status(self) -> dict[str, Any]:
        """What there is, what is open, and what is to be done next."""
        return reports.status(self._core)

    def keys_show(self) -> dict[str, Any]:
        """Who signs, and where the secrets lie."""
        return reports.keys(self._core)

    def keys_rotate(self) -> dict[str, Any]:
        """Make a new signing key; the old one signs that it follows."""
        with self._core.lock.held():
            return opening.rotate(self._core)

"""Verbs of the facade that are about data sets: added, grown, listed, outdated, taken out."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from expunge.table.ids import listed
from expunge.workspace import opening, reports
from expunge.workspace.data import datasets
from expunge.workspace.models import models
from expunge.workspace.requests import appending, artefacts, asking, withdrawing
from expunge.workspace.requests.group_commit import GroupCommit
from expunge.workspace.storage.core import Core
from expunge.workspace.tabular.sources import named_source

__all__ = ["DataVerbs"]

_NO_PERSONS = (
    "No column of persons is named (--subject-id): {!r} is not searched when a person is forgotten; its records can be "
    "forgotten by --record. Where each row is a person, --subject-id may be the column of ids."
)


class DataVerbs:
    """Parent of the facade; see there."""

    _core: Core
    _commits: GroupCommit

    def data_add(
        self, source: str | Path, *, record_id: str, subject_id: str | None = None, name: str | None = None,
        reference: bool = False, query: str = "", delimiter: str | None = None, encoding: str | None = None,
        keep: str | None = None, time_column: str | None = None, derived_from: Sequence[str] = (),
        skip_forgotten: bool = False, override: str = "",
    ) -> dict[str, Any]:  # fmt: skip
        """Add a data set: copied, or (``reference``) kept as keyed hashes of its rows.

        Parameters
        ----------
        source : path or URL
            CSV or Parquet file, by path or fsspec URL; with ``query``, a database by SQLAlchemy URL.
        record_id, subject_id : str
            Names of columns. A data set without a column of persons is not searched when a person is forgotten; a
            warning says so now, and every plan, answer and receipt names it.
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
        skip_forgotten : bool
            Leave out what was forgotten before; ``skipped`` says how many rows, and ``nameless`` how many name no
            person where others do.
        override : str
            A short code for why what was forgotten before may come in again. It is logged.

        Raises
        ------
        ForgottenBeforeError
            A record or subject that was forgotten.
        InvalidParameterError
            A name, duration or combination that makes no sense.
        """
        core, given = self._core, named_source(source, query, delimiter, encoding)
        derived_from = listed(derived_from)
        with core.read() as connection:
            for model in derived_from:
                models.open_model(core, connection, model)
        with core.changing("data"):
            made, skipped, nameless = datasets.add(
                core, opening.name_of(str(source)) if name is None else name, given, record_id=record_id,
                subject_id=subject_id, reference=reference, keep=keep, time_column=time_column,
                derived_from=derived_from, skip_forgotten=skip_forgotten, override=override,
            )  # fmt: skip
        if subject_id is None:
            warnings.warn(_NO_PERSONS.format(made.name), UserWarning, stacklevel=2)
        return reports.data(made) | {"skipped": skipped, "nameless": nameless}

    def data_append(
        self, name: str, source: str | Path, *, learn: bool = False, query: str = "", delimiter: str | None = None,
        encoding: str | None = None, skip_forgotten: bool = False, override: str = "",
    ) -> dict[str, Any]:  # fmt: skip
        """Take new records into a data set that is there.

        Parameters
        ----------
        name : str
            Of a data set that was copied.
        source, query, delimiter, encoding, skip_forgotten, override
            As for :meth:`data_add`; the columns are those of the data set.
        learn : bool
            Models that learned from the data set, and can learn more, learn the new records: each gets a new version,
            which passes its gate or is a candidate. The others are named as to be fitted again.

        Returns
        -------
        dict
            With ``appended``, ``skipped``, ``nameless``, ``learned``, ``refit``, and ``predictions``: files of kept
            ones that were deleted, since their model changed.

        Raises
        ------
        ForgottenBeforeError
            A record or subject that was forgotten.
        DuplicateRecordError
            A record that is there already.
        InvalidDataError
            Another form than that of the data set.
        """
        given = named_source(source, query, delimiter, encoding)
        with self._core.changing("append"):
            return appending.append(
                self._core, name, given, learn=learn, skip_forgotten=skip_forgotten, override=override
            )

    def data_list(self) -> list[dict[str, Any]]:
        """All data sets."""
        return reports.all_data(self._core)

    def data_show(self, name: str) -> dict[str, Any]:
        """One data set: its columns, where its rows came from, and how long they are kept, without any value of them.

        Raises
        ------
        UnknownNameError
            There is none of that name.
        """
        with self._core.read() as connection:
            return reports.data(datasets.open_data(self._core, connection, name))

    def data_derive(self, name: str, *, model: str, place: str, kind: str = "file") -> dict[str, Any]:
        """Enter something derived from a model that lies elsewhere; requests stay open until it is settled."""
        return artefacts.register(self._core, name, model=model, place=place, kind=kind)

    def data_expire(self) -> list[asking.Answer]:
        """Forget the records that have been kept as long as their data sets say."""
        with self._core.lock.held():
            numbers = self._commits.accept(asking.expire(self._core))
            return asking.run(self._core, numbers)

    def data_remove(self, name: str) -> dict[str, Any]:
        """Take a data set out, or the entry of something derived; the log says so.

        Raises
        ------
        InvalidRequestError
            A model learned from it, a gate looks at it, or a request is open.
        """
        with self._core.changing("remove"):
            return withdrawing.remove_data(self._core, name)

"""The one facade: data sets, models, requests and receipts in a folder. The command line calls nothing else."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from expunge.errors import WorkspaceBusyError
from expunge.paths import check_path
from expunge.workspace import opening, reports
from expunge.workspace.advice_verbs import AdviceVerbs
from expunge.workspace.model_verbs import ModelVerbs
from expunge.workspace.proof_verbs import ProofVerbs
from expunge.workspace.request_verbs import RequestVerbs
from expunge.workspace.requests import (
    asking,
    auditing,
    finding,
    planning,
    recovery,
    removing,
)
from expunge.workspace.storage.core import utc_now
from expunge.workspace.storage.layout import Config, find_workspace
from expunge.workspace.storage.steady import steady
from expunge.workspace.tabular.given import Given

if TYPE_CHECKING:
    from expunge.ledger.keys import Signer

__all__ = ["Workspace"]

#: One id, label or name, or several: a list, an array or a column of a frame.
Ids = Any


class Workspace(RequestVerbs, ModelVerbs, ProofVerbs, AdviceVerbs):
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
        if core.db.is_read_only or not recovery.is_needed(core):
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

    # ------------------------------------------------------------------ asking

    @steady
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

    @steady
    def plan(
        self, *, subjects: Ids = None, records: Ids = None, classes: Ids = None, features: Ids = None,
        data: str | None = None,
    ) -> planning.Planned:  # fmt: skip
        """What forgetting would cost and promise, model by model, and what would be rewritten. Changes nothing.

        Raises
        ------
        UnknownRecordError
            Nothing is held of what is asked about: there is nothing to plan. Of a person :meth:`find` answers with an
            empty list then, and :meth:`forget` with a receipt that says so.
        UnsupportedRequestError
            A method cannot forget that.
        """
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
        self, path: Given, *, data: str, delimiter: str | None = None, encoding: str | None = None, **more: Any
    ) -> list[asking.Answer]:
        """Correct records (GDPR Art. 16): a file has their ids, and whole rows or the columns that were wrong.

        Each model that learned from them rectifies in one change; it is then that of a fresh fit on the corrected
        table. No tombstone is left.

        Parameters
        ----------
        path : path, or sequence of mappings
            A CSV or Parquet file; or rows, each of which maps names of columns to values.
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

    @steady
    def status(self) -> dict[str, Any]:
        """What there is, what is open, and what is to be done next."""
        return reports.status(self._core)

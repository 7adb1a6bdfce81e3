"""What was found: a number for each record or person, how it was got, and what it is worth."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
import numpy.typing as npt

from expunge.arguments import check_choice, check_count
from expunge.records import Guarantee

__all__ = ["Influence", "Scored", "Which"]

Floats = npt.NDArray[np.float64]
#: Which end of the list: the largest changes, those up, or those down.
Which = Literal["largest", "raises", "lowers"]


class Scored(NamedTuple):
    """A record or person, what forgetting it changes, and (of a record) the person it is about.

    Parameters
    ----------
    id : id
    score : float
        In units of what was measured.
    subject : id or None
    """

    id: Any
    score: float
    subject: Any = None


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class Influence:
    """What each record did to something that was measured on the model.

    Parameters
    ----------
    ids : ndarray of shape (n,)
        Your own ids, of records or of persons.
    scores : ndarray of shape (n,)
        By how much the measured quantity would change if this one alone were forgotten, in its unit. TracIn: the same
        sign, another unit.
    method : str
        Name of the method.
    on : str
        The quantity, in words.
    value : float or None
        The quantity as it is now; None where each record has its own.
    guarantee : Guarantee
        What the scores are worth.
    by : {"record", "subject"}
    subjects : ndarray of shape (n,), optional
        The person each record is about; None where nobody.
    elapsed_s : float
    schema : int
        Of this form of the record.

    Examples
    --------
    >>> words = Guarantee(kind="empirical", statement="made up")
    >>> found = Influence(ids=np.array([7, 8, 9]), scores=np.array([0.1, -0.5, 0.2]), method="by hand", on="loss",
    ...                   value=1.0, guarantee=words)
    >>> [one.id for one in found.top(2)], [one.id for one in found.top(2, which="raises")]
    ([8, 9], [9, 7])
    """

    ids: npt.NDArray[Any]
    scores: Floats
    method: str
    on: str
    value: float | None
    guarantee: Guarantee
    by: Literal["record", "subject"] = "record"
    subjects: npt.NDArray[Any] | None = None
    elapsed_s: float = 0.0
    schema: int = 1

    def __len__(self) -> int:
        return len(self.ids)

    def top(self, k: int = 20, *, which: Which = "largest") -> list[Scored]:
        """The k that matter most.

        Parameters
        ----------
        k : int
        which : {"largest", "raises", "lowers"}
            The largest changes of either sign; or those that, forgotten, would raise the quantity most (of a loss: the
            helpful ones); or lower it (of a loss: the harmful ones). Only records that do so.

        Raises
        ------
        InvalidParameterError
            ``k`` is no count, or ``which`` no such choice.
        """
        check_count("k", k)
        return [self[int(i)] for i in self.order(which)[:k]]

    def order(self, which: Which = "largest") -> npt.NDArray[np.intp]:
        """Positions of those that :meth:`top` lists, the foremost first; ties as they stand.

        Raises
        ------
        InvalidParameterError
            ``which`` is no such choice.
        """
        check_choice("which", which, get_args(Which))
        size = {"largest": np.abs(self.scores), "raises": self.scores, "lowers": -self.scores}[which]
        order = np.argsort(-size, kind="stable")
        return order if which == "largest" else order[size[order] > 0]

    def count_to(self, change: float, *, which: Which = "lowers") -> int:
        """How many of the foremost together make this change, if their changes add up; all of them if it takes more.

        Parameters
        ----------
        change : float
            Its size: of a gap its value, to close it.
        which : {"lowers", "raises"}

        Examples
        --------
        >>> words = Guarantee(kind="empirical", statement="made up")
        >>> found = Influence(ids=np.arange(4), scores=np.array([-0.1, 0.3, -0.2, -0.1]), method="by hand", on="gap",
        ...                   value=0.25, guarantee=words)
        >>> found.count_to(0.25)
        2
        """
        order = self.order(which)
        sums = np.cumsum(np.abs(self.scores[order]))
        return min(int(np.searchsorted(sums, change)) + 1, len(order))

    def __getitem__(self, position: int) -> Scored:
        subject = None if self.subjects is None else _plain(self.subjects[position])
        return Scored(_plain(self.ids[position]), float(self.scores[position]), subject)

    def sentence(self) -> str:
        """What was found, in one sentence."""
        what = "records" if self.by == "record" else "persons"
        now = "" if self.value is None else f", which is {self.value:.4g} now"
        return f"{len(self):,} {what}, {self.method}, on {self.on}{now}."

    def to_dict(self, k: int | None = None, *, which: Which = "largest") -> dict[str, Any]:
        """Plain data, for JSON: all that :meth:`top` would list, or the first k."""
        order = self.order(which)[:k]
        names = {"id": 0, "score": 1} | ({} if self.subjects is None else {"subject": 2})
        return {
            "schema": self.schema, "method": self.method, "on": self.on, "value": self.value, "by": self.by,
            "n": len(self), "guarantee": self.guarantee.to_dict(), "elapsed_s": self.elapsed_s,
            "top": [{name: self[int(i)][at] for name, at in names.items()} for i in order],
        }  # fmt: skip

    def plot(self, path: str | Path, *, k: int = 20) -> Path:
        """Write a picture: the scores of all, sorted, and the k largest by name. It shows ids.

        Raises
        ------
        FileNotUsableError
            The file cannot be written.
        """
        from expunge.influence.picture import write_scores

        return write_scores(self, path, k=k)

    def __str__(self) -> str:
        return f"{self.sentence()} {self.guarantee.sentence()}"


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value

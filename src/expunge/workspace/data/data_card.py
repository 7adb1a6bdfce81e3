"""What a workspace writes down of a data set, without any value of a record."""

from __future__ import annotations

import dataclasses
import json

from expunge.files.archive import canonical_json
from expunge.workspace.tabular.sources import Source

__all__ = ["DataCard"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class DataCard:
    """What a data set is.

    Parameters
    ----------
    record_id, subject_id : str
        Names of columns; the second may be None.
    record_kind, subject_kind : {"text", "integer"}
    columns : tuple of str
    n_buckets : int
        0 for a data set that is only referred to.
    source : Source
    keep : str or None
        How long a record is kept, as ``24months``.
    time_column : str or None
        Column with the time that counts.
    derived_from : tuple of str
        Models whose predictions it holds.
    appended : tuple of str
        Where rows came from that were appended later.
    """

    record_id: str
    subject_id: str | None
    record_kind: str
    subject_kind: str
    columns: tuple[str, ...]
    n_buckets: int
    source: Source
    keep: str | None = None
    time_column: str | None = None
    derived_from: tuple[str, ...] = ()
    appended: tuple[str, ...] = ()

    @property
    def sources(self) -> list[str]:
        """Where its rows came from, for people."""
        return list(dict.fromkeys((self.source.shown, *self.appended)))

    def to_json(self) -> str:
        """As text."""
        return canonical_json(dataclasses.asdict(self)).decode()

    @classmethod
    def from_json(cls, text: str) -> DataCard:
        """The inverse of :meth:`to_json`."""
        data = json.loads(text)
        lists = {name: tuple(data.get(name, ())) for name in ("columns", "derived_from", "appended")}
        return cls(**{**data, **lists, "source": Source(**data["source"])})

"""What requests would cost: the work of each model, and what the workspace itself rewrites for them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from expunge.quantities import bytes_text, duration_text
from expunge.records import Plan
from expunge.workspace.data import buckets
from expunge.workspace.models import models
from expunge.workspace.requests.answers import what_of
from expunge.workspace.requests.targets import Held, not_searched, told_as_respelled
from expunge.workspace.storage.core import Core

if TYPE_CHECKING:
    from expunge.workspace.models.versions import Manifest

__all__ = ["Planned", "PlannedData", "rewriting"]

#: What a workspace does for a request whatever its size, in seconds: transactions, flushes, the receipt.
FIXED_S = 0.1
#: Bytes that are packed, hashed, written and flushed in a second, on a slow disk.
BYTES_PER_S = 50e6


class PlannedData(NamedTuple):
    """What a data set would lose.

    Parameters
    ----------
    data : str
    records : int
    features : tuple of str
        Columns.
    """

    data: str
    records: int
    features: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Planned:
    """What requests would cost and promise. Iterating gives pairs of a model's name and its plan.

    Parameters
    ----------
    models : tuple of (str, Plan)
    rewrite_bytes : int
        Size of the files of data sets and models that would be rewritten; of rows of models as is to be expected.
    unsearched : tuple of str
        Data sets without a column of persons, in which nobody could be looked for.
    respelled : tuple of (int or str)
        Ids of which something is held, and which only their spelling tells from what was asked.
    data : tuple of PlannedData
    """

    models: tuple[tuple[str, Plan], ...]
    rewrite_bytes: int
    unsearched: tuple[str, ...] = ()
    respelled: tuple[Any, ...] = ()
    data: tuple[PlannedData, ...] = ()

    def __iter__(self) -> Iterator[tuple[str, Plan]]:
        return iter(self.models)

    def __len__(self) -> int:
        return len(self.models)

    @property
    def expected_s(self) -> float | None:
        """Seconds in all: of the models, and of the workspace; None where a model has measured nothing."""
        times = [plan.expected_s for _, plan in self.models]
        known = [time for time in times if time is not None]
        return None if len(known) < len(times) else sum(known) + FIXED_S + self.rewrite_bytes / BYTES_PER_S

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        plans = [{"model": name, **plan.to_dict()} for name, plan in self.models]
        return {
            "plans": plans, "rewrite_bytes": self.rewrite_bytes, "expected_s": self.expected_s,
            "unsearched": list(self.unsearched), "respelled": list(self.respelled),
            "data": [{"data": one.data, "records": one.records, "features": list(one.features)} for one in self.data],
        }  # fmt: skip

    def lines(self) -> list[str]:
        """For people."""
        out = [f"{name}: {plan}. Guarantee: {plan.guarantee.sentence()}" for name, plan in self.models]
        out += [f"{one.data}: {what_of(one.records, one.features)} taken out." for one in self.data]
        time = "" if self.expected_s is None else f", {duration_text(self.expected_s)} in all"
        out.append(f"The workspace rewrites about {bytes_text(self.rewrite_bytes)} of files{time}.")
        return out + not_searched(self.unsearched) + told_as_respelled(self.respelled)


def rewriting(core: Core, held: Sequence[Held], plans: Sequence[tuple[str, Plan]]) -> int:
    """Bytes that would be rewritten: whole buckets of data sets, touched parts of models, and chunks of their rows."""
    touched = dict(plans)
    names: set[str] = set()
    expected = 0.0
    for one in held:
        if one.data.is_copied:
            where = {f"{buckets.bucket_of(handle, one.data.card.n_buckets):04d}" for handle in one.handles}
            names |= {one.data.buckets[at]["chunk"] for at in (one.data.buckets if one.features else where)}
        for model in one.models:
            if model.name in touched:
                expected += _of_model(core, models.load(core, model), touched[model.name])
    return round(expected) + sum(core.store.size(name) for name in sorted(names))


def _of_model(core: Core, manifest: Manifest, plan: Plan) -> float:
    """The manifest, the parts that the plan names, and the chunks of rows in which so many records are expected."""
    fixed = [manifest.entry.name, *(chunk["chunk"] for name, chunk in manifest.parts.items() if name in plan.touched)]
    groups = [chunk["chunk"] for chunk in manifest.groups.values()]
    share = 1 - (1 - 1 / max(1, len(groups))) ** plan.n_records
    return sum(map(core.store.size, fixed)) + share * sum(map(core.store.size, groups))

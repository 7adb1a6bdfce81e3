"""What was promised and what was done: frozen records that outlive the code which wrote them.

Each carries a ``schema`` number. Fields are added in later schemas, never removed and never re-interpreted.
"""

from __future__ import annotations

import dataclasses
import functools
import html
import math
from collections.abc import Mapping
from typing import Any, ClassVar, Literal, get_args

from expunge.errors import InvalidParameterError, NewerFormatError
from expunge.quantities import duration_text

__all__ = [
    "ACCOUNT",
    "STATE_TELLS",
    "Addition",
    "Guarantee",
    "Kind",
    "Plan",
    "Record",
    "Rectification",
    "Removal",
    "equality",
    "independent_of",
]

Kind = Literal["exact", "certified", "bounded", "empirical"]

#: Fields of a guarantee that say what is left of a budget, and how much of a certificate is used.
ACCOUNT = ("epsilon_left", "residual", "residual_limit")

#: An assumption of methods whose state has a history; a receipt then says what it does not prove.
STATE_TELLS = (
    "the stored state is not published: beside the rows that are left, it shows the direction of one that went since "
    "the fit, and of several their sum"
)


class Record:
    """Conversion to and from plain data, and a table for notebooks; shared by the records below."""

    _schema: ClassVar[int] = 1
    schema: int

    def to_dict(self) -> dict[str, Any]:
        """The record as plain data, for JSON."""
        data: dict[str, Any] = dataclasses.asdict(self)  # type: ignore[call-overload]
        if isinstance(held := getattr(self, "guarantee", None), Guarantee):
            data["guarantee"] = held.to_dict()
        return data

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Any:
        """The record from plain data.

        Raises
        ------
        InvalidParameterError
            Data that are none of this kind, or have other fields.
        NewerFormatError
            A schema number newer than this code knows.
        """
        number = data.get("schema")
        if not isinstance(number, int) or isinstance(number, bool) or number < 1:
            raise InvalidParameterError(f"This is no {cls.__name__}: its schema is {number!r}.")
        if number > cls._schema:
            raise NewerFormatError(
                f"This {cls.__name__} has schema {data['schema']}; this version reads up to {cls._schema}.",
                hint="Update expunge.",
            )
        known = {field.name for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
        if strange := set(data) - known:
            raise InvalidParameterError(f"A {cls.__name__} has no field {sorted(strange)[0]!r}.")
        values: dict[str, Any] = {n: tuple(v) if isinstance(v, list) else v for n, v in data.items() if n in known}
        if isinstance(values.get("guarantee"), Mapping):
            values["guarantee"] = Guarantee.from_dict(values["guarantee"])
        return cls(**values)

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><th style='text-align:left'>{html.escape(name)}</th><td>{html.escape(str(value))}</td></tr>"
            for name, value in self.to_dict().items()
            if name not in ("schema", "guarantee")
        )
        guarantee = getattr(self, "guarantee", None)
        head = f"<caption>{html.escape(str(self))}</caption>"
        if isinstance(guarantee, Guarantee):
            sentence = html.escape(guarantee.sentence())
            rows = f"<tr><th style='text-align:left'>guarantee</th><td>{sentence}</td></tr>{rows}"
        return f"<table>{head}{rows}</table>"


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False)
class Guarantee(Record):
    """What a removal promises about the model it leaves. Never stronger than was earned.

    Parameters
    ----------
    kind : {"exact", "certified", "bounded", "empirical"}
        ``exact``: the state is bit for bit that of a fresh fit without the records, same seed, same environment.
        ``certified``: (epsilon, delta)-indistinguishable from that fit. ``bounded``: a proved distance to that fit.
        ``empirical``: nothing beyond what an audit measured.
    statement : str
        The promise in words, with its numbers.
    assumptions : tuple of str
        Under which the promise holds, each by name.
    epsilon, delta : float, optional
        The budget spent; required for ``certified`` and only there.
    norm : str, optional
        Norm of the distance; required for ``bounded`` and only there.
    bound : float, optional
        Value of the bound in that norm; required for ``bounded`` and only there.
    epsilon_left : float, optional
        What the budget still holds at the same delta, where an odometer is kept; ``epsilon`` is what was spent.
    residual, residual_limit : float, optional
        Bound on the gradient that removals have left, and the length that the noise hides at epsilon and delta.
    schema : int
        Of this form of the record.

    Notes
    -----
    The last three came with schema 2, and only for ``certified``. One that has none of them is written as schema 1.

    Examples
    --------
    >>> Guarantee(kind="exact", statement="equal to a fresh fit")
    Guarantee(exact: equal to a fresh fit)
    """

    kind: Kind
    statement: str
    assumptions: tuple[str, ...] = ()
    epsilon: float | None = None
    delta: float | None = None
    norm: str | None = None
    bound: float | None = None
    epsilon_left: float | None = None
    residual: float | None = None
    residual_limit: float | None = None
    schema: int = 1

    _schema: ClassVar[int] = 2

    def __post_init__(self) -> None:
        account = {name: getattr(self, name) for name in ACCOUNT if getattr(self, name) is not None}
        object.__setattr__(self, "schema", 2 if account else 1)
        if account and (self.kind != "certified" or not all(map(_finite, account.values()))):
            raise InvalidParameterError(f"An account is of finite numbers of a certified guarantee, got {account!r}.")
        if self.kind not in get_args(Kind):
            raise InvalidParameterError(f"kind must be one of {get_args(Kind)}, got {self.kind!r}.")
        budget = (self.epsilon, self.delta)
        if (self.kind == "certified") != all(_finite(x) for x in budget) or (
            self.kind != "certified" and budget != (None, None)
        ):
            raise InvalidParameterError(f"A certified guarantee has epsilon and delta, no other has; got {budget!r}.")
        distance = (self.norm, self.bound)
        if (self.kind == "bounded") != (self.norm is not None and _finite(self.bound)) or (
            self.kind != "bounded" and distance != (None, None)
        ):
            raise InvalidParameterError(f"A bounded guarantee has norm and bound, no other has; got {distance!r}.")

    def to_dict(self) -> dict[str, Any]:
        """The guarantee as plain data, for JSON; without the fields of schema 2 where it has none of them."""
        data = super().to_dict()
        return data if self.schema > 1 else {name: value for name, value in data.items() if name not in ACCOUNT}

    def sentence(self) -> str:
        """The guarantee with its assumptions, as one paragraph."""
        given = f" Assumptions: {'; '.join(self.assumptions)}." if self.assumptions else ""
        return f"{self.kind}: {self.statement}.{given}"

    def __repr__(self) -> str:
        return f"Guarantee({self.kind}: {self.statement})"

    __str__ = __repr__


@functools.lru_cache(maxsize=64)
def equality(terms: str, doubt: str | None) -> Guarantee:
    """The guarantee of a method that gives what a fresh fit gives.

    Parameters
    ----------
    terms : str
        What to add to the statement: a rounding, say.
    doubt : str or None
        Why the same fit does not give the same bits; None if it does.
    """
    if doubt is not None:
        return Guarantee(kind="empirical", statement=f"trained again without the records, but not repeatable: {doubt}")
    return Guarantee(
        kind="exact",
        statement=f"bit for bit the state of a fresh fit on what is left, with the same seed{terms}",
        assumptions=("same environment", independent_of("model")),
    )


def independent_of(published: str) -> str:
    """The assumption of every guarantee that nobody chooses whom to forget by what was published.

    Examples
    --------
    >>> independent_of("model")
    'requests do not depend on the published model'
    """
    return f"requests do not depend on the published {published}"


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False)
class Plan(Record):
    """What a request would cost and promise. Making one changes nothing.

    Parameters
    ----------
    guarantee : Guarantee
    n_records : int
        Records that would be forgotten, or corrected.
    work_low, work_high : int
        Interval for the number of readings of records; one that several parts read, trees for one, counts in each.
    touched : tuple of str
        Names of the parts of the state that would change, as far as known beforehand.
    expected_s : float or None
        Expected time in seconds, from the speed of the last fit; None where nothing was measured.
    notes : tuple of str
        What else one should know: what share of a retrain that is, say.
    schema : int
        Of this form of the record.
    """

    guarantee: Guarantee
    n_records: int
    work_low: int
    work_high: int
    touched: tuple[str, ...] = ()
    expected_s: float | None = None
    notes: tuple[str, ...] = ()
    schema: int = 1

    def __repr__(self) -> str:
        work = f"{self.work_low:,}" if self.work_low == self.work_high else f"{self.work_low:,} to {self.work_high:,}"
        time = "" if self.expected_s is None else f" · about {duration_text(self.expected_s)}"
        notes = "".join(f" · {note}" for note in self.notes)
        return f"{self.guarantee.kind} · {_named(self.n_records)} · reads {work}{time}{notes}"

    __str__ = __repr__


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False)
class Removal(Record):
    """What a method says it did.

    Parameters
    ----------
    guarantee : Guarantee
    n_forgotten : int
        Records that were forgotten.
    work : int
        Readings of records to do so; one that several parts read, trees for one, counts in each.
    elapsed_s : float
        Wall time in seconds, digests not included.
    touched : tuple of str
        Names of the parts of the state that changed.
    digest_before, digest_after : str or None
        Hexadecimal digests of the model; None unless asked for.
    notes : tuple of str
        What else one should know: a part that is too small now and takes no part, say.
    schema : int
        Of this form of the record.
    """

    guarantee: Guarantee
    n_forgotten: int
    work: int
    elapsed_s: float
    touched: tuple[str, ...] = ()
    digest_before: str | None = None
    digest_after: str | None = None
    notes: tuple[str, ...] = ()
    schema: int = 1

    def __repr__(self) -> str:
        return f"{self.guarantee.kind} · {_named(self.n_forgotten)} · {duration_text(self.elapsed_s)}"

    __str__ = __repr__


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False)
class Addition(Record):
    """What learning did: the mirror image of :class:`Removal`.

    Parameters
    ----------
    n_learned : int
    work : int
        Readings of records.
    elapsed_s : float
    touched : tuple of str
        Parts of the model that changed.
    schema : int
        Of this form of the record.
    """

    n_learned: int
    work: int
    elapsed_s: float
    touched: tuple[str, ...] = ()
    schema: int = 1

    def __repr__(self) -> str:
        return f"learned · {_records(self.n_learned)} · {duration_text(self.elapsed_s)}"

    __str__ = __repr__


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False)
class Rectification(Record):
    """What correcting records did: their old values are forgotten, and the new ones learned under the same ids.

    Parameters
    ----------
    guarantee : Guarantee
        Of the old values being gone.
    n_rectified : int
        Records that were corrected.
    work : int
        Readings of records to do so; one that several parts read, trees for one, counts in each.
    elapsed_s : float
        Wall time in seconds, digests not included.
    touched, digest_before, digest_after, notes
        As of a :class:`Removal`.
    schema : int
        Of this form of the record.
    """

    guarantee: Guarantee
    n_rectified: int
    work: int
    elapsed_s: float
    touched: tuple[str, ...] = ()
    digest_before: str | None = None
    digest_after: str | None = None
    notes: tuple[str, ...] = ()
    schema: int = 1

    def __repr__(self) -> str:
        return f"rectified · {self.guarantee.kind} · {_records(self.n_rectified)} · {duration_text(self.elapsed_s)}"

    __str__ = __repr__


def _finite(value: float | None) -> bool:
    return value is not None and math.isfinite(value) and value >= 0


def _named(count: int) -> str:
    """What a request names: records, or, where there is none, columns."""
    return _records(count) if count else "columns"


def _records(count: int) -> str:
    return f"{count:,} record" if count == 1 else f"{count:,} records"

"""What happened, as frozen records that outlive the code. What it costs is said by :mod:`expunge.privacy.accounts`.

A kind is never given another meaning; a new meaning is a new kind.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

from expunge.arguments import check_count, check_number
from expunge.errors import InvalidParameterError, NewerFormatError

__all__ = ["Event", "Gaussian", "Group", "Laplace", "Sampled", "Several", "check_event", "event_from_dict"]

_SCHEMA = 1
#: Least multiplier; the largest is one over it.
_LEAST = 2.0**-200


@dataclasses.dataclass(frozen=True)
class Event:
    """Something that was released, or done, with the data."""

    kind: ClassVar[str] = "nothing"

    def to_dict(self) -> dict[str, Any]:
        """The event as plain data, for JSON."""
        inner = {f.name: _plain(getattr(self, f.name)) for f in dataclasses.fields(self)}
        return {"schema": _SCHEMA, "kind": self.kind, **inner}


@dataclasses.dataclass(frozen=True)
class Gaussian(Event):
    """Gaussian noise was added to a value that one neighbour moves by at most the sensitivity.

    Parameters
    ----------
    multiplier : float
        Standard deviation of the noise over the sensitivity in the Euclidean norm, above 0.
    """

    multiplier: float
    kind: ClassVar[str] = "gaussian"

    def __post_init__(self) -> None:
        _check_multiplier(self.multiplier)


@dataclasses.dataclass(frozen=True)
class Laplace(Event):
    """Laplace noise was added; ``multiplier`` is its scale over the sensitivity in the sum norm.

    Parameters
    ----------
    multiplier : float
        Above 0.
    """

    multiplier: float
    kind: ClassVar[str] = "laplace"

    def __post_init__(self) -> None:
        _check_multiplier(self.multiplier)


@dataclasses.dataclass(frozen=True)
class Sampled(Event):
    """An event saw each record with this probability, independently (Poisson sampling).

    Parameters
    ----------
    probability : float
        Above 0 and at most 1.
    event : Event
        What it was, to whom it saw.
    """

    probability: float
    event: Event
    kind: ClassVar[str] = "sampled"

    def __post_init__(self) -> None:
        check_event("event", self.event)
        check_number("probability", self.probability, high=1.0, open_low=True)


@dataclasses.dataclass(frozen=True)
class Several(Event):
    """An event happened ``count`` times on the same data, each time with new noise.

    Parameters
    ----------
    count : int
        From 0 on.
    event : Event
    """

    count: int
    event: Event
    kind: ClassVar[str] = "several"

    def __post_init__(self) -> None:
        check_event("event", self.event)
        check_count("count", self.count, least=0)


@dataclasses.dataclass(frozen=True)
class Group(Event):
    """An event as several records see it that come or go together: those of a person, or all that were forgotten.

    Parameters
    ----------
    size : float
        How many records, above 0; the total of their weights where records have weights. Around a sampled event a
        whole number: two records of half a weight take part more often than one whole record, and can cost more.
    event : Event
        What happened, its multipliers relative to one record.
    """

    size: float
    event: Event
    kind: ClassVar[str] = "group"

    def __post_init__(self) -> None:
        check_event("event", self.event)
        if check_number("size", self.size, open_low=True) % 1 and _is_sampled(self.event):
            raise InvalidParameterError(
                f"A group of records that are sampled has a whole number of them, got {self.size!r}.",
                hint="Give how many records there are, not the total of their weights.",
            )


_KINDS: dict[str, type[Event]] = {kind.kind: kind for kind in (Event, Gaussian, Laplace, Sampled, Several, Group)}


def _check_multiplier(multiplier: object) -> None:
    """Refuse what is no number above 0, or one whose square is none in doubles."""
    if not _LEAST <= check_number("multiplier", multiplier, open_low=True) <= 1 / _LEAST:
        raise InvalidParameterError(
            f"multiplier must lie between {_LEAST:.3g} and {1 / _LEAST:.3g}, got {multiplier!r}.",
            hint="Beyond these there is no noise to speak of, or nothing but noise.",
        )


def check_event(name: str, value: object) -> Event:
    """Refuse what is no event of a kind that is known: nobody could say what it costs, and it is never nothing.

    Raises
    ------
    InvalidParameterError
        It is no event of a known kind.
    """
    if isinstance(value, Event) and (type(value) is Event or isinstance(value, tuple(_KINDS.values())[1:])):
        return value
    raise InvalidParameterError(
        f"{name} must be an event of a known kind, got {type(value).__name__}.",
        hint="A release has its event in .event; several events are charged one after the other.",
    )


def _is_sampled(event: Event) -> bool:
    """Whether records take part by coins."""
    if isinstance(event, Sampled) and event.probability < 1:
        return True
    return isinstance(event, (Sampled, Several, Group)) and _is_sampled(event.event)


def _plain(value: Any) -> Any:
    return value.to_dict() if isinstance(value, Event) else value


def event_from_dict(data: Mapping[str, Any]) -> Event:
    """An event from plain data.

    Raises
    ------
    NewerFormatError
        A later version wrote it.
    InvalidParameterError
        It is no event.

    Examples
    --------
    >>> event_from_dict(Several(3, Gaussian(2.0)).to_dict())
    Several(count=3, event=Gaussian(multiplier=2.0))
    """
    schema = data.get("schema") if isinstance(data, Mapping) else None
    if not isinstance(schema, int) or isinstance(schema, bool) or schema < 1:
        raise InvalidParameterError(f"This is no event: its schema is {schema!r}.")
    kind = _KINDS.get(str(data.get("kind")))
    if schema > _SCHEMA or kind is None:
        raise NewerFormatError(f"This version knows no event {data.get('kind')!r}.", hint="Update expunge.")
    values = {name: value for name, value in data.items() if name not in ("schema", "kind")}
    if set(values) != {field.name for field in dataclasses.fields(kind)}:
        raise InvalidParameterError(f"An event {kind.kind!r} has no such fields: {sorted(values)}.")
    return kind(**{name: event_from_dict(v) if isinstance(v, Mapping) else v for name, v in values.items()})

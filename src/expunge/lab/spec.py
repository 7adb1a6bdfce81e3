"""Names with dials, as in ``forest@100`` or ``sisa@n_shards=20,n_slices=4``, and how they are looked up."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from expunge.errors import InvalidParameterError, UnknownNameError
from expunge.near_names import did_you_mean

__all__ = ["By", "check_dials", "parse", "unknown"]


@dataclasses.dataclass(frozen=True)
class By:
    """The range of a dial that follows from the value of another one, which stands before it.

    Parameters
    ----------
    dial : str
        The other one.
    spaces : mapping of int to tuple
        Range by its value.
    """

    dial: str
    spaces: Mapping[int, tuple[Any, ...]]


def parse(text: str, dial: str = "") -> tuple[str, dict[str, Any]]:
    """A name and its dials.

    Parameters
    ----------
    text : str
        ``name``, ``name@value`` or ``name@dial=value,dial=value``.
    dial : str
        What a value without a name is for.

    Raises
    ------
    InvalidParameterError
        A value for a thing without a dial, or one named twice.

    Examples
    --------
    >>> parse("sisa@n_shards=20,place_by=subject"), parse("forest@100", "n_estimators")
    (('sisa', {'n_shards': 20, 'place_by': 'subject'}), ('forest', {'n_estimators': 100}))
    """
    name, at, rest = text.partition("@")
    dials: dict[str, Any] = {}
    for part in rest.split(",") if at else ():
        key, equals, value = part.rpartition("=")
        key = key if equals else dial
        if not key or not value or key in dials:
            raise InvalidParameterError(
                f"{text!r} has a dial that nobody reads: {part!r}.", hint="Write name@value or name@dial=value,..."
            )
        dials[key] = _value(value)
    return name, dials


def check_dials(text: str, dials: Iterable[str], known: Iterable[str]) -> None:
    """Refuse a dial that a thing does not have.

    Raises
    ------
    InvalidParameterError
        One of the dials is not known.
    """
    allowed = sorted(known)
    for strange in sorted(set(dials) - set(allowed)):
        told = f"It has {', '.join(allowed)}." if allowed else "It has none."
        raise InvalidParameterError(f"{text!r} has no dial {strange!r}.", hint=told)


def unknown(what: str, name: str, known: Iterable[str]) -> UnknownNameError:
    """The error for a name that is in no table, with the nearest ones."""
    names = sorted(known)
    hint = did_you_mean(name, names, otherwise=f"There are {', '.join(names)}.")
    return UnknownNameError(f"The lab has no {what} {name!r}.", hint=hint)


def _value(text: str) -> Any:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return {"true": True, "false": False}.get(text, text)

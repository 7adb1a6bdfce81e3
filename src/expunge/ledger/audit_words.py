"""What an audit in a receipt says, for people: in words where the figures are of a known form, else as they stand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

__all__ = ["Told", "told"]


class Told(NamedTuple):
    """An audit for people: the verdict with its sentence, empty where none is known, and rows of what and how much.

    Parameters
    ----------
    verdict : str
    rows : dict of str to str
    """

    verdict: str
    rows: dict[str, str]


def told(figures: Mapping[str, Any]) -> Told:
    """The figures of an audit for people.

    Parameters
    ----------
    figures : mapping
        As :meth:`expunge.audit.AuditReport.figures` gives them, or of an audit of the owner's own.

    Returns
    -------
    Told
        Nothing of the figures is left out: a part whose form is not known stands there under its own name.

    Examples
    --------
    >>> told({"verdict": "forgotten", "sentence": "No attack finds more.", "n_forgotten": 3, "mine": {"a": [1, 2]}})
    Told(verdict='Forgotten. No attack finds more.', rows={'Records it asked about': '3 forgotten', 'mine.a': '1, 2'})
    """
    left = dict(figures)
    verdict = " ".join(str(part) for part in (_verdict(left.pop("verdict", "")), left.pop("sentence", "")) if part)
    rows = {
        "Records it asked about": _counts(left, n_forgotten="forgotten", n_held_out="never learned, for comparison"),
        "References": _counts(left, n_retrains="trained without the records", n_unforgotten="trained with them"),
        "Chance of such figures if the model had forgotten": _popped(left, "p_not_forgotten"),
        "Chance of such figures if it had not forgotten too much": _popped(left, "p_over_forgotten"),
        "Level of error": _popped(left, "alpha"),
        "Power: how often a model that forgot nothing is found": _interval(left, "power"),
        "Privacy loss epsilon is at least": _popped(left, "epsilon_low"),
    }
    attacks = left.pop("attacks", None)
    if isinstance(attacks, Mapping) and all(map(_is_attack, attacks.values())):
        rows |= {f"Attack {name.replace('_', ' ')}": _attack(figure) for name, figure in attacks.items()}
    elif attacks is not None:
        left["attacks"] = attacks
    if (version := left.pop("version", None)) is not None:
        rows["Made by"] = f"expunge {version}, form {left.pop('schema', '?')} of figures"
    return Told(verdict, {name: text for name, text in rows.items() if text} | _flat(left))


def _verdict(value: Any) -> str:
    text = str(value)
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def _popped(left: dict[str, Any], name: str) -> str:
    value = left.pop(name, None)
    if isinstance(value, (Mapping, list)):
        left[name] = value
        return ""
    return "" if value is None else str(value)


def _counts(left: dict[str, Any], **words: str) -> str:
    found = [(_popped(left, name), word) for name, word in words.items()]
    return ", ".join(f"{count} {word}" for count, word in found if count)


def _interval(left: dict[str, Any], name: str) -> str:
    value = left.pop(name, None)
    if value is None:
        return ""
    if not _is_interval(value):
        left[name] = value
        return ""
    return _between(value)


def _is_interval(value: Any) -> bool:
    return isinstance(value, Mapping) and set(value) == {"value", "low", "high", "confidence"}


def _between(figure: Mapping[str, Any]) -> str:
    text = str(figure["value"])
    if figure["low"] is None or figure["high"] is None:
        return text
    return f"{text} ({figure['low']} to {figure['high']}, confidence {figure['confidence']})"


def _is_attack(value: Any) -> bool:
    keys = {"auc", "null_low", "null_high", "p_corrected", "decides"}
    return isinstance(value, Mapping) and set(value) == keys and (value["auc"] is None or _is_interval(value["auc"]))


def _attack(figure: Mapping[str, Any]) -> str:
    parts = ["no figure" if figure["auc"] is None else f"AUC {_between(figure['auc'])}"]
    if figure["null_low"] is not None:
        parts.append(f"models without the records give {figure['null_low']} to {figure['null_high']}")
    if figure["p_corrected"] is not None:
        parts.append(f"p {figure['p_corrected']} after correction")
    return "; ".join(parts) + ("" if figure["decides"] else "; does not decide")


def _flat(value: Any, name: str = "") -> dict[str, str]:
    """Nested figures as rows: names joined by dots."""
    pairs: Iterable[tuple[str, Any]] = ()
    if isinstance(value, Mapping):
        pairs = ((f"{name}.{key}" if name else str(key), item) for key, item in value.items())
    elif isinstance(value, list) and any(isinstance(item, (Mapping, list)) for item in value):
        pairs = ((f"{name}[{index}]", item) for index, item in enumerate(value))
    else:
        return {name: ", ".join(map(str, value)) if isinstance(value, list) else str(value)}
    return {key: text for inner, item in pairs for key, text in _flat(item, inner).items()}

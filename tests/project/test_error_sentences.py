"""Every error that a workspace or a command raises says what to do: it has a hint, and its sentence has an end."""

from __future__ import annotations

import ast
from pathlib import Path

from expunge import errors

SRC = Path(__file__).parents[2] / "src" / "expunge"
KINDS = {name for name in errors.__all__ if name.endswith("Error")}


def raised(source: str) -> list[tuple[int, ast.Call]]:
    """Calls of our errors behind ``raise``, with their lines."""
    found = [node.exc for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Raise)]
    return [
        (call.lineno, call) for call in found
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in KINDS
    ]  # fmt: skip


def end_of(node: ast.expr) -> str:
    """The last letter of a sentence, as far as it is written in the code; a full stop for what is made elsewhere."""
    if isinstance(node, ast.JoinedStr):
        return end_of(node.values[-1])
    return str(node.value)[-1:] if isinstance(node, ast.Constant) else "."


def test_every_error_is_a_sentence_with_a_hint() -> None:
    wrong, seen = [], 0
    for room in ("workspace", "cli", "service"):
        for path in sorted((SRC / room).rglob("*.py")):
            for line, call in raised(path.read_text(encoding="utf-8")):
                seen += 1
                place = f"{path.relative_to(SRC)}:{line}"
                if not any(keyword.arg == "hint" for keyword in call.keywords):
                    wrong.append(f"{place} has no hint")
                if end_of(call.args[0]) not in (".", "?"):
                    wrong.append(f"{place} has no end")
    assert seen > 150
    assert wrong == []


def test_an_error_without_a_hint_is_seen() -> None:
    ((_, call),) = raised("raise InvalidDataError(f'{x} is none')")
    assert not call.keywords
    assert end_of(call.args[0]) == "e"

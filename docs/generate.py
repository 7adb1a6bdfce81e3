"""Write the pages that follow from the code: commands, methods, errors. A test compares them.

``python docs/generate.py`` writes ``docs/command-line.md`` and ``docs/methods.md``.
"""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import typer

from expunge.cli import app
from expunge.errors import CODES, ExpungeError
from expunge.workspace import list_methods, list_network_methods

DOCS = Path(__file__).resolve().parent
NOTE = "*This page is generated: `python docs/generate.py`.*"

#: Why commands that are asked about somebody unknown end otherwise.
NOTHING_HELD = (
    "Where nothing is held of a person, `find` and `forget` end with 0: a question is answered, and a request gets a",
    "receipt that says so. `plan` ends with 4, since there is nothing to plan: before a request is made it is mostly",
    "an id that was written otherwise. A record, class or column that there is not is refused by `forget`, too: 4.",
)


def command_page() -> str:
    """Every command with its arguments, and the table of exit codes."""
    lines = ["# Command line", "", NOTE, ""]
    group = typer.main.get_command(app)
    for name, command in every_command(group):
        lines += [f"## expunge {name}", "", str(command.help).strip(), "", "| argument | meaning |", "| --- | --- |"]
        for parameter in command.params:
            is_option = parameter.param_type_name == "option"
            called = ", ".join(f"`{o}`" for o in parameter.opts) if is_option else f"`{parameter.name.upper()}`"
            needed = " Required." if parameter.required else ""
            default = parameter.default
            shown = f" Default: `{default}`." if is_option and isinstance(default, (str, Path)) and str(default) else ""
            lines.append(f"| {called} | {str(parameter.help or '').strip()}{needed}{shown} |")
        lines.append("")
    lines += ["## Exit codes", "", *NOTHING_HELD, "", "With the status of the [service](service.md) beside each.", ""]
    lines += ["| code | HTTP | name | meaning |", "| --- | --- | --- | --- |", "| 0 | 200 | | done |"]
    lines += ["| 1 | 500 | `error` | an unforeseen error |", "| 2 | 4XX | `usage` | a wrong command line or call |"]
    kinds = {kind.code: kind for kind in error_kinds()}
    for code, (number, status) in sorted(CODES.items(), key=lambda pair: (pair[1][0], pair[0])):
        first = (inspect.getdoc(kinds[code]) or "").splitlines()[0]
        lines.append(f"| {number} | {status} | `{code}` | {first} |")
    lines.append("| 130 | | `interrupted` | Ctrl-C; nothing is half done |")
    return "\n".join([*lines, ""])


def every_command(group: Any, before: str = "") -> list[tuple[str, Any]]:
    """Commands by their full names; of a group those in it."""
    out = []
    for name, command in sorted(group.commands.items()):
        out += (
            every_command(command, f"{before}{name} ") if hasattr(command, "commands") else [(before + name, command)]
        )
    return out


def error_kinds(parent: type[ExpungeError] = ExpungeError) -> list[type[ExpungeError]]:
    """All errors below one."""
    import expunge.contract  # noqa: F401 - defines an error of its own

    return [kind for child in parent.__subclasses__() for kind in (child, *error_kinds(child))]


def title_of(page: Path) -> str:
    """The heading of a page."""
    return page.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ")


def method_page() -> str:
    """The table of methods."""
    lines = ["# Methods", "", NOTE, "", "| `--method` | in Python | task | guarantee | forgets | learns more |"]
    lines.append("|" + " --- |" * 6)
    for method in list_methods():
        learns = "yes" if method.learns else "no"
        forgets = ", ".join(method.forgets)
        cells = [f"`{method.name}`", f"`expunge.{method.python}`", method.task, method.guarantee, forgets, learns]
        lines.append(f"| {' | '.join(cells)} |")
    links = [f"[{title_of(page)}](methods/{page.name})" for page in sorted((DOCS / "methods").glob("*.md"))]
    links += ["[transformers and pipelines](tables.md)", "[texts](text.md)", "[questions](questions.md)"]
    links += ["[recommenders](recommend.md)", "[anomalies](anomaly.md)"]
    lines += ["", f"Each has a page: {', '.join(links)}.", ""]
    lines += [
        "## Networks", "",
        "First those that are models as the others are ([in a workspace](networks-workspace.md), "
        "[over texts](language.md)), "
        "then what makes one forget that was trained already ([networks](networks.md)).", "",
    ]  # fmt: skip
    lines += ["| name | in Python | guarantee | forgets |", "|" + " --- |" * 4]
    for method in list_network_methods():
        cells = [f"`{method.name}`", f"`expunge.{method.python}`", method.guarantee, ", ".join(method.forgets)]
        lines.append(f"| {' | '.join(cells)} |")
    lines.append("")
    return "\n".join(lines)


PAGES = {"command-line.md": command_page, "methods.md": method_page}


def main() -> None:
    """Write the pages."""
    for name, make in PAGES.items():
        (DOCS / name).write_text(make(), encoding="utf-8")


if __name__ == "__main__":
    main()

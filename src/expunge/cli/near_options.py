"""Which option was meant by one that a command does not have: by the word, or by the letters."""

from __future__ import annotations

from typing import Any

from expunge.near_names import did_you_mean

__all__ = ["near_option"]

#: Words that people try, and the options that are meant by them; the first that the command has is proposed.
_MEANT = {
    ("client", "customer", "customers", "people", "person", "persons", "subject-id", "user", "users"):
        ("--subject", "--subject-id"),
    ("id", "ids", "record-id", "records", "row", "rows"): ("--record", "--record-id"),
    ("classes", "label", "labels", "y"): ("--class", "--target"),
    ("column", "features", "field"): ("--feature", "--columns"),
    ("csv", "dataset", "file", "input", "table"): ("--data", "--from", "--ids-from"),
    ("dest", "o", "output", "save", "to"): ("--out", "--report", "--html", "--plot", "--picture"),
    ("f", "overwrite", "replace", "yes"): ("--force",),
    ("dir", "directory", "folder", "project"): ("--workspace",),
    ("sep", "separator"): ("--delimiter",),
    ("algorithm",): ("--method",),
    ("arg", "param", "params", "parameter"): ("--option",),
    ("public-key", "pubkey"): ("--key",),
    ("because", "why"): ("--reason",),
    ("n-jobs", "processes", "workers"): ("--jobs",),
    ("format",): ("--json",),
}  # fmt: skip
#: Two options are alike from here on, dashes and all: --person and --json are not.
_ALIKE = 0.75


def near_option(context: Any, given: str) -> str:
    """A hint for an option that a command does not have: another of its own, or where they stand.

    Parameters
    ----------
    context : typer.Context
        Of the command.
    given : str
        With its dashes.
    """
    known = [option for one in context.command.params for option in one.opts if option.startswith("--")]
    word = given.lstrip("-").lower().replace("_", "-")
    meant = next((options for words, options in _MEANT.items() if word in words), ())
    if has := next((option for option in meant if option in known), None):
        return f"Did you mean {has}?"
    return did_you_mean(given, known, otherwise="See --help.", cutoff=_ALIKE)

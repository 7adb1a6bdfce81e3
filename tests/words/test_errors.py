"""The tree of errors: one parent, a familiar builtin, a code in the table, a sentence that survives."""

from __future__ import annotations

import pickle

import pytest

import expunge.contract
import expunge.files.archive
from expunge import errors


def kinds(parent: type = errors.ExpungeError) -> list[type]:
    return [kind for child in parent.__subclasses__() for kind in (child, *kinds(child))]


@pytest.mark.parametrize("kind", sorted(set(kinds()), key=lambda k: k.__name__), ids=lambda k: k.__name__)
def test_each_error(kind: type) -> None:
    error = kind("No record 'a'.", hint="Look again.")
    assert str(error) == "No record 'a'. Look again."
    assert errors.EXIT_CODES[kind.code] == errors.exit_code(error) > 2
    builtin = {b.__name__ for b in kind.__mro__ if b.__module__ == "builtins"} - {
        "object",
        "Exception",
        "BaseException",
    }
    assert builtin, "an ordinary except clause must catch it"
    copy = pickle.loads(pickle.dumps(error))
    assert (str(copy), copy.hint, type(copy)) == (str(error), error.hint, kind)


def test_codes_are_unique_and_the_tree_is_drawn() -> None:
    found = sorted(set(kinds()), key=lambda k: k.__name__)
    assert len({kind.code for kind in found}) == len(found)
    assert {kind.code for kind in found} == set(errors.EXIT_CODES)
    drawn = errors.__doc__ or ""
    assert [kind.__name__ for kind in found if kind.__name__ not in drawn] == []


def test_an_unforeseen_error_exits_with_one() -> None:
    assert errors.exit_code(RuntimeError("x")) == 1
    assert errors.http_status(RuntimeError("x")) == 500


def test_every_code_has_a_status_of_an_error() -> None:
    assert {status for _, status in errors.CODES.values()} <= {404, 409, 410, 422, 500, 501}
    assert errors.http_status(errors.WorkspaceBusyError("x")) == 409


def test_dormant_is_what_scikit_learn_calls_not_fitted() -> None:
    from sklearn.exceptions import NotFittedError

    assert issubclass(expunge.contract.DormantModelError, NotFittedError)
    assert issubclass(expunge.files.archive.FileNotUsableError, OSError)

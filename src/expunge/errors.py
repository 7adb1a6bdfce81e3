"""Every error of the library, for people who catch them and for people who read them.

The tree (each also inherits the builtin in brackets, so that ordinary ``except`` clauses work)::

    ExpungeError
    ├── InvalidRequestError        (ValueError)           a request that makes no sense as written
    │   ├── UnknownRecordError     (KeyError)             an id the model does not know, or no longer knows
    │   ├── DuplicateRecordError                          one id named twice, or learned twice
    │   ├── UnsupportedRequestError (NotImplementedError) this method cannot serve it; the hint names one that can
    │   └── UnknownNameError       (KeyError)             no data set, model or request of that name in a workspace
    ├── InvalidIdError             (TypeError)            an id of the wrong type
    ├── InvalidDataError           (ValueError)           rows or targets no method can take
    │   ├── InvalidDataTypeError   (TypeError)            rows or targets of a type nothing is learned from
    │   ├── OutOfRangeError                               a value outside the fixed-point range
    │   ├── ForgottenBeforeError                          a record or person that was forgotten, back in new data
    │   └── SourceChangedError                            data that is only referred to, and is no longer what it was
    ├── InvalidParameterError      (ValueError)           a constructor argument
    ├── UnsupportedEstimatorError  (TypeError)            a third-party estimator we cannot encode, continue or store
    ├── TamperedError              (ValueError)           a file that is not what was written
    │   └── NewerFormatError                              a file from a later version
    ├── BudgetExhaustedError       (RuntimeError)         a privacy budget that does not afford what is asked
    ├── LimitBrokenError           (RuntimeError)         a network moved further than its limits allow
    ├── WorkspaceBusyError         (RuntimeError)         another process changes the workspace
    ├── UnknownMethodError         (LookupError)          a name that is in no table
    ├── MissingExtraError          (ImportError)          an optional dependency that is not installed
    ├── FileNotUsableError         (OSError)              a file that is missing or cannot be read or written
    ├── ShreddedKeyError           (LookupError)          a key that was destroyed: what hung on it is unlinked for good
    ├── CheckFailedError           (AssertionError)       a method that does not keep the contract
    ├── CellFailedError            (RuntimeError)         a cell of the laboratory that could not be run
    │   ├── CellOverLimitError                            one that took more time or memory than it may
    │   └── PeekedError                                   a method that looked at data it must not see
    ├── NotReproducedError         (RuntimeError)         a cell that gives other scores than it gave
    └── DormantModelError          (NotFittedError)       nothing is left to predict from; in ``contract.py``

A message says what, which value, and what to do. ``code`` is stable and short; ``hint`` is the "what to do" alone.
:data:`CODES` is the one table from errors to exit codes of the command line and HTTP statuses of the service.
"""

from __future__ import annotations

from typing import ClassVar

__all__ = [
    "CODES",
    "EXIT_CODES",
    "BudgetExhaustedError",
    "CellFailedError",
    "CellOverLimitError",
    "CheckFailedError",
    "DuplicateRecordError",
    "ExpungeError",
    "FileNotUsableError",
    "ForgottenBeforeError",
    "InvalidDataError",
    "InvalidDataTypeError",
    "InvalidIdError",
    "InvalidParameterError",
    "InvalidRequestError",
    "LimitBrokenError",
    "MissingExtraError",
    "NewerFormatError",
    "NotReproducedError",
    "OutOfRangeError",
    "PeekedError",
    "ShreddedKeyError",
    "SourceChangedError",
    "TamperedError",
    "UnknownMethodError",
    "UnknownNameError",
    "UnknownRecordError",
    "UnsupportedEstimatorError",
    "UnsupportedRequestError",
    "WorkspaceBusyError",
    "exit_code",
    "http_status",
]


class ExpungeError(Exception):
    """Parent of every error of this library.

    Parameters
    ----------
    message : str
        One sentence: what is wrong and with which value.
    hint : str, optional
        What to do about it. It is appended to the message.
    """

    code: ClassVar[str] = "error"

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(f"{message} {hint}".rstrip())
        self.message = message
        self.hint = hint

    def __str__(self) -> str:  # KeyError would print the repr of its argument
        return f"{self.message} {self.hint}".rstrip()

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.message, self.hint)


def _rebuild(kind: type[ExpungeError], message: str, hint: str) -> ExpungeError:
    return kind(message, hint=hint)


class InvalidRequestError(ExpungeError, ValueError):
    """A request that makes no sense as written."""

    code = "invalid-request"


class UnknownRecordError(InvalidRequestError, KeyError):
    """An id that the model does not know: it was never learned, or it is forgotten already."""

    code = "unknown-record"


class DuplicateRecordError(InvalidRequestError):
    """One id named twice in a request, or learned a second time."""

    code = "duplicate-record"


class UnsupportedRequestError(InvalidRequestError, NotImplementedError):
    """The method cannot serve this request; the hint names one that can."""

    code = "unsupported-request"


class UnknownNameError(InvalidRequestError, KeyError):
    """A data set, model, request or receipt that the workspace does not have."""

    code = "unknown-name"


class InvalidIdError(ExpungeError, TypeError):
    """An id that is neither an integer nor a text, or a mix of both."""

    code = "invalid-id"


class InvalidDataError(ExpungeError, ValueError):
    """Rows or targets that the method cannot take."""

    code = "invalid-data"


class InvalidDataTypeError(InvalidDataError, TypeError):
    """Rows or targets of a type that nothing is learned from."""

    code = "invalid-data-type"


class OutOfRangeError(InvalidDataError):
    """A value outside the range of the fixed-point numbers that keep sums exact."""

    code = "out-of-range"


class ForgottenBeforeError(InvalidDataError):
    """A record or subject that was forgotten stands in data that comes in again."""

    code = "forgotten-before"


class SourceChangedError(InvalidDataError):
    """Data that a workspace only refers to is no longer what it was."""

    code = "source-changed"


class InvalidParameterError(ExpungeError, ValueError):
    """A constructor argument that is not of the documented form."""

    code = "invalid-parameter"


class UnsupportedEstimatorError(ExpungeError, TypeError):
    """A third-party estimator that cannot be encoded, continued or stored."""

    code = "unsupported-estimator"


class TamperedError(ExpungeError, ValueError):
    """A file whose bytes are not those that were written."""

    code = "tampered"


class NewerFormatError(TamperedError):
    """A file written by a later version of the library."""

    code = "newer-format"


class BudgetExhaustedError(ExpungeError, RuntimeError):
    """A privacy budget that does not afford what is asked."""

    code = "budget-exhausted"


class LimitBrokenError(ExpungeError, RuntimeError):
    """To forget would have moved a network further than its limits allow; the model is untouched."""

    code = "limit-broken"


class WorkspaceBusyError(ExpungeError, RuntimeError):
    """Another process is changing the workspace."""

    code = "workspace-busy"


class UnknownMethodError(ExpungeError, LookupError):
    """A method name that is in no table."""

    code = "unknown-method"


class MissingExtraError(ExpungeError, ImportError):
    """An optional dependency that is not installed."""

    code = "missing-extra"


class FileNotUsableError(ExpungeError, OSError):
    """A file or folder that is missing, or that cannot be read or written."""

    code = "file-not-usable"


class ShreddedKeyError(ExpungeError, LookupError):
    """A key that was destroyed on purpose, so that nothing made with it can be linked to anybody."""

    code = "key-shredded"


class CheckFailedError(ExpungeError, AssertionError):
    """A method that does not keep the contract, found by :mod:`expunge.checks`."""

    code = "check-failed"


class CellFailedError(ExpungeError, RuntimeError):
    """A cell of the laboratory that could not be run."""

    code = "cell-failed"


class CellOverLimitError(CellFailedError):
    """A cell of the laboratory that took more time or memory than it may."""

    code = "cell-over-limit"


class PeekedError(CellFailedError):
    """A method that looked at data it must not see while it forgets."""

    code = "peeked"


class NotReproducedError(ExpungeError, RuntimeError):
    """A cell of the laboratory that gives other scores than those that were written down."""

    code = "not-reproduced"


#: Of each error code: the exit code of the command line, and the HTTP status of the service. Exit code 0 is success,
#: 1 an unforeseen error, 2 a wrong command line. A status below 500 is for the caller to mend, or to wait for.
CODES: dict[str, tuple[int, int]] = {
    "invalid-request": (3, 422),
    "unknown-record": (4, 404),
    "duplicate-record": (5, 409),
    "unsupported-request": (6, 422),
    "invalid-id": (7, 422),
    "invalid-data": (8, 422),
    "invalid-data-type": (8, 422),
    "out-of-range": (8, 422),
    "invalid-parameter": (9, 422),
    "unsupported-estimator": (10, 422),
    "tampered": (11, 500),
    "newer-format": (12, 500),
    "unknown-method": (13, 422),
    "missing-extra": (14, 501),
    "dormant-model": (15, 409),
    "file-not-usable": (16, 500),
    "check-failed": (17, 500),
    "key-shredded": (18, 410),
    "unknown-name": (19, 404),
    "forgotten-before": (20, 409),
    "source-changed": (21, 409),
    "workspace-busy": (22, 409),
    "budget-exhausted": (23, 409),
    "limit-broken": (24, 409),
    "cell-failed": (30, 500),
    "cell-over-limit": (31, 500),
    "peeked": (32, 500),
    "not-reproduced": (33, 500),
}

#: Exit code of the command line for each error code.
EXIT_CODES: dict[str, int] = {code: numbers[0] for code, numbers in CODES.items()}


def exit_code(error: BaseException) -> int:
    """Exit code of the command line for an error.

    Examples
    --------
    >>> exit_code(UnknownRecordError("No record 'a'."))
    4
    """
    return EXIT_CODES.get(getattr(error, "code", ""), 1)


def http_status(error: BaseException) -> int:
    """HTTP status of the service for an error.

    Examples
    --------
    >>> http_status(UnknownRecordError("No record 'a'.")), http_status(RuntimeError("a bug"))
    (404, 500)
    """
    return CODES.get(getattr(error, "code", ""), (1, 500))[1]

"""Numbers of differential privacy, refused with the reason where they promise nothing."""

from __future__ import annotations

from expunge.arguments import check_number
from expunge.errors import InvalidParameterError, NewerFormatError

__all__ = ["POLICIES", "check_delta", "check_epsilon", "check_schema"]

#: What a method may do when its budget is spent.
POLICIES = ("retrain", "refuse")


def check_epsilon(value: object) -> float:
    """An epsilon above zero; at zero nothing may be learned, and below it nothing is said.

    Raises
    ------
    InvalidParameterError
        It is no number above 0.
    """
    return check_number("epsilon", value, open_low=True)


def check_delta(value: object, *, n: int | None = None, allow_large_delta: bool = False) -> float:
    """A delta in (0, 1), and at most 1/n unless allowed in words.

    Parameters
    ----------
    value : float
    n : int, optional
        Number of records. A delta above 1/n would allow a mechanism that publishes a random record.
    allow_large_delta : bool

    Raises
    ------
    InvalidParameterError
        It is outside (0, 1), or above 1/n and not allowed.
    """
    delta = check_number("delta", value, high=1.0, open_low=True, open_high=True)
    if n and delta > 1 / n and not allow_large_delta:
        raise InvalidParameterError(
            f"delta = {delta:g} is above 1/n = {1 / n:.3g}: publishing one record at random keeps that.",
            hint="Choose a smaller delta, or pass allow_large_delta=True; the guarantee then says so.",
        )
    return delta


def check_schema(schema: object, newest: int) -> None:
    """Refuse plain data that is no odometer, or one that a later version wrote.

    Raises
    ------
    InvalidParameterError
        It is no schema number.
    NewerFormatError
        A later version wrote it.
    """
    if not isinstance(schema, int) or isinstance(schema, bool) or schema < 1:
        raise InvalidParameterError(f"This is no odometer: its schema is {schema!r}.")
    if schema > newest:
        raise NewerFormatError(f"This odometer has schema {schema}.", hint="Update expunge.")

"""The extra ``torch`` where it is absent: one friendly sentence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from expunge.errors import MissingExtraError

__all__ = ["needs_torch"]


@contextmanager
def needs_torch(what: str = "Networks need", *, extra: str = "torch") -> Iterator[None]:
    """Around an import of torch, or of a module of ours that imports it.

    Parameters
    ----------
    what : str
        Who needs it, with the verb.
    extra : str
        What is to be installed.

    Raises
    ------
    MissingExtraError
        It is not installed.

    Examples
    --------
    >>> with needs_torch():
    ...     import a_module_that_is_not_there
    Traceback (most recent call last):
        ...
    expunge.errors.MissingExtraError: Networks need torch. Install it with: pip install 'expunge[torch]'.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise MissingExtraError(f"{what} torch.", hint=f"Install it with: pip install 'expunge[{extra}]'.") from error

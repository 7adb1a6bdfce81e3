"""Constructor arguments that all certified linear models have."""

from __future__ import annotations

from typing import Any

from expunge.arguments import check_flag, check_scale
from expunge.privacy.arguments import check_delta, check_epsilon
from expunge.seeds import check_seed

__all__ = ["check_claim"]


def check_claim(model: Any, *, positive: tuple[str, ...]) -> None:
    """Refuse constructor arguments that are not of the documented form.

    Parameters
    ----------
    model : Unlearner
        With ``epsilon``, ``delta``, ``noise_seed`` and three flags.
    positive : tuple of str
        Names of the arguments that are numbers above 0, and whose squares are none of the ends of a float.

    Raises
    ------
    InvalidParameterError
        One is not; it is named.
    """
    for name in positive:
        check_scale(name, getattr(model, name))
    check_epsilon(model.epsilon)
    check_delta(model.delta)
    for name in ("clip", "fit_intercept", "allow_large_delta"):
        check_flag(name, getattr(model, name))
    if model.noise_seed is not None:
        check_seed(model.noise_seed)

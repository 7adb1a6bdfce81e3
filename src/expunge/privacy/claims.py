"""What methods with an epsilon and a delta say alike: assumptions in words, and a delta that is large."""

from __future__ import annotations

from sklearn.utils import Tags

__all__ = [
    "BUDGET_SPENT",
    "HIDES_NO_MORE",
    "LARGE_DELTA",
    "NEIGHBOURS",
    "about_large_delta",
    "about_loss",
    "about_noise",
    "about_rows",
    "tagged",
]


#: Of a delta above 1/n.
LARGE_DELTA = "delta is above 1/n, as was allowed"

#: Notes of a removal that a model under differential privacy answers by a new fit.
HIDES_NO_MORE = "more records were gone than the noise hides: trained again on what is left"
BUDGET_SPENT = "the budget was spent: trained again on what is left"

#: What the two models that are compared differ in.
NEIGHBOURS = "neighbours differ in records that are there or not: those that were forgotten"


def tagged(tags: Tags, noise_seed: int | None) -> Tags:
    """Tags that say whether two fits differ: they do without a seed."""
    tags.non_deterministic = noise_seed is None
    return tags


def about_noise(noise_seed: int | None) -> str:
    """Where the noise comes from.

    Examples
    --------
    >>> about_noise(None)
    'drawn from the operating system and kept secret'
    """
    if noise_seed is None:
        return "drawn from the operating system and kept secret"
    return "drawn from a seed: it hides nothing from whoever knows the seed"


def about_rows(norm_bound: float, *, clip: bool) -> str:
    """How long rows are.

    Examples
    --------
    >>> about_rows(6.0, clip=False)
    'no row is longer than norm_bound = 6: checked, record by record'
    """
    kept = "shortened record by record" if clip else "checked, record by record"
    return f"no row is longer than norm_bound = {norm_bound:g}: {kept}"


def about_loss(name: str, alpha: float) -> str:
    """The constants of the objective that a certificate is made of.

    Examples
    --------
    >>> about_loss("squared", 2.0)
    'the loss is squared: curvature 1, third derivative 0; its penalty is alpha = 2'
    """
    known = {
        "logistic": "slope up to 1, curvature up to 1/4, third derivative up to the curvature",
        "squared": "curvature 1, third derivative 0",
    }
    return f"the loss is {name}: {known[name]}; its penalty is alpha = {alpha:g}"


def about_large_delta(delta: float, n: int, *, allowed: bool) -> str:
    """What a statement ends with where delta is above 1/n.

    Examples
    --------
    >>> about_large_delta(0.1, 50, allowed=True), about_large_delta(1e-5, 50, allowed=True)
    (' (delta is above 1/n, as was allowed)', '')
    """
    return f" ({LARGE_DELTA})" if allowed and delta * max(1, n) > 1 else ""

"""How good lists of recommendations are, for each user and for each group of users: lists in, numbers out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from expunge.errors import InvalidDataError

__all__ = ["by_group", "ranking"]


def ranking(told: Any, held_out: Any, *, k: int = 10) -> Any:
    """NDCG, recall and reciprocal rank of the first k recommendations of each user, from 0 to 1.

    Parameters
    ----------
    told : DataFrame
        Columns ``user`` and ``item``, the best item of each user first, as ``recommend`` gives them.
    held_out : DataFrame
        Columns ``user`` and ``item``: what users had to do with that the model did not see.
    k : int, default=10
        Recommendations that count.

    Returns
    -------
    DataFrame
        A line for each user with held-out items, in their order: ``ndcg``, ``recall`` and ``mrr``. A user who was told
        nothing has 0 in all; ``.mean()`` is the usual figure.

    Raises
    ------
    InvalidDataError
        A column is missing, or nothing was held out.

    Notes
    -----
    NDCG is Σ 1/log₂(r + 1) over the ranks r of hits, divided by the same sum over the ranks 1..min(k, held out). Recall
    is hits divided by held-out items, all of them; so it may be below 1 for the best list. An item that was held out
    twice counts once.

    References
    ----------
    K. Järvelin, J. Kekäläinen, "Cumulated gain-based evaluation of IR techniques", ACM Transactions on Information
    Systems 20, 2002, section 2.2, with gains of zero and one.

    Examples
    --------
    >>> import pandas as pd
    >>> told = pd.DataFrame({"user": ["ann", "ann", "ben"], "item": ["tea", "jam", "pie"]})
    >>> held_out = pd.DataFrame({"user": ["ann", "ben"], "item": ["jam", "tea"]})
    >>> ranking(told, held_out, k=2).round(3).to_dict("list")
    {'ndcg': [0.631, 0.0], 'recall': [1.0, 0.0], 'mrr': [0.5, 0.0]}
    """
    import pandas as pd

    for name, frame in (("told", told), ("held_out", held_out)):
        if not {"user", "item"} <= set(getattr(frame, "columns", ())):
            raise InvalidDataError(f"{name} needs the columns user and item.", hint="Give a frame.")
    wanted = held_out[["user", "item"]].drop_duplicates()
    if not len(wanted):
        raise InvalidDataError("Nothing was held out.", hint="Split the interactions before the fit.")
    first = told[["user", "item"]].assign(rank=told.groupby("user", sort=False).cumcount() + 1)
    hits = first[first["rank"] <= k].merge(wanted, on=["user", "item"])
    users = pd.Index(wanted["user"].unique(), name="user")
    n_wanted = wanted.groupby("user").size().reindex(users)
    gains = np.cumsum(1.0 / np.log2(np.arange(2, k + 2)))
    gain = (1.0 / np.log2(hits["rank"] + 1)).groupby(hits["user"]).sum().reindex(users, fill_value=0.0)
    found = hits.groupby("user").size().reindex(users, fill_value=0)
    best = (1.0 / hits.groupby("user")["rank"].min()).reindex(users, fill_value=0.0)
    ideal = gains[np.minimum(n_wanted.to_numpy(), k) - 1]
    return pd.DataFrame({"ndcg": gain / ideal, "recall": found / n_wanted, "mrr": best})


def by_group(quality: Any, groups: Mapping[Any, Any]) -> Any:
    """How good the lists are for each group of users, and how far a group is from the rest.

    Parameters
    ----------
    quality : DataFrame
        As :func:`ranking` gives it.
    groups : mapping or Series of user to group
        Users without a group are left out.

    Returns
    -------
    DataFrame
        A line for each group: ``users``, the mean of each measure, and under ``gap_`` with its name that mean less the
        one of all other users, with half of a 95 % interval under ``half_`` with its name. A gap beyond that is more
        than chance explains; with several groups one in twenty is beyond it by chance.

    Notes
    -----
    Welch's interval from the means and variances of two samples; NaN where a sample has one user.

    Examples
    --------
    >>> import pandas as pd
    >>> quality = pd.DataFrame({"ndcg": [0.5, 0.7, 0.2, 0.4]}, index=["a", "b", "c", "d"])
    >>> by_group(quality, {"a": "f", "b": "f", "c": "m", "d": "m"}).round(2).to_dict("list")
    {'users': [2, 2], 'ndcg': [0.6, 0.3], 'gap_ndcg': [0.3, -0.3], 'half_ndcg': [0.28, 0.28]}
    """
    import pandas as pd

    group = pd.Series({user: groups[user] for user in quality.index if user in groups}, dtype=object)
    held, lines = quality.loc[group.index], {}
    for name in sorted(group.unique(), key=str):
        mine, rest = held[group == name], held[group != name]
        line: dict[str, Any] = {"users": len(mine)}
        for measure in quality.columns:
            spread = mine[measure].var() / len(mine) + (rest[measure].var() / len(rest) if len(rest) else np.nan)
            line[measure] = mine[measure].mean()
            line[f"gap_{measure}"] = mine[measure].mean() - rest[measure].mean()
            line[f"half_{measure}"] = 1.96 * np.sqrt(spread)
        lines[name] = line
    return pd.DataFrame.from_dict(lines, orient="index")

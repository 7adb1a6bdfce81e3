"""What a request names, as plain values: ids, labels and columns, and the numbers of requests themselves."""

from __future__ import annotations

import math
from numbers import Integral
from typing import Any

import numpy as np

from expunge.errors import InvalidRequestError, UnknownNameError
from expunge.table.ids import check_ids, check_labels
from expunge.workspace.rules.near_ids import refuse_no_ids

__all__ = ["named_values", "numbered"]


def named_values(kind: str, values: Any) -> list[Any]:
    """Ids, labels or names of columns as plain texts and numbers; one alone is one, and a text is never taken apart.

    Raises
    ------
    InvalidIdError
        No ids, integers beside texts, an empty id, or signs that a terminal could not read.
    InvalidRequestError
        What can be no label or name.
    """
    if kind not in ("class", "feature"):
        ids: list[Any] = check_ids(values, what=f"{kind}s").tolist()
        refuse_no_ids("record" if kind == "rectify" else kind, ids)
        return ids
    plain = [one.item() if isinstance(one, np.generic) else one for one in check_labels(values)]
    for one in plain:
        is_finite = isinstance(one, int) or (isinstance(one, float) and math.isfinite(one))
        if not isinstance(one, str) and (kind == "feature" or not is_finite):
            what = "label" if kind == "class" else "name of a column"
            raise InvalidRequestError(f"{one!r} is no {what}.", hint="Name it as the table has it.")
    return [str(one) if isinstance(one, str) else one for one in plain]


def numbered(number: Any) -> int:
    """What can be the number of a request.

    Raises
    ------
    UnknownNameError
        It cannot.
    """
    if isinstance(number, Integral) and not isinstance(number, bool) and abs(int(number)) < 2**63:
        return int(number)
    raise UnknownNameError(f"There is no request {number!r}.", hint="See `expunge request list`.")

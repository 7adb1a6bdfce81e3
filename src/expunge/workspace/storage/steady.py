"""Looking while others change: what a look reads may be replaced, and deleted, before it is through."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar, cast

import sqlalchemy as sa

from expunge.errors import TamperedError
from expunge.workspace.database.statements import Prepared
from expunge.workspace.database.tables import model_versions, versions
from expunge.workspace.storage.core import Core

__all__ = ["steady"]

#: Who changes all the time would keep a look from ever ending.
_MOST = 5

_VERSIONS = Prepared(
    sa.select(
        *(
            sa.select(what).scalar_subquery()
            for table in (versions, model_versions)
            for what in (sa.func.count(table.c.id), sa.func.max(table.c.id))
        )
    )
)


Verb = TypeVar("Verb", bound=Callable[..., Any])


def steady(look: Verb) -> Verb:
    """Have a verb of the facade that looks do so again, if what it read was replaced meanwhile.

    A chunk that is not there was changed by somebody, or it belonged to a version that is no more: the second, if there
    are other versions now than there were before.
    """

    @functools.wraps(look)
    def looked(self: Any, *args: Any, **kwargs: Any) -> Any:
        for _ in range(_MOST):
            before = _versions(self._core)
            try:
                return look(self, *args, **kwargs)
            except TamperedError:
                if _versions(self._core) == before:
                    raise
        return look(self, *args, **kwargs)

    return cast(Verb, looked)


def _versions(core: Core) -> tuple[Any, ...]:
    with core.read() as connection:
        return _VERSIONS.all(connection)[0]

"""Named steps of a pipeline or column transformer as constructor arguments: checked, listed, set by name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from expunge.contract import Unlearner
from expunge.errors import InvalidParameterError
from expunge.methods.preprocessing.columnwise import ColumnFront, ColumnTransform

__all__ = ["NamedSteps", "chain_of", "check_names", "check_step"]


class NamedSteps:
    """For estimators with a list of tuples (name, estimator, ...) in ``_named``: ``name__argument`` works."""

    _named: str

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Constructor arguments; with ``deep`` also the steps by name, and theirs as ``name__argument``."""
        own: dict[str, Any] = super().get_params(deep=False)  # type: ignore[misc]
        if not deep:
            return own
        out = dict(own)
        steps = own[self._named]
        for step in steps if isinstance(steps, (list, tuple)) else ():
            if not (isinstance(step, tuple) and len(step) > 1 and isinstance(step[0], str)):
                continue
            out[step[0]] = step[1]
            if hasattr(step[1], "get_params") and not isinstance(step[1], type):
                out.update({f"{step[0]}__{name}": value for name, value in step[1].get_params(deep=True).items()})
        return out

    def set_params(self, **params: Any) -> Any:
        """Set constructor arguments, steps by name, or arguments of steps as ``name__argument``.

        Returns
        -------
        self

        Raises
        ------
        InvalidParameterError
            There is no such argument, and no such step.
        """
        own = self.get_params(deep=False)
        for name in [name for name in params if name in own]:
            setattr(self, name, params.pop(name))
        steps = list(getattr(self, self._named)) if params else []
        at = {step[0]: i for i, step in enumerate(steps)}
        for name, value in params.items():
            head, _, tail = name.partition("__")
            if head not in at:
                raise InvalidParameterError(
                    f"Invalid parameter {head!r} for estimator {type(self).__name__}.",
                    hint=f"Valid parameters are: {sorted([*own, *at])!r}.",
                )
            step = steps[at[head]]
            if tail:
                step[1].set_params(**{tail: value})
            else:
                steps[at[head]] = (step[0], value, *step[2:])
        if params:
            setattr(self, self._named, steps)
        return self


def check_names(names: Iterable[Any]) -> None:
    """Refuse names of steps that are not unique texts without two underscores.

    Raises
    ------
    InvalidParameterError
        A name is no plain text, or stands twice.
    """
    names = list(names)
    for name in names:
        if not isinstance(name, str) or not name or "__" in name or "/" in name:
            raise InvalidParameterError(f"A step cannot be named {name!r}.", hint="Use a text without '__' and '/'.")
    if len(set(names)) < len(names):
        raise InvalidParameterError(f"Two steps have one name: {names!r}.")


def check_step(name: str, step: Any) -> None:
    """Refuse a step that cannot forget.

    Raises
    ------
    InvalidParameterError
        The step is no estimator, or one that cannot forget.
    """
    if isinstance(step, type) or not hasattr(step, "get_params"):
        raise InvalidParameterError(f"Step {name!r} is {step!r}.", hint="Give an estimator, or 'passthrough'.")
    if not isinstance(step, Unlearner):
        kind = type(step).__name__
        raise InvalidParameterError(
            f"Step {name!r} is a {kind} that cannot forget.",
            hint="Use expunge's own, or train the whole pipeline again in parts: "
            "SISAClassifier(sklearn.pipeline.make_pipeline(...)).",
        )
    step._check_params()


def chain_of(name: str, step: Any) -> list[tuple[str, ColumnTransform]]:
    """The transformers of single columns that a step consists of, with paths; another step is refused.

    Raises
    ------
    InvalidParameterError
        A step does not work column by column.
    """
    if step == "passthrough":
        return []
    if isinstance(step, ColumnTransform):
        return [(name, step)]
    inner = getattr(step, "steps", None)
    if inner is not None and not isinstance(step, ColumnFront):
        return [link for own, one in inner for link in chain_of(f"{name}.{own}", one)]
    raise InvalidParameterError(
        f"Step {name!r} is a {type(step).__name__}, which does not work column by column.",
        hint="Put it behind the ColumnTransformer, as a later step of a Pipeline.",
    )

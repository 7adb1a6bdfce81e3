"""The steps behind the transformers of single columns, as a solved pipeline knows them: asked, listed, named."""

from __future__ import annotations

from typing import Any

from expunge.contract import Unlearner
from expunge.methods.pipeline.stages import Before, as_taken, below, outputs_of, stage, width_of
from expunge.state import Change, Part

__all__ = ["asked_of", "names_behind", "slept", "steps_behind", "weaker_step"]

Steps = list[tuple[str, Any]]


def asked_of(steps: Steps, solution: Part, method: str, Z: Any, *arguments: Any) -> Any:
    """What the last step says about rows, after they went through the others; the rows where there is no step."""
    for name, step in steps[:-1]:
        Z = stage(step, width_of(Z), solution=below(name, solution)).transform(as_taken(step, Z))
    if not steps:
        return Z
    name, step = steps[-1]
    last = stage(step, width_of(Z), solution=below(name, solution))
    return getattr(last, method)(as_taken(step, Z), *arguments)


def steps_behind(steps: Steps, solution: Part, width: int) -> dict[str, Any]:
    """The steps as fitted models that know no record; the first one is given rows of this width."""
    out = {}
    for name, step in steps:
        own = below(name, solution)
        out[name] = stage(step, width, solution=own)
        width = outputs_of(step, width, own) if hasattr(step, "transform") else width
    return out


def weaker_step(pipeline: Any) -> Unlearner | None:
    """The last step of a fitted pipeline as a model of its own, if it promises less than equality; else None."""
    name, last = pipeline.steps[-1]
    if last._strongest == "exact":
        return None
    own: Unlearner = stage(last, 1, rows=pipeline._rows(), parts=below(name, pipeline._state().parts))
    return own


def slept(pipeline: Any, change: Change) -> bool:
    """Whether a pipeline was dormant before a change that is on its way."""
    state = pipeline._fitted
    if state.is_solved:
        return state.solution is None
    return pipeline._solve(Before(change), change.parts) is None


def names_behind(steps: Steps, solution: Part, names: list[str]) -> list[str]:
    """Names of the outputs of the last step, from those of the columns that reach the first."""
    for name, step in steps:
        model = stage(step, len(names), solution=below(name, solution))
        names = [str(out) for out in model.get_feature_names_out(None)]
    return names

"""The columns a model begins with: chains of transformers side by side, solved from summaries and from nothing else."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from expunge.errors import InvalidDataError
from expunge.maths import exact
from expunge.methods.preprocessing.column_summary import Summary
from expunge.methods.preprocessing.column_tallies import Layout, column_tallies, summaries
from expunge.rows import Rows
from expunge.state import Change, Part
from expunge.table.column_values import column_count, column_values

__all__ = ["Branch", "Front", "form_of", "refuse_text", "side_by_side", "statistics_of"]

Chain = list[tuple[str, Any]]


@dataclasses.dataclass(frozen=True)
class Branch:
    """Some columns, and the transformers they go through in turn.

    Parameters
    ----------
    name : str
        Stands before the names of the outputs, unless empty.
    columns : callable or None
        From a table to the positions of the columns; None for all.
    chain : list of (str, ColumnTransform)
        Empty for columns that pass unchanged. The texts are unique in the front; statistics are kept under them.
    """

    name: str
    columns: Callable[[Any], list[int]] | None
    chain: Chain


class Front:
    """Branches side by side and, on what they give together, further transformers of columns.

    Parameters
    ----------
    branches : list of Branch
    then : list of (str, ColumnTransform)
    """

    def __init__(self, branches: list[Branch], then: Chain | None = None) -> None:
        self.branches, self.then = branches, then or []

    # ------------------------------------------------------------------ learning

    def update(self, change: Change) -> dict[str, Part | None]:
        """The tallies after a change."""
        return column_tallies(self._layout(form_of(change.rows)), change)

    def solve(self, form: Any, parts: Mapping[str, Part]) -> Part:
        """Statistics of all transformers.

        Parameters
        ----------
        form : array or frame without rows
            Of the form of the table; see :func:`form_of`.
        parts : mapping
            What :meth:`update` gave.

        Raises
        ------
        InvalidDataError
            A column that a transformer cannot learn from.
        """
        known = summaries(self._layout(form), parts)
        out: Part = {}
        flow: list[Summary] = []
        for k, branch in enumerate(self.branches):
            out[f"columns.{k}"] = positions = _columns(branch, form)
            if branch.chain or self.then:
                flow += _learned(branch.chain, [known[j] for j in positions], out, go_on=bool(self.then))
        _learned(self.then, flow, out, go_on=False)
        return out

    def resolved(self, form: Any) -> list[tuple[Branch, list[int]]]:
        """The branches with the positions of their columns in a table of this form."""
        return [(branch, _columns(branch, form)) for branch in self.branches]

    def _layout(self, form: Any) -> Layout:
        names = list(form.columns) if hasattr(form, "columns") else list(range(column_count(form)))
        moments: dict[int, float] = {}
        values: set[int] = set()
        for branch in self.branches:
            chain = [one for _, one in (*branch.chain, *self.then)]
            for j in _columns(branch, form) if chain else []:
                if any(one._reads_values for one in chain):
                    values.add(j)
                else:
                    unit = next((one.resolution for one in chain), exact.DEFAULT_RESOLUTION)
                    units = exact.check_resolution(unit, len(names)) if np.ndim(unit) else None
                    moments[j] = float(unit) if units is None else float(units[j])
        return Layout(names, {j: moments[j] for j in sorted(moments)}, sorted(values))

    # ------------------------------------------------------------------ transforming

    def transform(self, solution: Part, X: Any) -> Any:
        """Outputs of all branches side by side, through what comes then."""
        blocks, names = [], []
        labels = list(X.columns) if hasattr(X, "columns") else list(range(column_count(X)))
        for k, branch in enumerate(self.branches):
            positions = solution[f"columns.{k}"]
            if not positions:
                continue
            columns = [column_values(X, j) for j in positions]
            blocks.append(_passed(branch.chain, columns, [labels[j] for j in positions], solution))
            names += [""] * blocks[-1].shape[1]
        whole = side_by_side(blocks) if blocks else np.empty((len(X), 0))
        return _passed(self.then, _split(whole), names, solution) if self.then and names else whole

    def names_out(self, solution: Part, names: list[str]) -> list[str]:
        """Names of the outputs; a branch with a name puts it before."""
        out: list[str] = []
        for k, branch in enumerate(self.branches):
            own = [names[j] for j in solution[f"columns.{k}"]]
            for path, one in branch.chain:
                own = one._names(statistics_of(solution, path), own) if own else own
            out += [f"{branch.name}__{name}" for name in own] if branch.name else own
        for path, one in self.then:
            out = one._names(statistics_of(solution, path), out) if out else out
        return out

    def inverse(self, solution: Part, X: Any) -> Any:
        """The inverse of :meth:`transform` where there is one branch."""
        for path, one in reversed([*self.branches[0].chain, *self.then]):
            X = one._inverse(statistics_of(solution, path), X)
        return X


def form_of(rows: Rows) -> Any:
    """The table of a store, without its rows."""
    return rows.form()


def _columns(branch: Branch, form: Any) -> list[int]:
    return list(range(column_count(form))) if branch.columns is None else branch.columns(form)


def _learned(chain: Chain, flow: list[Summary], out: Part, *, go_on: bool) -> list[Summary]:
    """Statistics of a chain, put into ``out``; what is known of its outputs, if it goes on behind it."""
    for i, (path, one) in enumerate(chain):
        statistics = [one._learn_column(summary) for summary in flow]
        one._check_learned(statistics, [summary.name for summary in flow])
        out.update(_packed(path, statistics))
        if go_on or i + 1 < len(chain):
            flow = [s for stat, summary in zip(statistics, flow, strict=True) for s in one._pushed(stat, summary)]
    return flow


def _passed(chain: Chain, columns: list[npt.NDArray[Any]], names: list[Any], solution: Part) -> Any:
    block: Any = None
    for path, one in chain:
        if block is not None:
            columns = _split(block)
            names = [f"{i}" for i in range(len(columns))]
        if not columns:  # those that were left out come to nothing
            break
        block = one._outputs(statistics_of(solution, path), columns, names)
    return np.column_stack(columns) if block is None else block


def _split(block: Any) -> list[npt.NDArray[Any]]:
    block = block.toarray() if hasattr(block, "toarray") else block
    return [column_values(block, j) for j in range(block.shape[1])]


def side_by_side(blocks: list[Any]) -> Any:
    """Blocks of columns as one: CSR if one of them is sparse."""
    if any(hasattr(block, "tocsr") for block in blocks):
        from scipy import sparse

        return sparse.csr_matrix(sparse.hstack([sparse.csr_matrix(block) for block in blocks], format="csr"))
    if len(blocks) == 1:
        return blocks[0]
    if any(block.dtype == object for block in blocks):
        return np.hstack([block.astype(object) for block in blocks])
    return np.hstack(blocks)


def _packed(path: str, statistics: list[Part]) -> Part:
    """Statistics of the columns of a transformer as arrays and JSON, under names that begin with its path."""
    out: Part = {f"{path}/n": len(statistics)}
    for name in sorted({name for one in statistics for name in one}):
        values = [one[name] for one in statistics]
        if all(isinstance(value, float) for value in values):
            out[f"{path}/{name}"] = np.array(values)
        elif any(isinstance(value, np.ndarray) for value in values):
            out.update({f"{path}/{name}/{i:05d}": value for i, value in enumerate(values)})
        else:
            out[f"{path}/{name}"] = values
    return out


def statistics_of(solution: Part, path: str) -> list[Part]:
    """Statistics of each column of a transformer: the inverse of the packing."""
    out: list[Part] = [{} for _ in range(solution[f"{path}/n"])]
    for key, value in solution.items():
        if not key.startswith(f"{path}/") or key == f"{path}/n":
            continue
        name, _, number = key[len(path) + 1 :].partition("/")
        if number:
            out[int(number)][name] = value
            continue
        for one, item in zip(out, value.tolist() if isinstance(value, np.ndarray) else value, strict=True):
            one[name] = item
    return out


def refuse_text(summary: Summary, who: str) -> None:
    """Refuse a column of texts in the name of a transformer of numbers.

    Raises
    ------
    InvalidDataError
        The column holds texts.
    """
    if summary.is_text:
        raise InvalidDataError(
            f"{who} learns from numbers, and column {summary.name!r} holds texts.",
            hint="Encode it, with OneHotEncoder for example.",
        )

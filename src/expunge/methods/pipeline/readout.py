"""What linear transformers make of numbers, missing ones and categories: one matrix and a shift."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from expunge.methods.pipeline.joint_sums import JointSums
from expunge.methods.preprocessing.column_tallies import summaries_of_values
from expunge.methods.preprocessing.front import Branch, Front, statistics_of
from expunge.state import Part

__all__ = ["is_linear", "readout"]

Floats = npt.NDArray[np.float64]
Entries = tuple[list[Any], list[Any], list[Any], list[Any]]


def is_linear(front: Front) -> bool:
    """Whether all outputs are linear in numbers, in indicators of missing ones, and in those of categories."""

    def is_scale(one: Any) -> bool:
        return hasattr(one, "_affine") and not getattr(one, "clip", False)

    chains = [[one for _, one in branch.chain] for branch in front.branches]
    single = all(is_scale(one) or hasattr(one, "_filling") or one._labels for chain in chains for one in chain)
    return single and all(is_scale(one) for _, one in front.then)


def readout(front: Front, sums: JointSums, solution: Part, tallies: Mapping[str, Any]) -> tuple[Any, Floats]:
    """The matrix A, CSR of shape (outputs, length of b), and the shift: outputs are A b + shift."""
    from scipy import sparse

    rows: list[Any] = []
    columns: list[Any] = []
    values: list[Any] = []
    shift: list[Any] = []
    places = sums.places(tallies)
    for k, branch in enumerate(front.branches):
        positions = solution[f"columns.{k}"]
        entries = (rows, columns, values, shift)
        if any(one._labels for _, one in branch.chain):
            _of_labels(branch, positions, sums, solution, tallies, places, entries)
        else:
            _of_numbers(branch, positions, sums, solution, entries)
    n_outputs = sum(map(len, shift))
    width = sums.n_dense + sum(
        len(tallies[f"values/{j:05d}"]["values"]) + (tallies[f"values/{j:05d}"]["missing"] > 0) for j in sums.labels
    )
    at = tuple(np.concatenate([np.atleast_1d(x) for x in xs]) if xs else np.empty(0) for xs in (rows, columns, values))
    A = sparse.csr_array(
        (at[2].astype(np.float64), (at[0].astype(np.intp), at[1].astype(np.intp))), shape=(n_outputs, width)
    )
    b = np.concatenate(shift) if shift else np.empty(0)
    for path, one in front.then:
        scales = [one._affine(statistic) for statistic in statistics_of(solution, path)]
        factors, shifts = np.array([f for f, _ in scales]), np.array([s for _, s in scales])
        A, b = sparse.csr_array(sparse.diags_array(factors) @ A), factors * b + shifts
    return A, b


def _of_numbers(branch: Branch, positions: list[int], sums: JointSums, solution: Part, entries: Entries) -> None:
    rows, columns, values, shift = entries
    x_at = {j: k for k, j in enumerate(sums.numbers)}
    missing_at = {j: len(sums.numbers) + k for k, j in enumerate(sums.filled)}
    lines: list[tuple[int, float, float, float | None]] = [(j, 1.0, 0.0, None) for j in positions]
    for path, one in branch.chain:
        out = []
        for (j, factor, constant, fill), statistic in zip(lines, statistics_of(solution, path), strict=True):
            if hasattr(one, "_filling"):
                value = one._filling(statistic)
                if value is not None:
                    out.append((j, factor, constant, value if fill is None else fill))
                continue
            f, s = one._affine(statistic)
            out.append((j, factor * f, constant * f + s, None if fill is None else fill * f + s))
        lines = out
    start = sum(map(len, shift))
    lines = [(j, 0.0, 0.0, fill) if fill is not None and np.isnan(f) else (j, f, c, fill) for j, f, c, fill in lines]
    for i, (j, factor, constant, fill) in enumerate(lines, start=start):  # above: no record has a value there
        rows.append(i)
        columns.append(x_at[j])
        values.append(factor)
        if fill is not None:
            rows.append(i)
            columns.append(missing_at[j])
            values.append(fill - constant)
    shift.append(np.array([constant for _, _, constant, _ in lines]))


def _of_labels(
    branch: Branch, positions: list[int], sums: JointSums, solution: Part, tallies: Mapping[str, Any],
    places: Mapping[int, int], entries: Entries,
) -> None:  # fmt: skip
    rows, columns, values, shift = entries
    known = summaries_of_values(positions, sums.names, tallies)
    blocks: list[Any] = [known[j].column()[:, np.newaxis] for j in positions]
    for path, one in branch.chain:
        statistics, start = statistics_of(solution, path), 0
        for i, block in enumerate(blocks):
            width = block.shape[1]
            split = [block[:, k] for k in range(width)]
            if width:
                outputs = one._outputs(statistics[start : start + width], split, [""] * width)
                blocks[i] = outputs.toarray() if hasattr(outputs, "toarray") else outputs
            start += width
    start = sum(map(len, shift))
    for j, block in zip(positions, blocks, strict=True):
        table = np.asarray(block, dtype=np.float64)
        category, output = np.nonzero(table)
        rows.append(output + start)
        columns.append(category + places[j])
        values.append(table[category, output])
        shift.append(np.zeros(table.shape[1]))
        start += table.shape[1]

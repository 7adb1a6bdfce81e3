"""K-FAC and EK-FAC: the Fisher matrix of a network, a block for each layer, each block a product of two small matrices.

References
----------
J. Martens, R. Grosse, "Optimizing neural networks with Kronecker-factored approximate curvature", ICML 2015, arXiv
1503.05671, section 3; for convolutions R. Grosse, J. Martens, ICML 2016, arXiv 1602.01407, section 3. The corrected
eigenvalues: T. George, C. Laurent, X. Bouthillier, N. Ballas, P. Vincent, "Fast approximate natural gradient descent in
a Kronecker-factored eigenbasis", NeurIPS 2018, arXiv 1806.03884, the definition of EKFAC.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

import torch
from torch import nn

from expunge.maths.layers import Factors, LayerTape, rows_of_layer, split_rows, taped
from expunge.maths.vectors import Vector

__all__ = ["Kronecker", "kronecker_factors"]

#: Puts one batch through the model and returns the loss of each record, shape (b,).
Pass = Callable[[], torch.Tensor]


class _Block(NamedTuple):
    basis_in: torch.Tensor  # (d, d): eigenvectors of A
    basis_out: torch.Tensor  # (p, p): eigenvectors of G
    values: torch.Tensor  # (p, d): eigenvalues of the block in that basis


class Kronecker(NamedTuple):
    """The factored Fisher matrix of a model.

    Parameters
    ----------
    layers : mapping of str to Module
    blocks : mapping of str to factors
        Of the same names.
    """

    layers: Mapping[str, nn.Module]
    blocks: Mapping[str, _Block]

    def solve(self, b: Mapping[str, torch.Tensor], damping: float) -> Vector:
        """(F + damping · I)⁻¹ b.

        Parameters
        ----------
        b : dict of str to tensor
            Over the parameters of all layers.
        damping : float
            Above 0 unless every eigenvalue is.
        """
        out: Vector = {}
        for name, layer in self.layers.items():
            block = self.blocks[name]
            rows = rows_of_layer(layer, name, dict(b))
            inner = block.basis_out.T @ rows @ block.basis_in / (block.values + damping)
            out.update(split_rows(layer, name, block.basis_out @ inner @ block.basis_in.T))
        return out

    def square_norms(self, factors: Iterable[tuple[str, Factors]], damping: float) -> torch.Tensor:
        """Of each record's gradient g the number gᵀ (F + damping · I)⁻¹ g, shape (b,).

        Parameters
        ----------
        factors : pairs of str and Factors
            Of all layers, for one batch.
        damping : float
        """
        total = torch.zeros(())
        for name, (a, g) in factors:
            block = self.blocks[name]
            inner = (block.basis_out.T @ g) @ (block.basis_in.T @ a).transpose(1, 2)
            part = (inner.square() / (block.values + damping)).sum(dim=(1, 2))
            total = total.to(part) + part
        return total


def kronecker_factors(model: nn.Module, passes: Callable[[], Iterable[Pass]], *, corrected: bool = True) -> Kronecker:
    """Factors of the Fisher matrix of the mean loss over some batches.

    Parameters
    ----------
    model : Module
        In eval mode; linear layers and convolutions only.
    passes : callable () -> iterable of callables
        The batches: each is called once and gives the loss of each record of its batch. Called twice if corrected. For
        the Fisher matrix the targets are to be drawn from the model, the same both times.
    corrected : bool
        EK-FAC: eigenvalues measured in the Kronecker basis. Else those of the Kronecker product.

    Returns
    -------
    Kronecker

    Notes
    -----
    One or two passes, and an eigendecomposition of two matrices for each layer.
    """
    with taped(model) as tape:
        sums_in, sums_out, n = _sums(tape, passes)
        blocks = {}
        for name in tape.layers:
            values_in, basis_in = _eigen(sums_in[name] / n)
            values_out, basis_out = _eigen(sums_out[name] / n)
            values = values_out[:, None] * values_in[None, :]
            blocks[name] = _Block(basis_in, basis_out, values.clamp(min=0))
        if corrected:
            squares = {name: torch.zeros_like(block.values) for name, block in blocks.items()}
            for one in passes():
                for name, (a, g) in _read(tape, one):
                    inner = blocks[name].basis_out.T @ (g @ a.transpose(1, 2)) @ blocks[name].basis_in
                    squares[name] += inner.square().sum(dim=0)
            blocks = {name: block._replace(values=squares[name] / n) for name, block in blocks.items()}
        return Kronecker(tape.layers, blocks)


def _eigen(matrix: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Eigenvalues and eigenvectors, in double precision: of single LAPACK may not find those that are many times 0."""
    values, basis = torch.linalg.eigh(matrix.double())
    return values.to(matrix), basis.to(matrix)


def _sums(
    tape: LayerTape, passes: Callable[[], Iterable[Pass]]
) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor], int]:
    sums_in: dict[str, torch.Tensor] = {}
    sums_out: dict[str, torch.Tensor] = {}
    n = 0
    for one in passes():
        size = 0
        for name, (a, g) in _read(tape, one):
            size, t = len(a), a.shape[2]
            flat_in, flat_out = a.transpose(0, 1).flatten(1), g.transpose(0, 1).flatten(1)
            sums_in[name] = sums_in.get(name, 0) + flat_in @ flat_in.T
            sums_out[name] = sums_out.get(name, 0) + flat_out @ flat_out.T / t
        n += size
    return sums_in, sums_out, n


def _read(tape: LayerTape, one: Pass) -> Iterable[tuple[str, Factors]]:
    with torch.enable_grad():
        return list(tape.factors(one()))

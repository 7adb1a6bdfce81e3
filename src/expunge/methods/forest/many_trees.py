"""What forests of many trees have beside one tree: how many, who enters them, and threads."""

from __future__ import annotations

from expunge.arguments import check_count, check_number
from expunge.methods.forest.forest import threads_of

__all__ = ["ManyTrees"]


class ManyTrees:
    """Beside :class:`~expunge.methods.forest.forest.Forest`: arguments of a forest, checked, and its size."""

    n_estimators: int
    share: float
    n_jobs: int | None

    def _check_params(self) -> None:
        super()._check_params()  # type: ignore[misc]
        check_count("n_estimators", self.n_estimators, most=100_000)
        check_number("share", self.share, high=1.0, open_low=True)
        threads_of(self.n_jobs)

    def _size(self) -> tuple[int, float, int]:
        return int(self.n_estimators), float(self.share), threads_of(self.n_jobs)

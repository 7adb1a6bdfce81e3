"""Models whose records have no weights: scikit-learn sees no such argument; who gives one is told where to put it."""

from __future__ import annotations

from typing import Any

__all__ = ["WithoutWeights"]


class WithoutWeights:
    """Beside :class:`expunge.Unlearner`: a fit without ``sample_weight``. Where these belong, says the refusal."""

    def fit(
        self, X: Any, y: Any = None, *, record_ids: Any = None, subject_ids: Any = None, allow_dormant: bool = False,
        **refused: Any,
    ) -> Any:  # fmt: skip
        """Learn from rows, each under its own name; see :meth:`expunge.Unlearner.fit`. There are no sample weights.

        Returns
        -------
        self

        Raises
        ------
        InvalidParameterError
            A ``sample_weight``. It is no argument, so that scikit-learn sees that there is none.
        """
        about = {"record_ids": record_ids, "subject_ids": subject_ids, "allow_dormant": allow_dormant}
        return super().fit(X, y, **about, **refused)  # type: ignore[misc]

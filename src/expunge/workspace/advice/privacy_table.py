"""Advice on how to forget at an epsilon for somebody who brings a file: its records as numbers of a like length."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from expunge.errors import InvalidDataError
from expunge.requests import read_table as read_rows_of
from expunge.rows import Rows
from expunge.workspace.advice.privacy import PrivacyAdvice, advise_privacy
from expunge.workspace.advice.sample import draw_sample, units_of
from expunge.workspace.tabular.catalogue import make_method
from expunge.workspace.tabular.pipelines import make_estimator
from expunge.workspace.tabular.reading import read_rows
from expunge.workspace.tabular.schema import choose_schema
from expunge.workspace.tabular.tables import read_table

__all__ = ["advise_privacy_of"]

#: At most about so many records are measured on.
_MOST = 20_000
#: The length of this share of the rows is taken as one; longer ones are shortened.
_SHARE = 0.9


def advise_privacy_of(
    data: str | Path, *, target: str | None, accuracy: float, deletions: int, epsilon: float = 1.0,
    record_id: str | None = None, subject_id: str | None = None, columns: Mapping[str, str] | None = None,
    ignore: Sequence[str] = (), delimiter: str | None = None, encoding: str | None = None, seed: int = 0,
    progress: Callable[[float, float], None] | None = None,
) -> PrivacyAdvice:  # fmt: skip
    """Compare the ways to forget on the table of a file.

    Parameters
    ----------
    data : path
        A CSV or Parquet file.
    target : str
        Column with the classes.
    accuracy : float
        That is wanted, between 0 and 1, on a fifth of the records that no fit sees; people stay whole.
    deletions, epsilon, seed, progress
        As of :func:`advise_privacy`.
    record_id, subject_id, columns, ignore, delimiter, encoding
        As for :meth:`Workspace.fit`.

    Returns
    -------
    PrivacyAdvice

    Raises
    ------
    FileNotUsableError, InvalidDataError, InvalidIdError, InvalidParameterError
        What is wrong with file, columns or numbers.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "people.csv"
    >>> ages = [i * 37 % 101 for i in range(400)]
    >>> rows = [f"{i:03d},{age},{'yes' if age > 50 else 'no'}" for i, age in enumerate(ages)]
    >>> _ = path.write_text("id,age,member\\n" + "\\n".join(rows))
    >>> advice = advise_privacy_of(path, record_id="id", target="member", accuracy=0.8, deletions=3)
    >>> print(advice.lines()[0])
    Measured on 320 records of yours, 1 numbers each; * is recommended. Their scale was read from them: ...
    """
    table = read_table(data, delimiter=delimiter, encoding=encoding)
    schema = choose_schema(
        table, record_id=record_id, target=target, subject_id=subject_id, task="classification", columns=columns,
        ignore=ignore,
    )  # fmt: skip
    rows = read_rows(table, schema)
    if len(rows.ids) < 200:
        raise InvalidDataError(f"{len(rows.ids)} records are too few to measure on.", hint="Leave --data out.")
    estimator = make_estimator("logistic", "classification")
    front, holder = estimator[:-1], make_method("RetrainClassifier", estimator, {})
    known = read_rows_of(holder, rows.X, rows.y, rows.ids, rows.subjects, None, reset=True)
    sample = draw_sample(units_of(known, seed), Rows(known, seed=seed).hashes(), _MOST)
    own, unseen = sample.rows[sample.fold > 0], sample.rows[sample.fold == 0]
    y = np.asarray(rows.y)
    if len(set(y[own].tolist())) < 2:
        raise InvalidDataError("The target has one class.", hint="A classifier needs two.")
    X = _dense(front.fit_transform(rows.X.iloc[own], y[own]))
    length = float(np.quantile(np.linalg.norm(X, axis=1), _SHARE)) or 1.0
    judged = _dense(front.transform(rows.X.iloc[unseen])) / length
    return advise_privacy(
        n=len(y), d=X.shape[1], deletions=deletions, target=accuracy, epsilon=epsilon, seed=seed, progress=progress,
        rows=((X / length, y[own]), (judged, y[unseen])),
    )  # fmt: skip


def _dense(X: Any) -> Any:
    return X.toarray() if hasattr(X, "toarray") else np.asarray(X, dtype=float)

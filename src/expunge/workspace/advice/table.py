"""Advice for somebody who brings a file: the facade behind ``expunge advise shards``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from expunge.errors import ExpungeError, InvalidDataError, InvalidParameterError
from expunge.workspace.advice.advice import Advice, advise
from expunge.workspace.advice.measure import SAMPLE, Progress, measure
from expunge.workspace.advice.question import Question, parse_duration
from expunge.workspace.tabular.catalogue import make_method, resolve_method
from expunge.workspace.tabular.pipelines import default_estimator, make_estimator
from expunge.workspace.tabular.reading import read_rows
from expunge.workspace.tabular.schema import choose_schema
from expunge.workspace.tabular.tables import read_table

__all__ = ["advise_shards"]

_OF_ESTIMATOR = "estimator__"


def advise_shards(
    data: str | Path, *, record_id: str | None = None, target: str | None = None, subject_id: str | None = None,
    deletions: float, deadline: str, batch: str | None = None, max_loss: float = 0.01, estimator: str | None = None,
    task: str | None = None, options: Mapping[str, Any] | None = None, columns: Mapping[str, str] | None = None,
    ignore: Sequence[str] = (), shards: Sequence[int] | None = None, slices: Sequence[int] | None = None,
    sample: int = SAMPLE, seed: int = 0, delimiter: str | None = None, encoding: str | None = None,
    progress: Progress | None = None,
) -> Advice:  # fmt: skip
    """Advise on shards and slices for the table of a file.

    Parameters
    ----------
    data : path
        A CSV or Parquet file.
    record_id, target, subject_id, task, columns, ignore, delimiter, encoding
        As for :meth:`Workspace.fit`.
    deletions : float
        Requests in a month of 30 days.
    deadline, batch : str
        As ``30d``, ``12h``, ``15min`` or ``90s``: until when a request must be done, and for how long requests are
        collected. Default of the latter: half the deadline.
    max_loss : float, default=0.01
        How much accuracy, or R², may be given up.
    estimator : str, optional
        As for :meth:`Workspace.fit`.
    options : mapping, optional
        Arguments of the estimator, as ``estimator__model__C``.
    shards, slices : sequence of int, optional
        What to compare.
    sample : int
        About so many records are measured on.
    seed : int
    progress : callable, optional
        From seconds done and seconds in all, estimated.

    Returns
    -------
    Advice

    Raises
    ------
    FileNotUsableError, InvalidDataError, InvalidIdError, InvalidParameterError
        What is wrong with file, columns or numbers.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "people.csv"
    >>> ages = [i * 37 % 101 for i in range(400)]
    >>> rows = [f"{i:03d},p{i // 3},{age},{'yes' if age > 50 else 'no'}" for i, age in enumerate(ages)]
    >>> _ = path.write_text("id,person,age,member\\n" + "\\n".join(rows))
    >>> advice = advise_shards(path, record_id="id", subject_id="person", target="member", deletions=4, deadline="30d",
    ...                        shards=[2])
    >>> advice.options(), advice.choices[1].place_by
    ({}, 'subject')
    """
    given = {
        "shards": None if shards is None else tuple(shards), "slices": None if slices is None else tuple(slices),
        "batch_s": None if batch is None else parse_duration(batch, "a batch"),
    }  # fmt: skip
    question = Question(
        deletions=deletions, deadline_s=parse_duration(deadline, "the deadline"), max_loss=max_loss, seed=seed,
        **{name: value for name, value in given.items() if value is not None},  # type: ignore[arg-type]
    )  # fmt: skip
    table = read_table(data, delimiter=delimiter, encoding=encoding)
    schema = choose_schema(
        table, record_id=record_id, target=target, subject_id=subject_id, task=task, columns=columns, ignore=ignore
    )
    wrong = next((name for name in options or {} if not name.startswith(_OF_ESTIMATOR)), None)
    if wrong is not None:
        raise InvalidParameterError(
            f"Shards are advised on for an estimator, which has no option {wrong!r}.",
            hint="Its own are written estimator__model__NAME.",
        )
    unfitted = make_estimator(estimator or default_estimator(schema.task), schema.task)
    unfitted = make_method(resolve_method("sisa", schema.task), unfitted, options or {}).estimator
    rows = read_rows(table, schema)
    try:
        measured = measure(
            unfitted, rows.X, rows.y, record_ids=rows.ids, subject_ids=rows.subjects, question=question, sample=sample,
            progress=progress,
        )  # fmt: skip
    except ExpungeError:
        raise
    except (ValueError, ArithmeticError) as error:  # what an estimator says about its data or its arguments
        is_option = type(error).__name__ == "InvalidParameterError"  # scikit-learn's, which is private
        kind = InvalidParameterError if is_option else InvalidDataError
        raise kind(" ".join(str(error).split("\n")[0].split()), hint="Check the data.") from error
    return advise(measured, question)

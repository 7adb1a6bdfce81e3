"""From a table and a method's name to a model ready to be fitted, and from a model and a table to predictions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from expunge.errors import ExpungeError, InvalidDataError, InvalidParameterError, OutOfRangeError
from expunge.workspace.catalogue import make_method, wraps_estimator
from expunge.workspace.pipelines import make_estimator
from expunge.workspace.schema import Schema, TableRows, read_rows

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from expunge.workspace.card import Card

__all__ = ["live_schema", "predictions", "prepared", "refuse_unfit", "told_as_invalid_data"]


def prepared(name: str, estimator: str | None, schema: Schema, options: Mapping[str, Any]) -> Any:
    """A method ready to be fitted on rows of this schema."""
    if wraps_estimator(name):
        return make_method(name, make_estimator(estimator or "", schema.task), options)
    if estimator is not None:
        raise InvalidParameterError(f"{name} takes no estimator.", hint="Leave --estimator out, or use --method sisa.")
    texts = [column for column, kind in schema.columns.items() if kind == "text"]
    if texts:
        raise InvalidDataError(
            f"{name} learns from numbers, and these columns are text: {', '.join(map(repr, texts))}.",
            hint="Use --method sisa, or leave them out: " + " ".join(f"--ignore {text}" for text in texts) + ".",
        )
    return make_method(name, None, options)


def refuse_unfit(model: Any, schema: Schema, rows: TableRows) -> None:
    """Refuse what the model cannot learn from, naming column and record."""
    from sklearn.utils import get_tags

    if not get_tags(model).input_tags.allow_nan:
        for name in schema.columns:
            missing = rows.X[name].isna()
            if missing.any():
                record = rows.ids[int(missing.to_numpy().argmax())]
                raise InvalidDataError(
                    f"{type(model).__name__} takes no missing values; record {record!r} has no {name!r}.",
                    hint=f"Fill it in, leave the column out with --ignore {name}, or use --method sisa.",
                )
    if schema.task == "classification" and len(labels := set(rows.y or [])) < 2:
        raise InvalidDataError(
            f"The target {schema.target!r} has one class, {next(iter(labels))!r}.", hint="A classifier needs two."
        )


def live_schema(card: Card, model: Any) -> Schema:
    """The schema of a card, without columns that the model has forgotten."""
    names = set(getattr(model, "feature_names_in_", card.schema.columns))
    return card.schema.without([name for name in card.schema.columns if name not in names])


def predictions(model: Any, card: Card, table: pa.Table, *, probabilities: bool) -> pd.DataFrame:
    """Predictions for the rows of a table: the record id, the prediction and, if asked for, a column per class."""
    import pandas as pd

    rows = read_rows(table, live_schema(card, model), to_predict=True)
    if probabilities and not hasattr(model, "predict_proba"):
        raise InvalidParameterError(f"{card.method} gives no probabilities.", hint="Leave them out.")
    with told_as_invalid_data():
        frame = pd.DataFrame({card.schema.record_id: rows.ids, "prediction": model.predict(rows.X).tolist()})
        if probabilities:
            chances = model.predict_proba(rows.X)
            frame = frame.assign(**{f"p({label})": chances[:, i] for i, label in enumerate(model.classes_.tolist())})
    return frame


@contextmanager
def told_as_invalid_data(columns: Sequence[str] = ()) -> Iterator[None]:
    """What an estimator says about its data, as one sentence of ours, with the names of columns."""
    try:
        yield
    except OutOfRangeError as error:  # of the records the ids are told; their places are those of no file
        message = re.sub(r" \(row \d+\)", "", error.message)
        message = re.sub(r"in column (\d+)(?=:)", lambda found: f"in column {columns[int(found[1])]!r}", message)
        raise OutOfRangeError(message, hint=error.hint) from error
    except ExpungeError:
        raise
    except (ValueError, ArithmeticError) as error:
        is_option = type(error).__name__ == "InvalidParameterError"  # scikit-learn's, which is private
        kind = InvalidParameterError if is_option else InvalidDataError
        raise kind(" ".join(str(error).split("\n")[0].split())) from error

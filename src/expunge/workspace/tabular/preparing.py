"""From a table and a method's name to a model ready to be fitted, and from a model and a table to predictions."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from expunge.errors import ExpungeError, InvalidDataError, InvalidParameterError, OutOfRangeError
from expunge.methods.networks import NETWORK_MODELS
from expunge.workspace.tabular.catalogue import make_method, wraps_estimator
from expunge.workspace.tabular.pipelines import (
    behind_backbone,
    behind_columns,
    behind_words,
    learns_from_tables,
    make_estimator,
)
from expunge.workspace.tabular.reading import TableRows, read_rows
from expunge.workspace.tabular.schema import Schema

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from expunge.workspace.tabular.card import Card

__all__ = [
    "live_schema", "predictions", "prepared", "refuse_unfit", "told_as_invalid_data", "warn_of_days",
    "warn_of_many_classes", "warn_of_names",
]  # fmt: skip

#: Texts name records or persons where so large a share of them differ, and there are so many.
_MOSTLY, _LEAST_NAMES = 0.9, 20
#: A target of more classes than this, with fewer records of each on average, is hardly one of classes.
_MANY_CLASSES, _FEW_RECORDS = 50, 20
#: Days as people write them; what stands behind one may be a time.
_DAY = r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}(?:[T ].*)?|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}(?: .*)?"
_NAMING = (
    "Texts that differ in (nearly) every row, or for every person: {}. Learned as categories they tell nothing of new "
    "rows, and stand in the model. Leave out names, numbers of customers and free texts: {}."
)


def prepared(card: Card, *, from_elsewhere: bool = False) -> Any:
    """A method ready to be fitted on rows of a card's schema; one of numbers stands behind transformers.

    What takes over a model ``from_elsewhere`` knows no ``--bare`` that could be left out.

    Raises
    ------
    InvalidParameterError
        An estimator for a method that takes none.
    InvalidDataError
        Columns that the method cannot learn from.
    """
    name, schema = card.method, card.schema
    if wraps_estimator(name):
        return make_method(name, make_estimator(card.estimator or "", schema.task), card.options)
    if card.estimator is not None:
        raise InvalidParameterError(f"{name} takes no estimator.", hint="Leave --estimator out, or use --method sisa.")
    options = dict(card.options)
    backbone, words = options.pop("backbone", None), options.pop("words", None)
    of_words = {key.removeprefix("words__"): options.pop(key) for key in list(options) if key.startswith("words__")}
    model = make_method(name, None, options)
    if words is not None or of_words:
        if list(schema.columns.values()) != ["text"]:
            raise InvalidDataError(
                f"Words are taken from one column of texts, and there are {', '.join(map(repr, schema.columns))}.",
                hint="Leave the others out with --ignore, or declare it: --columns NAME=text.",
            )
        return behind_words(model, words, of_words)
    if learns_from_tables(model):
        return model
    if not card.bare and name not in NETWORK_MODELS and backbone is None:
        return behind_columns(model)
    texts = [column for column, kind in schema.columns.items() if kind == "text"]
    if texts:
        raise InvalidDataError(
            f"{name} learns from numbers, and these columns are text: {', '.join(map(repr, texts))}.",
            hint=("Leave --bare out, or the columns: " if _says_bare(card, from_elsewhere) else "Leave them out: ")
            + f"{' '.join(f'--ignore {text}' for text in texts)}.",
        )
    return model if backbone is None else behind_backbone(model, backbone)


def _says_bare(card: Card, from_elsewhere: bool) -> bool:
    """Whether a method stands without transformers because ``--bare`` was given, and would stand behind them else."""
    return card.bare and not from_elsewhere and card.method not in NETWORK_MODELS and "backbone" not in card.options


def refuse_unfit(model: Any, card: Card, rows: TableRows, *, from_elsewhere: bool = False) -> None:
    """Refuse what the model cannot learn from, naming column and record.

    Raises
    ------
    InvalidDataError
        Missing values where none are taken, or one class.
    """
    from sklearn.utils import get_tags

    schema = card.schema
    if schema.task == "recommendation":
        _refuse_no_interactions(schema)
    if not get_tags(model).input_tags.allow_nan:
        for name in schema.columns:
            missing = rows.X[name].isna()
            if missing.any():
                record = rows.ids[int(missing.to_numpy().argmax())]
                raise InvalidDataError(
                    f"{type(model).__name__} takes no missing values; record {record!r} has no {name!r}.",
                    hint=("Leave --bare out, fill" if _says_bare(card, from_elsewhere) else "Fill")
                    + f" it in, or leave the column out with --ignore {name}.",
                )
    if schema.task == "classification" and len(labels := set(rows.y or [])) < 2:
        raise InvalidDataError(
            f"The target {schema.target!r} has one class, {next(iter(labels))!r}.", hint="A classifier needs two."
        )


def _refuse_no_interactions(schema: Schema) -> None:
    """Refuse columns that no recommender reads, and a target beside the item."""
    from expunge.methods.recommend.interactions import NAMES

    if "item" in schema.columns and schema.target != "item":
        raise InvalidDataError(
            f"A recommender predicts items, and {schema.target!r} is the target beside a column 'item'.",
            hint="Give --target item.",
        )
    if strange := [name for name in schema.columns if name not in NAMES]:
        raise InvalidDataError(
            f"A recommender reads {', '.join(NAMES)}, and there are also {', '.join(map(repr, strange))}.",
            hint="Rename a rating to value and a timestamp to time in the file, or leave the columns out: "
            f"{' '.join(f'--ignore {name}' for name in strange)}.",
        )


def warn_of_days(model: Any, card: Card, rows: TableRows) -> None:
    """Warn of columns of texts that look like days, where each day would be learned as a category."""
    if not _learns_categories(model, card):
        return
    for name, kind in card.schema.columns.items():
        if kind == "text" and _holds_days(rows.X[name]):
            warnings.warn(
                f"The texts of {name!r} look like days, and each is learned as a category, which tells nothing of "
                f"other days. Give a number instead (a year, an age in days), or leave them out: --ignore {name}.",
                UserWarning, stacklevel=2,
            )  # fmt: skip


def warn_of_names(model: Any, card: Card, rows: TableRows) -> None:
    """Warn of columns of texts that name single records or persons, where they would be learned as categories."""
    if not _learns_categories(model, card):
        return
    texts = [name for name, kind in card.schema.columns.items() if kind == "text"]
    if naming := [name for name in texts if _names(rows.X[name], rows.subjects) and not _holds_days(rows.X[name])]:
        left_out = " ".join(f"--ignore {name}" for name in naming)
        warnings.warn(_NAMING.format(", ".join(map(repr, naming)), left_out), UserWarning, stacklevel=2)


def warn_of_many_classes(card: Card, rows: TableRows) -> None:
    """Warn of a target that has a class for every few records, as a column of numbers has or one of names."""
    n_classes = len(set(rows.y or ())) if card.schema.task == "classification" else 0
    if n_classes > _MANY_CLASSES and len(rows.ids) < _FEW_RECORDS * n_classes:
        warnings.warn(
            f"The target {card.schema.target!r} has {n_classes:,} classes in {len(rows.ids):,} records. Numbers are "
            "learned by a method for regression: see `expunge methods`, and --task regression.",
            UserWarning, stacklevel=2,
        )  # fmt: skip


def _learns_categories(model: Any, card: Card) -> bool:
    """Whether texts are taken for categories, and not for words, users or items."""
    from sklearn.utils import get_tags

    if wraps_estimator(card.method):
        return card.estimator != "network"
    if hasattr(model, "steps"):
        return bool(model.steps[0][0] == "columns")
    return bool(get_tags(model).input_tags.categorical)


def _holds_days(texts: pd.Series) -> bool:
    """Whether every text that is there looks like a day."""
    filled = texts[texts.notna() & (texts != "")].astype(str)
    return bool(len(filled)) and bool(filled.str.fullmatch(_DAY).all())


def _names(texts: pd.Series, subjects: Sequence[Any] | None) -> bool:
    """Whether a column has another text in nine of ten rows, or one for each of nine in ten persons."""
    filled = texts[texts.notna() & (texts != "")]
    different = filled.nunique()
    if different < _LEAST_NAMES:
        return False
    if different >= _MOSTLY * len(filled):
        return True
    n_persons = 0 if subjects is None else len(set(subjects))
    if different < _MOSTLY * n_persons or subjects is None:
        return False
    return len(set(zip(subjects, texts, strict=True))) <= n_persons / _MOSTLY


def live_schema(card: Card, model: Any) -> Schema:
    """The schema of a card, without columns that the model has forgotten."""
    names = set(getattr(model, "feature_names_in_", card.schema.columns))
    return card.schema.without([name for name in card.schema.columns if name not in names])


def predictions(model: Any, card: Card, table: pa.Table, *, probabilities: bool) -> pd.DataFrame:
    """Predictions for the rows of a table: the record id (or the number of the row, where the table has no ids), the
    prediction and, if asked for, a column per class.

    Raises
    ------
    InvalidParameterError
        The method gives no probabilities.
    """
    import pandas as pd

    schema = live_schema(card, model)
    rows = read_rows(_with_questions(table, schema), schema, to_predict=True)
    if probabilities and not hasattr(model, "predict_proba"):
        raise InvalidParameterError(f"{card.method} gives no probabilities.", hint="Leave them out.")
    with told_as_invalid_data():
        name = card.schema.record_id if card.schema.record_id in table.column_names else "row"
        users = {"user": rows.X["user"].tolist()} if schema.task == "recommendation" and name != "user" else {}
        frame = pd.DataFrame({name: rows.ids, **users, **_answers(model, rows.X)})
        if probabilities:
            chances = model.predict_proba(rows.X)
            frame = frame.assign(**{f"p({label})": chances[:, i] for i, label in enumerate(model.classes_.tolist())})
    return frame


def _with_questions(table: pa.Table, schema: Schema) -> pa.Table:
    """The table for an index of passages: its column ``question`` is taken for that of the passages, if that is not
    there."""
    (column, *others) = schema.columns
    if schema.task != "retrieval" or others or column in table.column_names or "question" not in table.column_names:
        return table
    return table.rename_columns([column if name == "question" else name for name in table.column_names])


def _answers(model: Any, X: pd.DataFrame) -> dict[str, list[Any]]:
    """What a model says about rows, by the names of columns: a prediction, or what a transformation makes of them."""
    if hasattr(model, "predict"):
        return {"prediction": model.predict(X).tolist()}
    out = model.transform(X)
    dense = out.toarray() if hasattr(out, "toarray") else out
    return {str(name): dense[:, j].tolist() for j, name in enumerate(model.get_feature_names_out())}


@contextmanager
def told_as_invalid_data(columns: Sequence[str] = ()) -> Iterator[None]:
    """What an estimator says about its data, as one sentence of ours, with the names of columns.

    Raises
    ------
    InvalidDataError
        Inside, a library refused the data, or found no memory for what it makes of them.
    """
    try:
        yield
    except OutOfRangeError as error:  # of the records the ids are told; their places are those of no file
        message = re.sub(r" \(row \d+\)", "", error.message)
        message = re.sub(r"in column (\d+)(?=:)", lambda found: f"in column {columns[int(found[1])]!r}", message)
        raise OutOfRangeError(message, hint=error.hint) from error
    except ExpungeError:
        raise
    except MemoryError as error:
        raise InvalidDataError(
            " ".join(f"There is not memory enough. {error}".split()).removesuffix(".") + ".",
            hint="Give fewer columns, of words by n_features or max_features, or choose a method that needs less.",
        ) from error
    except (ValueError, ArithmeticError) as error:
        is_option = type(error).__name__ == "InvalidParameterError"  # scikit-learn's, which is private
        kind = InvalidParameterError if is_option else InvalidDataError
        raise kind(
            " ".join(str(error).split("\n")[0].split()), hint="Check the data, or leave a column out with --ignore."
        ) from error

"""A model and the meaning of its columns in one folder: fitted from a table, and forgetting on disk.

The folder holds two files: ``model.expunge`` (``model.save``, or ``model.export``) and ``table.json``, which says how
the model's table is read: which columns, what they hold, task, method, options. ``table.json`` holds no value of any
record. Whatever fails, the folder is as it was.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from expunge.errors import ExpungeError, InvalidDataError, InvalidParameterError, OutOfRangeError
from expunge.files.archive import FileNotUsableError
from expunge.methods import load
from expunge.records import Plan, Removal
from expunge.workspace.card import Card, read_card, read_schema, write_card
from expunge.workspace.catalogue import make_method, resolve_method, task_of, wraps_estimator
from expunge.workspace.folder import only_one, refuse_taken, write_folder, writing
from expunge.workspace.pipelines import default_estimator, make_estimator
from expunge.workspace.schema import Schema, TableRows, choose_schema, parse_label, read_rows
from expunge.workspace.tables import read_table

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ModelDirectory"]

MODEL, TABLE = "model.expunge", "table.json"
_FILES = frozenset({MODEL, TABLE})

Ids = Sequence[str] | None


class ModelDirectory:
    """A model in a folder. Made by :meth:`fit` or :meth:`open`.

    Parameters
    ----------
    path : path
    card : Card
        What ``table.json`` says.
    model : Unlearner, optional
        Default: read from the folder when first needed.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> rows = "\\n".join(f"{i:03d},p{i % 4},{i},{'yes' if i > 9 else 'no'}" for i in range(20))
    >>> _ = (folder / "people.csv").write_text("id,person,age,member\\n" + rows)
    >>> model = ModelDirectory.fit(folder / "model", folder / "people.csv", record_id="id", subject_id="person",
    ...                            target="member", method="retrain")
    >>> model.forget(subjects=["p1"]).n_forgotten
    5
    """

    def __init__(self, path: str | Path, card: Card, model: Any = None) -> None:
        self.path, self.card, self._model = Path(path), card, model

    # ------------------------------------------------------------------ the verbs

    @classmethod
    def fit(
        cls, path: str | Path, data: str | Path, *, record_id: str | None = None, target: str | None = None,
        subject_id: str | None = None, method: str = "sisa", estimator: str | None = None, task: str | None = None,
        options: Mapping[str, Any] | None = None, columns: Mapping[str, str] | None = None, ignore: Sequence[str] = (),
        schema: str | Path | None = None, delimiter: str | None = None, encoding: str | None = None,
        overwrite: bool = False,
    ) -> ModelDirectory:  # fmt: skip
        """Fit a model on a table and put it into a new folder.

        Parameters
        ----------
        path : path
            The folder; it must not exist, or be empty.
        data : path
            A CSV or Parquet file.
        record_id, target, subject_id : str
            Names of columns; the first two may come from ``schema`` instead.
        method : str
            As in ``expunge methods``; ``sisa`` and ``retrain`` for either task.
        estimator : str, optional
            For methods that wrap one: logistic, linear, hist-gradient-boosting or lightgbm.
        task : {"classification", "regression"}, optional
            Default: that of the method, or what the target looks like.
        options : mapping, optional
            Constructor arguments of the method; of its estimator as ``estimator__model__C``.
        columns : mapping of str to {"number", "text"}, optional
            Types that are not to be inferred.
        ignore : sequence of str
            Columns not to learn from.
        schema : path, optional
            A ``table.json`` whose columns are used as they are: the way to make a fresh fit that can be compared.
        delimiter, encoding : str, optional
            Of a CSV file; default: a comma, and UTF-8.
        overwrite : bool
            Replace a model that is there.

        Raises
        ------
        FileNotUsableError
            The folder exists.
        InvalidDataError, InvalidIdError, DuplicateRecordError, InvalidParameterError, UnknownMethodError
            Nothing is written then.
        """
        path = Path(path)
        refuse_taken(path, _FILES if overwrite else frozenset())
        given = None if schema is None else read_schema(Path(schema))
        task = task or (None if given else task_of(method))
        table = read_table(data, delimiter=delimiter, encoding=encoding)
        if given is None:
            chosen = choose_schema(
                table,
                record_id=record_id,
                target=target,
                subject_id=subject_id,
                task=task,
                columns=columns,
                ignore=ignore,
            )
        elif columns or ignore or any(name is not None for name in (record_id, target, subject_id, task)):
            raise InvalidParameterError("A schema fixes columns, ids, target and task.", hint="Give it, or give them.")
        else:
            chosen = given
        name = resolve_method(method, chosen.task)
        estimator = (estimator or default_estimator(chosen.task)) if wraps_estimator(name) else estimator
        model = _prepared(name, estimator, chosen, options or {})
        rows = read_rows(table, chosen)
        _refuse_unfit(model, chosen, rows)
        with _told_as_invalid_data(list(chosen.columns)):
            model.fit(rows.X, rows.y, record_ids=rows.ids, subject_ids=rows.subjects)
        card = Card(schema=chosen, method=name, estimator=estimator, options=dict(options or {}))
        with writing(path), write_folder(path) as folder:
            write_card(folder / TABLE, card)
            model.save(folder / MODEL)
        return cls(path, card, model)

    @classmethod
    def open(cls, path: str | Path) -> ModelDirectory:
        """The model of a folder. The model itself is read when first needed.

        Raises
        ------
        FileNotUsableError
            No such folder, or not one of a model.
        TamperedError
            A file that is not what was written.
        """
        path = Path(path)
        if not (path / MODEL).is_file():
            raise FileNotUsableError(f"{str(path)!r} holds no model.", hint="Give a folder made by `expunge fit`.")
        return cls(path, read_card(path / TABLE))

    def plan(self, *, records: Ids = None, subjects: Ids = None, classes: Ids = None, features: Ids = None) -> Plan:
        """What :meth:`forget` with the same arguments would cost and promise. Changes nothing."""
        plan: Plan = self._load().plan(**self._request(records, subjects, classes, features))
        return plan

    def forget(
        self, *, records: Ids = None, subjects: Ids = None, classes: Ids = None, features: Ids = None
    ) -> Removal:
        """Forget, and rewrite the model's file before returning.

        Parameters
        ----------
        records, subjects, classes, features : sequence of str, optional
            Ids, labels or column names; as text, as a command line has them.

        Returns
        -------
        Removal
            With both digests.
        """
        with only_one(self.path):
            self._model = None  # another process may have changed the file
            model = self._load()
            wanted = self._request(records, subjects, classes, features)
            self._model = None
            removal: Removal = model.forget(**wanted, digest=True)
            with writing(self.path / MODEL):
                model.save(self.path / MODEL)
            self._model = model
            if "features" in wanted:
                self.card = dataclasses.replace(self.card, schema=self.card.schema.without(wanted["features"]))
                write_card(self.path / TABLE, self.card)
        return removal

    def predict(
        self, data: str | Path, *, delimiter: str | None = None, encoding: str | None = None,
        probabilities: bool = False,
    ) -> pd.DataFrame:  # fmt: skip
        """Predictions for the rows of a table: the record id, the prediction and, if asked for, a column per class."""
        import pandas as pd

        model = self._load()
        table = read_table(data, delimiter=delimiter, encoding=encoding)
        rows = read_rows(table, self._schema(model), to_predict=True)
        if probabilities and not hasattr(model, "predict_proba"):
            raise InvalidParameterError(f"{self.card.method} gives no probabilities.", hint="Leave them out.")
        with _told_as_invalid_data():
            frame = pd.DataFrame({self.card.schema.record_id: rows.ids, **_answers(model, rows.X)})
            if probabilities:
                chances = model.predict_proba(rows.X)
                frame = frame.assign(
                    **{f"p({label})": chances[:, i] for i, label in enumerate(model.classes_.tolist())}
                )
        return frame

    def export(self, path: str | Path, *, overwrite: bool = False) -> ModelDirectory:
        """Write a folder that predicts the same bits and knows no row, no id and no sum."""
        path, model = Path(path), self._load()
        if path.resolve() == self.path.resolve():
            raise FileNotUsableError(f"{str(path)!r} is the model itself.", hint="Give another folder.")
        refuse_taken(path, _FILES if overwrite else frozenset())
        with writing(path), write_folder(path) as folder:
            write_card(folder / TABLE, self.card)
            model.export(folder / MODEL)
        return ModelDirectory(path, self.card)

    def describe(self) -> dict[str, Any]:
        """What the model is, as plain data without any value of a record."""
        card, model = self.card, self._load()
        rows = model._state().rows
        return {
            "path": str(self.path), "method": card.method, "estimator": card.estimator, "task": card.schema.task,
            "target": card.schema.target, "columns": dict(card.schema.columns), "options": card.options,
            "n_records": None if rows is None else len(rows),
            "guarantee": None if rows is None else model._guarantee().to_dict(),
        }  # fmt: skip

    def summary(self) -> list[str]:
        """What the model is, as lines for people."""
        told = self.describe()
        columns = ", ".join(f"{name} ({kind})" for name, kind in told["columns"].items())
        estimator = f" of {told['estimator']} models" if told["estimator"] else ""
        return [
            f"{told['path']}: {told['method']}{estimator}, {told['n_records']:,} records.",
            f"Task: {told['task']} of {told['target']!r}.",
            f"Columns: {columns}.",
            f"Guarantee: {told['guarantee']['kind']}: {told['guarantee']['statement']}.",
        ]

    # ------------------------------------------------------------------ the machinery

    def _load(self) -> Any:
        if self._model is None:
            self._model = load(self.path / MODEL)
        return self._model

    def _schema(self, model: Any) -> Schema:
        """The schema, without columns that the model has forgotten and ``table.json`` has not yet."""
        names = set(getattr(model, "feature_names_in_", self.card.schema.columns))
        return self.card.schema.without([name for name in self.card.schema.columns if name not in names])

    def _request(self, records: Ids, subjects: Ids, classes: Ids, features: Ids) -> dict[str, Any]:
        """The arguments of the model's ``forget``, with ids and labels of the model's kinds."""
        schema = self.card.schema
        asked = (
            ("record_ids", records, schema.record_kind, "record id"),
            ("subjects", subjects, schema.subject_kind, "subject id"),
            ("classes", classes, schema.target_kind, "class"),
            ("features", features, "text", "column"),
        )
        return {
            name: [parse_label(value, kind, what) for value in values] for name, values, kind, what in asked if values
        }


def _answers(model: Any, X: Any) -> dict[str, Any]:
    """What a model says about rows, by the names of columns: a prediction, or what a transformation makes of them."""
    if hasattr(model, "predict"):
        return {"prediction": model.predict(X).tolist()}
    out = model.transform(X)
    dense = out.toarray() if hasattr(out, "toarray") else out
    names = [str(name) for name in model.get_feature_names_out()]
    return {name: dense[:, j].tolist() for j, name in enumerate(names)}


def _prepared(name: str, estimator: str | None, schema: Schema, options: Mapping[str, Any]) -> Any:
    if wraps_estimator(name):
        return make_method(name, make_estimator(estimator or "", schema.task), options)
    if estimator is not None:
        raise InvalidParameterError(f"{name} takes no estimator.", hint="Leave --estimator out, or use --method sisa.")
    model = make_method(name, None, options)
    texts = [column for column, kind in schema.columns.items() if kind == "text"]
    if texts and not _takes_text(model):
        raise InvalidDataError(
            f"{name} learns from numbers, and these columns are text: {', '.join(map(repr, texts))}.",
            hint="Use --method sisa, or leave them out: " + " ".join(f"--ignore {text}" for text in texts) + ".",
        )
    return model


def _takes_text(model: Any) -> bool:
    """Whether the model learns from categories as they come, or from a column of texts."""
    from sklearn.utils import get_tags

    tags = get_tags(model).input_tags
    return bool(tags.categorical or (tags.string and not tags.two_d_array))


def _refuse_unfit(model: Any, schema: Schema, rows: TableRows) -> None:
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


@contextmanager
def _told_as_invalid_data(columns: Sequence[str] = ()) -> Iterator[None]:
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

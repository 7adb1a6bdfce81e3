"""The real tables of people that benchmarks and tables of quality are measured on: features, target and person.

The files are not part of the project. They are looked for in the folder that ``EXPUNGE_DATA`` names, else beside the
checkout; who has no such folder gets a sentence.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

__all__ = ["NAMES", "RealTable", "folder", "read"]


class RealTable(NamedTuple):
    """A table of people, with a fixed split of persons into training and test.

    Parameters
    ----------
    name : str
    X : frame of shape (n, d)
        Texts with missing values, and numbers.
    y : ndarray of shape (n,)
        Labels "no" and "yes".
    person : ndarray of str, shape (n,)
        One person may have several rows.
    is_test : ndarray of bool, shape (n,)
    rare : tuple of (str, str)
        A column and a category of it that few rows have.
    """

    name: str
    X: pd.DataFrame
    y: npt.NDArray[np.object_]
    person: npt.NDArray[np.object_]
    is_test: npt.NDArray[np.bool_]
    rare: tuple[str, str]


_FILES = {
    "Adult": "adult", "Bank": "bank_marketing", "credit default": "credit_default", "diabetes 130-US": "diabetes_130us",
    "COMPAS": "compas_two_years",
}  # fmt: skip
NAMES = tuple(_FILES)

#: What is known only once the outcome is, or names nobody's property: not learned from.
_DROP = {
    "COMPAS": [
        "id", "is_recid", "r_case_number", "r_charge_degree", "r_charge_desc", "r_days_from_arrest", "r_jail_in",
        "r_jail_out", "r_offense_date", "violent_recid", "is_violent_recid", "vr_case_number", "vr_charge_degree",
        "vr_charge_desc", "vr_offense_date", "event", "start", "end", "in_custody", "out_custody", "c_jail_in",
        "c_jail_out", "compas_screening_date", "screening_date", "v_screening_date", "c_offense_date", "c_arrest_date",
        "decile_score", "score_text", "v_decile_score", "v_score_text", "type_of_assessment", "v_type_of_assessment",
    ],
    "diabetes 130-US": ["encounter_id"],
    "credit default": ["ID"],
}  # fmt: skip
_TARGET = {
    "Adult": ("income", ">50K"), "Bank": ("y", "yes"), "credit default": ("default_next_month", "1"),
    "diabetes 130-US": ("readmitted", "<30"), "COMPAS": ("two_year_recid", "1"),
}  # fmt: skip
#: Numbers that are codes.
_CODES = {
    "diabetes 130-US": ["admission_type_id", "discharge_disposition_id", "admission_source_id"],
    "credit default": ["SEX", "EDUCATION", "MARRIAGE"],
}
_RARE = {
    "Adult": ("native_country", "Holand-Netherlands"), "Bank": ("job", "unknown"), "credit default": ("EDUCATION", "0"),
    "diabetes 130-US": ("diag_2", None), "COMPAS": ("c_charge_desc", None),
}  # fmt: skip


def folder() -> Path:
    """Where the files are; raises SystemExit with a sentence if they are nowhere."""
    found = Path(os.environ.get("EXPUNGE_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data")
    if not found.is_dir():
        raise SystemExit("The real tables are not here: set EXPUNGE_DATA to the folder that holds them.")
    return found


def read(name: str) -> RealTable:
    """One of :data:`NAMES`."""
    frame = pd.read_csv(folder() / f"{_FILES[name]}.csv.gz", keep_default_na=False, dtype=str)
    target, positive = _TARGET[name]
    y = np.where(frame[target].str.strip().str.rstrip(".") == positive, "yes", "no").astype(object)
    person = frame.get("patient_nbr", pd.Series([f"p{i}" for i in range(len(frame))])).to_numpy(dtype=object)
    if "split" in frame:
        is_test = (frame["split"] == "test").to_numpy()
    else:  # a person is on one side
        people, at = np.unique(person.astype(str), return_inverse=True)
        is_test = (np.random.default_rng(0).random(len(people)) < 0.25)[at]
    gone = [target, "split", "patient_nbr", *_DROP.get(name, [])]
    X = pd.DataFrame(
        {column: _typed(frame[column], column in _CODES.get(name, [])) for column in frame if column not in gone}
    )
    return RealTable(name, X, y, person, np.asarray(is_test), _rare(name, X, is_test))


def _typed(column: pd.Series, is_code: bool) -> pd.Series:
    text = column.str.strip().replace({"?": None, "": None})
    numbers = pd.to_numeric(text, errors="coerce")
    if not is_code and numbers.notna().sum() == text.notna().sum():
        return numbers
    return text.astype(object).where(text.notna(), np.nan)


def _rare(name: str, X: pd.DataFrame, is_test: npt.NDArray[np.bool_]) -> tuple[str, str]:
    column, category = _RARE[name]
    counts = X.loc[~is_test, column].value_counts()
    if category in counts.index:
        return column, category
    return column, str(sorted(counts[counts == counts.min()].index)[0])

"""Tables of people: numbers and categories as they stand in the file; nothing is learned from them here."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.datasets import load_breast_cancer

from expunge.lab.data import Data, invent_subjects
from expunge.lab.workloads.files import arrays, draw, frame

__all__ = ["adult", "bank", "breast_cancer", "compas", "diabetes", "location"]

_COMPAS = (
    "age",
    "sex",
    "race",
    "juv_fel_count",
    "juv_misd_count",
    "juv_other_count",
    "priors_count",
    "c_charge_degree",
)


def adult(n: int | None) -> Data:
    """Adult: does somebody earn more than 50,000 dollars?"""
    table = frame("adult.csv.gz", fetch="adult").drop(columns=["split"], errors="ignore")
    return _of("adult", table, "income", n)


def bank(n: int | None) -> Data:
    """Bank marketing: does somebody take the deposit?"""
    return _of("bank", frame("bank_marketing.csv.gz", fetch="bank"), "y", n)


def compas(n: int | None) -> Data:
    """COMPAS: is somebody charged again within two years?"""
    table = frame("compas_two_years.csv.gz")[[*_COMPAS, "two_year_recid"]]
    return _of("compas", table, "two_year_recid", n)


def diabetes(n: int | None) -> Data:
    """Diabetes in 130 hospitals: is a patient back within 30 days? People have several records."""
    table = frame("diabetes_130us.csv.gz")
    people = np.array([f"p-{number}" for number in table.pop("patient_nbr")], dtype=object)
    table["readmitted"] = np.where(table["readmitted"] == "<30", "within 30 days", "not")
    drop = [c for c in table if c in ("encounter_id", "weight", "payer_code", "diag_1", "diag_2", "diag_3")]
    return _of("diabetes", table.drop(columns=drop), "readmitted", n, people=people)


def breast_cancer(n: int | None) -> Data:
    """Breast cancer of scikit-learn: 30 measures of a cell, malignant or benign."""
    found = load_breast_cancer(as_frame=True)
    table = found.frame.rename(columns={"target": "kind"})
    table["kind"] = np.where(table["kind"] == 1, "benign", "malignant")
    return _of("breast-cancer", table, "kind", n)


def location(n: int | None) -> Data:
    """Location-30: 446 places where a person was, or was not; which of 30 kinds of person is it?"""
    found = arrays("location30.npz")
    ids = np.arange(len(found["y"]), dtype=np.int64)
    places = draw(ids, n)
    return Data(
        name="location", kind="table", X=found["X"][places].astype(np.float32), y=found["y"][places].astype(np.int64),
        ids=ids[places], subjects=invent_subjects(ids[places]), classes=tuple(str(c) for c in range(30)),
    )  # fmt: skip


def _of(name: str, table: Any, target: str, n: int | None, *, people: npt.NDArray[Any] | None = None) -> Data:
    ids = np.arange(len(table), dtype=np.int64)
    places = draw(ids, n)
    classes, y = np.unique(table[target].astype(str).to_numpy().astype(str), return_inverse=True)
    X = table.drop(columns=[target]).iloc[places].reset_index(drop=True)
    ids = ids[places]
    return Data(
        name=name, kind="table", X=X, y=y[places].astype(np.int64), ids=ids,
        subjects=invent_subjects(ids) if people is None else people[places], classes=tuple(classes.tolist()),
    )  # fmt: skip

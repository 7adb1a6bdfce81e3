"""A class goes with its last record, from every file, and the model is a fresh fit without its name."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import expunge
from expunge.privacy.last_of_class import is_last_of_a_class

CANARY = "diagnosis-77e1f0c2"
NAMES = [
    "CertifiedLogisticRegression", "DescentToDelete", "LangevinLogisticRegression", "NewtonLogisticRegression",
    "PrivateBernoulliNB", "PrivateGaussianNB", "PrivateLogisticRegression", "PrivateOnlineLogisticRegression",
]  # fmt: skip


def fitted(name: str, **given: Any) -> Any:
    from expunge import certified, private

    X = np.abs(np.random.default_rng(0).normal(size=(80, 3))) / 3
    y = np.array(["yes", "no"] * 40, dtype=object)
    y[5] = CANARY
    kind = getattr(certified, name, None) or getattr(private, name)
    return kind(delta=1e-3, noise_seed=1, **given).fit(X, y, record_ids=[f"rec{i}" for i in range(80)])


def holds(model: Any, folder: Any) -> bool:
    model.save(folder / "model")
    model.export(folder / "export")
    text = (folder / "model").read_bytes() + (folder / "export").read_bytes()
    return any(CANARY.encode(form) in text for form in ("utf-8", "utf-32-le"))


@pytest.mark.parametrize("name", NAMES)
def test_a_class_goes_with_its_last_record(name: str, tmp_path: Any) -> None:
    model = fitted(name)
    assert holds(model, tmp_path)
    plan = model.plan(["rec5"])
    removal = model.forget(["rec5"])
    assert not holds(model, tmp_path)
    assert model.classes_.tolist() == ["no", "yes"]
    assert (plan.work_low, plan.work_high) == (removal.work, removal.work)
    assert set(plan.touched) == set(removal.touched)
    assert plan.guarantee.statement == removal.guarantee.statement
    assert any("no record any more" in note for note in removal.notes)
    assert not any("no record any more" in note for note in model.forget(["rec7"]).notes)
    model.forget(classes=["yes"])
    assert set(model.predict(np.ones((4, 3)))) == {"no"}
    model.forget(model.record_ids_)
    model.save(tmp_path / "model")
    assert "no" not in expunge.load(tmp_path / "model")._state().parts.get("names", {}).get("classes", ())


@pytest.mark.parametrize("name", ["CertifiedLogisticRegression", "PrivateOnlineLogisticRegression"])
def test_a_corrected_label_takes_a_wrong_class_along(name: str, tmp_path: Any) -> None:
    model = fitted(name, on_exhausted="refuse")
    plan = model.plan_rectify(["rec5"], y="no")
    done = model.rectify(["rec5"], y="no")
    assert not holds(model, tmp_path)
    assert plan.work_low <= done.work <= plan.work_high
    assert model.classes_.tolist() == ["no", "yes"]


def test_other_records_of_the_class_are_found_wherever_they_are() -> None:
    model = expunge.GaussianNB().fit(np.arange(2000.0)[:, None], [0] * 1998 + [1] * 2, record_ids=range(2000))
    rows, names = model._rows(), {"classes": [0, 1]}
    for gone, is_last in (([3], False), ([1998], False), ([1998, 1999], True), ([], False)):
        assert is_last_of_a_class(rows, rows.find(gone) if gone else rows.slots()[:0], names) is is_last
    assert not is_last_of_a_class(rows, rows.find([1998, 1999]), {})

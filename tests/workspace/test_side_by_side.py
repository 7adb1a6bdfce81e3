"""Two open workspaces over one folder, as two processes have: one looks while the other changes."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

import expunge
from expunge.errors import TamperedError
from expunge.workspace import model_verbs
from expunge.workspace.models import models
from workspace.life import PEOPLE, people


@pytest.fixture
def both(tmp_path: Path) -> tuple[expunge.Workspace, expunge.Workspace]:
    people().to_csv(tmp_path / "people.csv", index=False)
    made = expunge.Workspace.init(tmp_path / "ws")
    made.data_add(tmp_path / "people.csv", record_id="id", subject_id="person")
    made.fit("m", data="people", target="label", method="gaussian-nb", ignore=["job"])
    return made, expunge.Workspace.open(made.path)


def test_a_version_that_takes_the_number_of_another_is_not_taken_for_it(
    both: tuple[expunge.Workspace, expunge.Workspace],
) -> None:
    looks, changes = both
    assert looks.predict("m", [{"size": 170.0}])["prediction"].tolist() in (["yes"], ["no"])
    ((number, before),) = looks._core.cache.items()
    changes.model_remove("m")
    changes.fit("m", data="people", target="label", method="ridge-classifier", ignore=["job"])
    looks.predict("m", [{"size": 170.0}])
    ((same, after),) = looks._core.cache.items()
    assert (same, after.entry == before.entry) == (number, False), "the number is given again"
    assert looks.model_show("m")["method"] == "RidgeClassifier"
    looks.forget(subjects=[PEOPLE[0]])
    assert changes.verify()


def test_what_another_has_changed_is_not_kept_in_memory(both: tuple[expunge.Workspace, expunge.Workspace]) -> None:
    looks, changes = both
    looks.predict("m", [{"size": 170.0}])
    changes.forget(subjects=[PEOPLE[0]])
    before = set(looks._core.cache)
    looks.model_list()
    assert before - set(looks._core.cache) == before


def test_who_looks_while_a_version_goes_looks_again(
    both: tuple[expunge.Workspace, expunge.Workspace], monkeypatch: pytest.MonkeyPatch
) -> None:
    looks, changes = both
    load, seen = models.load, list[int]()

    def late(core: Any, model: models.Model) -> Any:
        if core is changes._core:
            return load(core, model)
        seen.append(model.version)
        if seen == [1]:
            changes.forget(subjects=[PEOPLE[0]])
        return load(core, model)

    monkeypatch.setattr(model_verbs.models, "load", late)
    looks._core.cache.clear()
    assert len(looks.predict("m", [{"size": 170.0}])) == 1
    assert seen == [1, 2]
    seen.clear()
    shutil.rmtree(looks.path / "chunks")
    monkeypatch.setattr(model_verbs.models, "load", load)
    looks._core.cache.clear()
    with pytest.raises(TamperedError):
        looks.predict("m", [{"size": 170.0}])

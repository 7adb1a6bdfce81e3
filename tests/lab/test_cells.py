"""Ids of cells never change their meaning; unknown names are answered with the nearest; every method has a scenario."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expunge.errors import InvalidParameterError, InvalidRequestError, UnknownNameError
from expunge.lab import Cell, Scenario, Seeds, cross
from expunge.lab.honesty import check_run
from expunge.lab.matrices import MATRICES, NOT_IN_THE_LAB, choose, covered
from expunge.lab.network_methods import LAB_NETWORK_METHODS
from expunge.lab.results import read_run
from expunge.lab.runner import check_cells
from expunge.lab.sweeps import SWEEPS
from expunge.methods import METHODS
from expunge.methods.networks import NETWORK_MODELS

ROOT = Path(__file__).parents[2]

#: Written down once: what these ids mean must never change.
PERMANENT = {
    "adult/forest/subject/forget/s0": (("adult", "forest", "subject", "forget"), (0, 0, 0), 40),
    "digits@600/sisa@n_shards=4,n_slices=2/random@0.1/retrain/s1u2e3r0": (
        ("digits@600", "sisa@n_shards=4,n_slices=2", "random@0.1", "retrain"), (1, 2, 3), 0,
    ),
}  # fmt: skip

words = st.text("ab1-@=,_", min_size=1, max_size=8)


@pytest.mark.parametrize("text", PERMANENT)
def test_permanent_ids(text: str) -> None:
    parts, seeds, references = PERMANENT[text]
    assert Cell.parse(text) == Cell(Scenario(*parts), Seeds(*seeds), references)
    assert Cell.parse(text).id == text


@given(st.tuples(words, words, words, words), st.tuples(*[st.integers(0, 99)] * 4))
def test_every_cell_is_found_again_by_its_id(parts: tuple[str, ...], numbers: tuple[int, ...]) -> None:
    cell = Cell(Scenario(*parts), Seeds(*numbers[:3]), numbers[3])
    assert Cell.parse(cell.id) == cell


@pytest.mark.parametrize("text", ["", "adult", "a/b/c/d", "a/b/c/d/0", "a/b/c/s0", "a//c/d/s0", "a/b/c/d/s0x1"])
def test_what_is_no_id_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequestError):
        Cell.parse(text)


@pytest.mark.parametrize("odd", ["c@0.10", "c@0300", "c@x=1.0,y=2", "c@x=2,y=.5", "c@5."])
def test_a_number_has_one_spelling_so_that_a_cell_has_one_id(odd: str) -> None:
    with pytest.raises(InvalidRequestError, match="unusual"):
        Cell.parse(f"a/b/{odd}/d/s0")


def test_seeds_are_crossed() -> None:
    found = list(cross([Scenario("a", "b", "c", "d")], train=(0, 1), unlearn=(0, 1, 2), evaluation=(0, 1)))
    assert len(set(found)) == len({cell.id for cell in found}) == 12


@pytest.mark.parametrize(
    ("text", "near"),
    [
        ("adlt/forest/random/forget/s0", "adult"), ("digits/forrest/random/forget/s0", "forest"),
        ("digits/forest/randon/forget/s0", "random"), ("digits/forest/random/forgt/s0", "forget"),
    ],
)  # fmt: skip
def test_unknown_names_are_answered_with_the_nearest(text: str, near: str) -> None:
    with pytest.raises(UnknownNameError, match=near):
        check_cells([Cell.parse(text)])


@pytest.mark.parametrize(
    "text",
    [
        "digits@many/forest/random/forget/s0", "digits@3/forest/random/forget/s0",
        "digits/forest@depth=3/random/forget/s0",
        "digits/forest/random@n=3/forget/s0", "digits/forest/random@x/forget/s0", "digits/forest/random/forget@2/s0",
        "digits/forest@/random/forget/s0", "digits/bayes@3/random/forget/s0", "digits@1,n=2/bayes/random/forget/s0",
    ],
)  # fmt: skip
def test_a_dial_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(InvalidParameterError):
        check_cells([Cell.parse(text)])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("adult/forest/subject/forget", "method 'forget', no seeds"),
        ("adult//subject/forget/s0", "workload 'adult', no model, request 'subject'"),
        ("adult/forest/subject/forget/s0/s1", "seeds 's0', 's1' is too much"),
        ("adult/forest/subject/forget/x0", "'x0' are no seeds, which are written s0"),
        ("adult/forrest/*/forget/s0", "no model 'forrest'. Did you mean forest"),
        ("forest", "'forest' is a model, and no matrix"),
        ("adult@900", "'adult@900' is a workload, and no matrix"),
    ],
)
def test_of_a_wrong_name_the_part_that_is_wrong_is_told(text: str, said: str) -> None:
    with pytest.raises((InvalidRequestError, UnknownNameError), match=re.escape(said)):
        choose([text])


def test_unknown_matrix() -> None:
    with pytest.raises(UnknownNameError, match="small"):
        choose(["smal"])
    with pytest.raises(UnknownNameError, match="no cell like 'nothing/"):
        choose(["nothing/*/like/this"])


def test_every_public_method_is_in_a_scenario_or_left_out_with_a_reason() -> None:
    public = {*METHODS, *NETWORK_MODELS} | {entry.target.partition(":")[2] for entry in LAB_NETWORK_METHODS.values()}
    assert public - covered() - set(NOT_IN_THE_LAB) == set()
    assert covered() & set(NOT_IN_THE_LAB) == set(), "what is in a scenario needs no reason"
    assert set(NOT_IN_THE_LAB) - {*METHODS, *NETWORK_MODELS} <= {"NoisyFineTuning"}
    assert all(len(reason) > 20 for reason in NOT_IN_THE_LAB.values())


def test_the_reference_run_is_small_and_always_has_retrain_and_do_nothing() -> None:
    cells = MATRICES["small"].cells()
    assert 50 <= len(cells) <= 100
    audited: dict[str, set[str]] = {}
    for cell in cells:
        if cell.n_references:
            audited.setdefault(cell.shared, set()).add(cell.scenario.method)
    assert len(audited) >= 6
    assert all({"retrain", "do-nothing"} <= methods for methods in audited.values())


def test_the_committed_run_holds_the_cell_that_the_readme_reproduces() -> None:
    run = read_run(ROOT / "docs" / "lab")
    for page in ("README.md", "README.zh-CN.md", "docs/lab/reference.md"):
        (cell,) = re.findall(r"expunge lab reproduce (\S+) --run docs/lab", (ROOT / page).read_text(encoding="utf-8"))
        assert run.line(cell)["status"] == "done"
        assert cell.startswith(("digits", "breast-cancer")), "on data that comes with scikit-learn"
    assert not run.missing
    assert all(check.passed for check in check_run(run))


def test_all_names_of_all_matrices_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("expunge.lab.runner.check_workload", lambda text: None)  # the files may be missing here
    cells = {cell.scenario: cell for matrix in MATRICES.values() for cell in matrix.cells()}
    check_cells([*cells.values(), *(cell for sweep in SWEEPS.values() for cell in sweep.cells())])

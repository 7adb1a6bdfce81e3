"""Every family forgets or says that it cannot; intervals, fronts and tuning against twins; parts of one's own."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import itertools
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from expunge.errors import InvalidParameterError, InvalidRequestError, UnknownNameError, UnsupportedRequestError
from expunge.lab import Cell, run_cell
from expunge.lab.data import Data, Records
from expunge.lab.intervals import bootstrap, paired_bootstrap
from expunge.lab.measures import measure_names
from expunge.lab.methods import LAB_METHODS, apply_method, check_method, method_names
from expunge.lab.models import MODELS, build
from expunge.lab.network_methods import LAB_NETWORK_METHODS, NetworkEntry, forget_by_network_method
from expunge.lab.pictures import Curve, Dot, curves, pareto, scatter
from expunge.lab.spec import By
from expunge.lab.tasks import NUMBERS, TASKS
from expunge.lab.tuning import tune
from expunge.lab.workloads import load_workload, workload_names
from expunge.seeds import derive_seed

EXAMPLES = Path(__file__).parents[2] / "examples"


def small(kind: str) -> Data:
    """Sixty records of a kind."""
    rng = np.random.default_rng(0)
    ids = np.arange(60)
    y = ids % 3
    owners = np.array([f"p-{i // 3}" for i in ids], dtype=object)
    if kind == "text":
        words = ["sun rain cloud", "goal ball team", "stock bank price"]
        X: Any = np.array([f"{words[c]} w{rng.integers(9)} v{rng.integers(9)}" for c in y], dtype=object)
    elif kind == "image":
        X = (rng.random((60, 64)) * 0.5 + 0.5 * (np.arange(64) % 3 == y[:, None])).astype(np.float32)
    else:
        jobs = rng.choice(["a", "b", "c"], size=60)
        X = pd.DataFrame({"job": jobs, "age": y * 10 + rng.integers(0, 9, size=60), "pay": rng.random(60)})
    shape = (1, 8, 8) if kind == "image" else ()
    return Data("small", kind, X, y, ids, owners, ("x", "y", "z"), shape=shape)  # type: ignore[arg-type]


def asked(data: Data, task: str) -> Data:
    """The same rows, with another question."""
    if task == "numbers":
        return dataclasses.replace(data, y=data.X["age"].to_numpy(dtype=float), classes=(), task=NUMBERS)
    if task == "ranking" and data.kind == "table":
        X = pd.DataFrame({"user": data.subjects, "item": data.ids // 3 * 2 % 7 + data.ids % 3, "value": 1.0})
        return dataclasses.replace(data, X=X, y=X["item"].to_numpy(), classes=(), task=TASKS[task])
    if task in ("ranking", "answers"):
        told = [f"On {text} came Ann {i}." for i, text in enumerate(data.X.tolist())]
        X = pd.DataFrame({"question": [f"Who came on {text}?" for text in data.X], "passage": told})
        X["answer"] = [f"Ann {i}" for i in range(60)]
        return dataclasses.replace(data, X=X, y=data.ids, classes=(), task=TASKS[task])
    X = data.X.drop(columns=["job"]).to_numpy()
    return dataclasses.replace(data, X=X, y=data.y if task == "groups" else data.y // 2, task=TASKS[task])


SIZES = {"mlp": "mlp@4", "forest": "forest@3", "sisa": "sisa@2", "sisa-mlp": "sisa-mlp@2", "fourier": "fourier@10",
         "pca-lda": "pca-lda@4", "estimator": "estimator@GaussianNB", "svd-ridge": "svd-ridge@4",
         "descent": "descent@n_steps=5", "langevin": "langevin@noise=0.5", "mlp-numbers": "mlp-numbers@4",
         "sisa-numbers": "sisa-numbers@2", "forest-numbers": "forest-numbers@3",
         "isolation": "isolation@5"}  # fmt: skip
CERTIFIED = {"certified", "certified-ridge", "descent", "langevin", "newton", "private", "private-bayes",
             "private-bernoulli", "private-online"}  # fmt: skip
NETWORKS = {"cnn": "cnn@width=2,epochs=1", "net-mlp": "net-mlp@width=4,epochs=1", "net-softmax": "net-softmax@epochs=1",
            "cnn-strided": "cnn-strided@width=2,epochs=1", "resnet18": "resnet18@width=2,epochs=1"}  # fmt: skip


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("name", sorted(MODELS))
def test_every_family_trains_answers_and_forgets(name: str) -> None:
    kind = "text" if MODELS[name].kinds == ("text",) else "image" if "image" in MODELS[name].kinds else "table"
    data = small(kind)
    if name == "filled-ridge":
        data = dataclasses.replace(data, X=data.X.drop(columns=["job"]))
    if (task := MODELS[name].task) != "classes":
        data = asked(data, task)
    learner = build({**SIZES, **NETWORKS}.get(name, name), data)
    records = Records.of(data, data.ids < 50)
    model = learner.train(records, 1)
    answers = learner.answer(model, data.rows(np.arange(60)), 3)
    assert answers.shape == {"classes": (60, 3), "ranking": (60, len(set(data.y))), "answers": (60, 2)}.get(task, (60,))
    assert task != "classes" or np.allclose(answers.sum(axis=1), 1)
    assert len(data.task.read(answers, data.y, learner.floor)["logit"]) == 60
    assert learner.digest(learner.train(records, 1)) == learner.digest(model)
    assert learner.n_bytes(model) > 0
    assert learner.work_of_training(model, records) >= 50
    gone = np.array([4, 9])
    outcome = learner.forget(model, records, gone, 0)
    assert (outcome is None) == (name in NETWORKS)
    if outcome is not None:
        same = learner.digest(outcome.model) == learner.digest(learner.train(records.without(gone), 1))
        refitted = name == "certified-ridge"  # the scaler before it moves, so it is trained anew with the same noise
        assert same == (outcome.guarantee == "exact" or refitted)
        assert (outcome.guarantee == "certified") == (name in CERTIFIED)


@pytest.mark.parametrize("name", ["categorical", "ridge", "scaled-bayes", "bernoulli", "softmax", "bayes", "tree"])
def test_tables_with_categories(name: str) -> None:
    data = small("table")
    learner = build(name, data)
    records = Records.of(data, data.ids < 50)
    model = learner.train(records, 1)
    outcome = learner.forget(model, records, np.array([4]), 0)
    assert outcome is not None
    assert learner.digest(outcome.model) == learner.digest(learner.train(records.without(np.array([4])), 1))


@pytest.mark.parametrize("kind", ["table", "text"])
@pytest.mark.parametrize("name", ["certified", "descent@n_steps=5", "langevin@noise=0.5", "newton", "private"])
def test_rows_of_certified_models_keep_their_bound(name: str, kind: str) -> None:
    data = small(kind)
    learner = build(name, data)
    records = Records.of(data, data.ids < 50)
    model = learner.train(records, 1)
    (front, last) = (step for _, step in model.steps)
    rows = front.fit_transform(records.X)
    lengths = np.sqrt(np.asarray(np.square(rows.toarray() if hasattr(rows, "toarray") else rows)).sum(axis=1))
    assert np.median(lengths) <= 1.2 * last.norm_bound  # most rows are hardly cut
    outcome = learner.forget(model, records, np.array([4]), 0)
    assert outcome is not None
    assert outcome.guarantee == "certified"


def test_certified_models_of_texts_choose_their_words() -> None:
    data = small("text")
    learner = build("certified@words=tfidf", data)
    records = Records.of(data, data.ids < 50)
    outcome = learner.forget(learner.train(records, 1), records, np.array([4]), 0)
    assert outcome is not None
    assert outcome.guarantee == "certified"
    with pytest.raises(InvalidParameterError, match="'hashed' or 'tfidf'"):
        build("certified@words=bytes", data)


def test_a_model_says_what_it_does_not_take() -> None:
    with pytest.raises(InvalidParameterError, match="does not take text data"):
        build("cnn", small("text"))


# ---------------------------------------------------------------- networks


def test_networks_leave_the_global_generator_alone_and_are_moved_by_their_records() -> None:
    import torch

    data = small("image")
    learner = build("cnn@width=2,epochs=2", data)
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    first = learner.train(Records.of(data, data.ids < 50), 1)
    assert torch.equal(before, torch.random.get_rng_state())
    assert learner.digest(first) != learner.digest(learner.train(Records.of(data, data.ids < 50), 2))
    assert learner.digest(first) != learner.digest(learner.train(Records.of(data, data.ids < 49), 1))


def test_steps_in_the_log_of_a_network_lead_from_its_first_weights_to_its_last() -> None:
    data = small("image")
    learner = build("cnn-strided@width=2,epochs=2", data)
    learner.batch = 20  # type: ignore[attr-defined]
    records = Records.of(data, data.ids < 50)
    model = learner.train(records, 1)
    start, digest = learner.starts[model], learner.digest(model)  # type: ignore[attr-defined]
    log = learner.updates(model, records, records.ids)  # type: ignore[attr-defined]
    total, n_steps = log.sum_of(records.ids)
    assert n_steps == len(log) == 6
    for name, value in model.named_parameters():
        np.testing.assert_allclose((start[name] + total[name]).numpy(), value.detach().numpy(), atol=1e-6)
    assert learner.digest(model) == digest
    assert log is learner.updates(model, records, records.ids)  # type: ignore[attr-defined]
    fewer = learner.updates(model, records, records.ids[:1])  # type: ignore[attr-defined]
    assert fewer.holds(records.ids).sum() < 50


def test_resnet18_has_the_size_of_the_paper() -> None:
    import torch

    from expunge.lab.models.resnet import resnet

    model = resnet((3, 32, 32), 10)
    assert sum(p.numel() for p in model.parameters()) == 11_173_962  # 11.2 million, with the small stem
    assert model.eval()(torch.zeros(1, 3, 32, 32)).shape == (1, 10)
    convolutions = [m for m in model.modules() if isinstance(m, torch.nn.Conv2d) and m.kernel_size == (3, 3)]
    assert len(convolutions) + 1 == 18


def test_a_method_for_networks_is_called_as_the_library_documents_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in with the documented call: ``Method(...).forget(model, task, ids, seed, strength=...)``."""
    import types

    seen: dict[str, Any] = {}

    class Fake:
        def __init__(self, *, epochs: int = 1) -> None:
            seen["epochs"] = epochs

        def forget(self, model: Any, task: Any, ids: Any, seed: int, *, strength: float) -> Any:
            seen.update(task=task, ids=ids, seed=seed, strength=strength)
            guarantee = types.SimpleNamespace(kind="empirical")
            return model, types.SimpleNamespace(work=7, guarantee=guarantee, elapsed_s=0.5)

    module = types.ModuleType("fake_networks")
    module.Fake = Fake  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "fake_networks", module)
    data = small("image")
    learner = build("net-softmax@epochs=1", data)
    monkeypatch.setattr(type(learner), "task", lambda self, records: ("task", len(records)))
    records = Records.of(data, data.ids < 50)
    forget = forget_by_network_method(NetworkEntry("fake_networks:Fake", "a stand-in", {}))
    outcome = forget(learner, learner.train(records, 0), records, np.array([3, 5]), 11, strength=2.0, epochs=4)
    assert (outcome.work, outcome.guarantee, outcome.elapsed_s) == (7, "empirical", 0.5)
    assert seen == {"epochs": 4, "task": ("task", 50), "ids": [3, 5], "seed": 11, "strength": 2.0}


def test_images_are_shifted_and_mirrored_by_their_records_alone() -> None:
    from expunge.lab.models.networks import shifted

    rows = np.random.default_rng(0).random((6, 256)).astype(np.float32)
    ids = np.arange(6)
    together = shifted(rows, (1, 16, 16), ids, 0, 0)
    assert np.array_equal(shifted(rows[4:], (1, 16, 16), ids[4:], 0, 0), together[4:])
    assert not np.array_equal(shifted(rows, (1, 16, 16), ids, 0, 1), together)


# ---------------------------------------------------------------- intervals, fronts, pictures


def test_the_bootstrap_against_all_resamples() -> None:
    values = [0.1, 0.7, 0.4, 0.2]
    means = sorted(sum(chosen) / 4 for chosen in itertools.product(values, repeat=4))
    found = bootstrap(values)
    low = next(m for i, m in enumerate(means, 1) if i / len(means) >= 0.025 - 1e-12)
    high = next(m for i, m in enumerate(means, 1) if i / len(means) >= 0.975 - 1e-12)
    assert (found.low, found.high) == (pytest.approx(low), pytest.approx(high))
    assert bootstrap([3.0]) == (3.0, 3.0, 3.0)
    many = np.random.default_rng(0).normal(size=40).tolist()
    found = bootstrap(many)
    assert found.low < np.mean(many) < found.high
    assert found.high - found.low == pytest.approx(2 * 1.96 * np.std(many) / 40**0.5, rel=0.15)
    assert found == bootstrap(many)


def test_pairs_are_kept_together() -> None:
    first, second = [1.0, 5.0, 9.0], [0.9, 4.9, 8.9]
    found = paired_bootstrap(first, second)
    assert (found.low, found.high) == (pytest.approx(0.1), pytest.approx(0.1))


def test_the_front_against_a_loop() -> None:
    rng = np.random.default_rng(0)
    dots = [Dot(float(x), float(y), str(i), "") for i, (x, y) in enumerate(rng.integers(1, 9, size=(30, 2)))]
    front = pareto(dots)
    for i, a in enumerate(dots):
        beaten = any(b.x <= a.x and b.y <= a.y and (b.x, b.y) != (a.x, a.y) for b in dots)
        assert (i in front) != beaten


def test_pictures_of_nothing_and_of_one_value() -> None:
    assert scatter([], across="a", up="b") == curves([], across="a", up="b") == ""
    one = scatter([Dot(1.0, 0.0, "<x>", "")], across="a", up="b")
    assert "&lt;x&gt;" in one
    assert "nan" not in one
    assert "nan" not in curves([Curve("c", [1], [2])], across="a", up="b", log=True)
    assert '<polygon class="band c0"' in curves([Curve("c", [1, 2], [2, 3], [1, 2], [3, 4])], across="a", up="b")


# ---------------------------------------------------------------- tuning


def test_tuning_finds_the_better_dial_and_repeats() -> None:
    cell = "digits@300/tree/random@0.1/soften/s0r0"
    found = tune(cell, n_trials=6, draws=1)
    assert found.best.startswith("soften@strength=")
    assert len(found.trials) == 6
    assert found.gap == min(gap for _, gap in found.trials)
    assert found == tune(cell, n_trials=6, draws=1)


def test_tuning_never_looks_at_what_is_audited(monkeypatch: pytest.MonkeyPatch) -> None:
    from expunge.lab import tuning
    from expunge.lab.trial import prepare

    cell = Cell.parse("digits@300/tree/random@0.1/soften/s0r0")
    trial, stages = prepare(cell), tuning._stages(cell, 2)
    seen = np.concatenate([trial.data.ids[places] for stage in stages for places in stage.places.values()])
    seen = np.concatenate([seen, *(stage.records.ids for stage in stages)])
    audited = trial.drawn.mask() | trial.parts.held_out | trial.parts.test
    assert not set(seen.tolist()) & set(trial.data.ids[audited].tolist())


def test_each_draw_of_tuning_has_a_model_a_forget_set_and_references_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from expunge.lab import tuning
    from expunge.lab.models.networks import NetworkLearner

    seeds, train = [], NetworkLearner.train
    monkeypatch.setattr(NetworkLearner, "train", lambda self, r, seed: seeds.append(seed) or train(self, r, seed))
    cell = Cell.parse("digits@200/net-softmax@epochs=1/random@0.1/ssd/s0e3r0")
    stages = tuning._stages(cell, 3)
    assert len(seeds) == len(set(seeds)) == 15
    audited = {derive_seed(cell.seeds.train, "lab train"), derive_seed(cell.seeds.evaluation, "lab train")}
    assert not audited & set(seeds)
    assert len({tuple(stage.ids.tolist()) for stage in stages}) == 3
    found = tune(cell.id, n_trials=2, draws=3)
    assert found.gap == pytest.approx(sum(found.of_draws) / 3)
    assert len(set(found.of_draws)) == 3
    classes = [tuning._another("class@9", 10, number) for number in range(9)]
    assert classes == [f"class@{c}" for c in range(9)], "the audited class is none of them"
    with pytest.raises(InvalidRequestError, match="draws"):
        tune(cell.id, draws=0)


def test_a_range_follows_from_the_dial_before_it() -> None:
    from expunge.lab import tuning

    class Highest:
        def suggest_int(self, dial: str, low: int, high: int) -> int:
            return high

    space = By("k", {1: (5, 20), 2: (5, 16)})
    assert [tuning._suggest(Highest(), "epochs", space, {"k": k}) for k in (1, 2)] == [20, 16]
    for entry in LAB_NETWORK_METHODS.values():
        before = list(entry.space)
        for dial, values in entry.space.items():
            if isinstance(values, By):
                low, high = entry.space[values.dial]
                assert before.index(values.dial) < before.index(dial)
                assert list(values.spaces) == list(range(low, high + 1))


def test_a_model_that_answers_no_numbers_is_as_bad_as_can_be(monkeypatch: pytest.MonkeyPatch) -> None:
    from expunge.lab import tuning

    stage = tuning._stage(Cell.parse("digits@300/tree/random@0.1/soften/s0r0"), 0)
    assert tuning._gap(stage, "soften@strength=0.5") < 1.0
    monkeypatch.setattr(tuning, "answers_of", lambda trial, model, X: np.full((len(X), 10), np.nan))
    assert tuning._gap(stage, "soften@strength=0.5") == 1.0


def test_nothing_to_tune_is_said() -> None:
    with pytest.raises(InvalidRequestError, match="nothing to tune"):
        tune("digits@300/tree/random/retrain/s0r0")


def test_tuning_refuses_a_model_that_the_method_cannot_change_before_it_trains(monkeypatch: pytest.MonkeyPatch) -> None:
    from expunge.lab import tuning

    monkeypatch.setattr(tuning, "_stages", lambda *given: pytest.fail("references are trained"))
    with pytest.raises(UnsupportedRequestError, match="changes PyTorch networks"):
        tune("digits@300/tree/random@0.1/ssd/s0r0", n_trials=1, draws=1)


@pytest.mark.parametrize("name", LAB_NETWORK_METHODS)
def test_what_is_tuned_or_named_is_an_argument_of_the_method(name: str) -> None:
    module, _, attribute = LAB_NETWORK_METHODS[name].target.partition(":")
    kind = getattr(importlib.import_module(module), attribute)
    known, (method, _) = set(inspect.signature(kind).parameters), check_method(name)
    assert {"strength"} <= set(method.space) <= known | {"strength"}
    no_text = {"held_out", "log", "start"}  # weights, a task and a log
    assert set(method.dials) == known - no_text - {"noise_seed"}, "noise that can be repeated is for tests"
    assert method.what == (kind.__doc__ or "").partition("\n")[0]


def test_rewinding_looks_at_validation_records_of_the_forgotten_classes(monkeypatch: pytest.MonkeyPatch) -> None:
    from expunge.lab.trial import prepare
    from expunge.methods.networks.scrub import SCRUB

    asked, own = [], SCRUB.forget
    monkeypatch.setattr(SCRUB, "forget", lambda self, *given, **more: asked.append(self) or own(self, *given, **more))
    trial = prepare(Cell.parse("digits@300/net-softmax@epochs=1/class@3/scrub-r/s0r0"))
    records = trial.records(trial.parts.train)
    model, ids = trial.learner.train(records, 0), trial.data.ids[trial.drawn.mask()]
    apply_method("scrub-r@epochs=2,anneal=1", trial.learner, model, records, ids, 0)
    assert asked[0].anneal is True, "names write 1 for yes"
    seen = trial.parts.validation & (trial.data.y == 3)
    assert asked[0].held_out.ids.tolist() == trial.data.ids[seen].tolist()
    apply_method("scrub", trial.learner, model, records, ids, 0)
    assert asked[1].held_out is None
    trial.learner.unseen = trial.learner.unseen.without(trial.data.ids[seen])
    with pytest.raises(UnsupportedRequestError, match="unseen"):
        apply_method("scrub-r", trial.learner, model, records, ids, 0)


def test_a_network_method_is_tuned_by_its_own_dials() -> None:
    found = tune("digits@200/net-softmax@epochs=1/random@0.1/ssd/s0r0", n_trials=1, draws=1)
    assert found.best.startswith("ssd@strength=")


def test_tuning_of_a_class_forgets_another_one_and_trains_a_network_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from expunge.lab import tuning
    from expunge.lab.models.networks import NetworkLearner

    trained, train = [], NetworkLearner.train

    def counted(self: Any, records: Records, seed: int) -> Any:
        trained.append(seed)
        return train(self, records, seed)

    monkeypatch.setattr(NetworkLearner, "train", counted)
    cell = Cell.parse("digits@200/net-softmax@epochs=1/class@9/fine-tuning/s0r0")
    (stage,) = tuning._stages(cell, 1)
    forgotten = stage.trial.data.y[np.isin(stage.trial.data.ids, stage.ids)]
    assert set(forgotten.tolist()) == {0}
    assert 9 not in stage.records.y
    tune(cell.id, n_trials=3, draws=1)
    assert len(trained) == 5, "four references and one model"


def test_a_setting_that_breaks_the_model_is_as_bad_as_can_be(monkeypatch: pytest.MonkeyPatch) -> None:
    from expunge.errors import LimitBrokenError
    from expunge.lab import tuning

    def broken(*args: Any) -> Any:
        raise LimitBrokenError("it diverged")

    monkeypatch.setattr(tuning, "apply_method", broken)
    assert tune("digits@200/net-softmax@epochs=1/random@0.1/ssd/s0r0", n_trials=1, draws=1).gap == 1.0


# ---------------------------------------------------------------- parts of one's own


@pytest.mark.parametrize("name", ["my_method", "my_data", "my_measure"])
def test_examples_are_short_and_run(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = EXAMPLES / f"{name}.py"
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 30
    runpy.run_path(str(path), run_name="__main__")
    assert any(character.isdigit() for character in capsys.readouterr().out)


def test_examples_are_found_by_their_entry_points(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info = tmp_path / "mine-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: mine\nVersion: 1\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(
        "[expunge.lab.methods]\npartial = my_method:METHOD\n[expunge.lab.workloads]\nmoons = my_data:WORKLOAD\n"
        "[expunge.lab.measures]\nsurer = my_measure:MEASURE\n[expunge.methods]\nNearestMean = my_model:NearestMean\n",
        encoding="utf-8",
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.syspath_prepend(str(EXAMPLES))
    assert "partial" in method_names()
    assert "moons" in workload_names()
    assert "surer" in measure_names()
    assert len(load_workload("moons@60")) == 60
    scores = run_cell(Cell.parse("moons@200/tree/random@0.2/partial@0.6/s0r0")).scores["scores"]
    assert 0.3 < scores["work_share"] < 0.9
    assert scores["surer"] is not None
    own = run_cell(Cell.parse("moons@200/estimator@NearestMean/random@0.2/retrain/s0r0"))
    assert own.scores["status"] == "done"


def test_unknown_parts_are_answered_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="digits"):
        load_workload("digit")
    assert set(LAB_METHODS) >= {"retrain", "do-nothing", "forget", "output-filter"}


def test_listing_imports_no_torch() -> None:
    code = (
        "import sys\nfrom expunge.lab.verbs import list_things\nfrom expunge.lab.matrices import choose\n"
        "list_things(); choose(['small'])\nprint('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False"]

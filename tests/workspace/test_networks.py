"""Networks in a workspace: taken over, forgotten from, audited, verified; nothing of the person is left in any file."""

from __future__ import annotations

import importlib
import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

torch = pytest.importorskip("torch")

from safetensors.torch import save_file  # noqa: E402 - torch may be absent

import expunge  # noqa: E402
from expunge.cli import run  # noqa: E402
from expunge.errors import (  # noqa: E402
    InvalidParameterError,
    InvalidRequestError,
    LimitBrokenError,
    TamperedError,
    UnknownNameError,
    UnsupportedEstimatorError,
    UnsupportedRequestError,
)
from expunge.methods import kebab  # noqa: E402
from expunge.methods.networks import NETWORK_METHODS, strongest_of  # noqa: E402
from expunge.networks import register  # noqa: E402
from methods.blueprints import Untrained, enter_as_package  # noqa: E402
from workspace import life, network_life  # noqa: E402
from workspace.searching import search  # noqa: E402

ROOT = Path(__file__).parents[2]
FACES = Path(os.environ.get("EXPUNGE_DATA", ROOT.parent / "shared" / "data")) / "orl_faces.npz"

Call = Callable[..., Any]


@pytest.fixture(scope="module")
def living(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with a network of each kind, before the first request; not to be changed."""
    root = tmp_path_factory.mktemp("networks") / "ws"
    network_life.begin(root).close()
    return root


@pytest.fixture
def workspace(living: Path, tmp_path: Path) -> expunge.Workspace:
    import shutil

    network_life.enter()
    shutil.copytree(living, tmp_path / "ws")
    return expunge.Workspace.open(tmp_path / "ws")


# ------------------------------------------------------------------ every kind of network


def test_no_byte_of_a_forgotten_person_is_left_by_networks(workspace: expunge.Workspace) -> None:
    ws = workspace
    before = search(ws.path, network_life.CANARIES, network_life.cells())
    assert {what for what, _ in before} == {"person", "record", "label", "number", "short"}
    planned = {name: plan.guarantee.kind for name, plan in ws.plan(subjects=[network_life.PERSON])}
    (answer,) = ws.forget(subjects=[network_life.PERSON])
    assert answer.request.state == "done"
    kinds = {change["model"]: change["guarantee"]["kind"] for change in answer.models}
    assert kinds == {"adopted": "empirical", "replayed": "exact", "sliced": "exact", "headed": "exact"} == planned
    assert search(ws.path, network_life.CANARIES, network_life.cells()) == {}
    verdict = ws.verify(answer.receipt, replay=True)
    assert verdict
    assert str(verdict).count("has the digest that the receipt commits to") == 3
    assert "adopted: the guarantee is empirical; there is no digest to compare" in str(verdict)
    assert ws.verify()
    ws.close()


def test_by_every_method_a_network_forgets_with_a_receipt(tmp_path: Path) -> None:
    """One network, taken over once for each method: a request changes them all, and its receipt names them."""
    network_life.enter()
    frame = network_life.people().drop(index=7)
    frame.to_parquet(tmp_path / "people.parquet", index=False)
    files = network_life.trained(tmp_path, frame)
    given: dict[str, dict[str, Any]] = {
        "Amnesiac": {"log": files["log"]}, "SingleStep": {"start": tmp_path / "first.safetensors"},
        "NoisyFineTuning": {"options": {"n_steps": 2}},
    }  # fmt: skip
    ws = expunge.Workspace.init(tmp_path / "ws")
    ws.data_add(tmp_path / "people.parquet", record_id="id", subject_id="person")
    for name in NETWORK_METHODS:
        how = given.get(name, {})
        ws.adopt(name, task="tiny", data="people", method=kebab(name), state=files["state"], **how)
    (answer,) = ws.forget(subjects=["p2"])
    verdict = ws.verify(answer.receipt)
    assert verdict
    told = {model.model: model.guarantee for model in verdict.receipt.models}
    assert {name: guarantee.kind for name, guarantee in told.items()} == {n: strongest_of(n) for n in NETWORK_METHODS}
    assert [n for n, g in told.items() if not g.statement.startswith(n)] == ["NoisyFineTuning"]  # it tells its budget
    ws.close()


def test_checkpoints_logs_and_slices_after_a_record_are_deleted_and_earlier_ones_stay(
    workspace: expunge.Workspace,
) -> None:
    from expunge.workspace.models import models

    def parts() -> dict[str, set[str]]:
        core, out = workspace._core, {}
        with core.read() as connection:
            for model in models.live_models(core, connection):
                held = models.load(core, model)
                out[model.name] = {chunk["chunk"] for chunk in held.parts.values()}
                assert all((workspace.path / "chunks" / name[:2] / name).exists() or _stored(workspace, name)
                           for name in out[model.name])  # fmt: skip
        return out

    before = parts()
    workspace.forget(records=["r000"])
    after = parts()
    stored = {path.name for path in (workspace.path / "chunks").rglob("*") if path.is_file()}
    for name in ("adopted", "replayed", "sliced"):
        gone = before[name] - after[name]
        assert gone, name
        assert not any(any(chunk in path for path in stored) for chunk in gone)
    assert before["adopted"] & after["adopted"]  # steps of other batches
    assert before["headed"] & after["headed"]  # weights that never change


def _stored(ws: expunge.Workspace, name: str) -> bool:
    return any(name in path.name for path in (ws.path / "chunks").rglob("*"))


def test_corrections_are_refused_where_a_network_cannot_and_made_where_all_can(
    workspace: expunge.Workspace, tmp_path: Path
) -> None:
    frame = network_life.people()
    frame.iloc[[4]].assign(x1=0.5)[["id", "x1"]].to_parquet(tmp_path / "corrected.parquet", index=False)
    with pytest.raises(UnsupportedRequestError, match="learns no further records"):
        workspace.rectify(tmp_path / "corrected.parquet", data="people")
    workspace.model_remove("adopted")
    how = {"task": "tiny", "method": "gradient-step", "state": workspace.path.parent / "model.safetensors"}
    network_life.trained(workspace.path.parent, frame)
    workspace.adopt("adopted", data="people", **how)
    (answer,) = workspace.rectify(tmp_path / "corrected.parquet", data="people")
    assert answer.request.state == "done"
    assert {change["guarantee"]["kind"] for change in answer.models} == {"exact", "empirical"}
    assert workspace.verify()


def test_records_that_come_later_are_learned_by_those_that_can(workspace: expunge.Workspace, tmp_path: Path) -> None:
    more = network_life.people().iloc[:3].assign(id=["n1", "n2", "n3"], person="somebody")
    more.to_parquet(tmp_path / "more.parquet", index=False)
    told = workspace.data_append("people", tmp_path / "more.parquet", learn=True)
    assert told["refit"] == ["adopted"]
    assert set(told["learned"]) == {"replayed", "sliced", "headed"}
    assert workspace.verify()


def test_what_is_no_network_of_the_task_is_refused_and_nothing_is_kept(living: Path, tmp_path: Path) -> None:
    network_life.enter()
    ws, files = expunge.Workspace.init(tmp_path / "ws"), living.parent
    ws.data_add(files / "people.parquet", record_id="id", subject_id="person")
    good = {"data": "people", "task": "tiny", "state": files / "model.safetensors"}
    (tmp_path / "no.safetensors").write_bytes(b"no")
    wrong: list[tuple[dict[str, Any], Any, str]] = [
        ({"state": None}, InvalidParameterError, "--state"),
        ({"state": tmp_path / "no.safetensors"}, TamperedError, "no weights"),
        ({"task": "nobody"}, UnknownNameError, "There is no task"),
        ({"task": "methods.blueprints:Tiny"}, UnknownNameError, "There is no task"),
        ({"ignore": ("x0",)}, UnsupportedEstimatorError, "do not fit"),
        ({"options": {"epoch": 1}}, InvalidParameterError, "no option 'epoch'"),
        ({"options": {"max_retain_drop": -1}}, InvalidParameterError, "max_retain_drop"),
    ]
    for changed, kind, words in wrong:
        with pytest.raises(kind, match=words):
            ws.adopt("m", **{**good, **changed})
    with pytest.raises(InvalidParameterError, match="--target"):
        ws.adopt("m", data="people")
    with pytest.raises(UnsupportedRequestError, match="expunge adopt NAME --task"):
        ws.fit("m", data="people", target="label", method="scrub")
    with pytest.raises(InvalidParameterError, match="--option task"):
        ws.fit("m", data="people", target="label", method="replayed-network")
    assert ws.status()["models"] == []
    assert ws.verify()


def test_a_limit_that_breaks_leaves_the_request_waiting_and_the_model_as_it_was(living: Path, tmp_path: Path) -> None:
    network_life.enter()
    ws, files = expunge.Workspace.init(tmp_path / "ws"), living.parent
    ws.data_add(files / "people.parquet", record_id="id", subject_id="person")
    options = {"epochs": 5, "lr": 1.0, "max_step_norm": 0.001}
    ws.adopt("m", data="people", task="tiny", state=files / "model.safetensors", method="gradient-ascent",
             options=options)  # fmt: skip
    before = ws.predict("m", files / "people.parquet")
    with pytest.raises(LimitBrokenError, match="Request 1 waits"):
        ws.forget(records=["r001"])
    assert [answer.request.state for answer in ws.request_list()] == ["received"]
    pd.testing.assert_frame_equal(ws.predict("m", files / "people.parquet"), before)
    assert ws.status()["models"][0]["version"] == 1


def test_the_model_whose_limit_breaks_is_named_and_can_be_changed(living: Path, tmp_path: Path) -> None:
    network_life.enter()
    ws, files = expunge.Workspace.init(tmp_path / "ws"), living.parent
    ws.data_add(files / "people.parquet", record_id="id", subject_id="person")
    ws.fit("sums", data="people", target="label", method="gaussian-nb")
    how: dict[str, Any] = {"data": "people", "task": "tiny", "state": files / "model.safetensors"}
    ws.adopt("loose", **how, method="fine-tuning", options={"epochs": 1})
    ws.adopt("tight", **how, method="scrub", options={"epochs": 1, "lr": 0.1, "max_step_norm": 1e-6})
    with pytest.raises(LimitBrokenError) as refused:
        ws.forget(records=["r001"])
    told = str(refused.value)
    assert "Model 'tight' stops the request. The model is returned untouched" in told
    assert "expunge model change tight" in told
    assert "take more epochs or a lower lr" in told
    assert "auto" not in told
    assert "fewer records" not in told

    with pytest.raises(UnsupportedRequestError, match="sums"):
        ws.model_change("sums", options={"strength": 0.5})
    with pytest.raises(InvalidRequestError, match="Name what to change"):
        ws.model_change("tight")
    for wrong in ({"max_step_nrom": 1}, {"strength": "high"}, {"epochs": -1}, {"max_step_norm": -1}):
        with pytest.raises(InvalidParameterError):
            ws.model_change("tight", options=wrong)
    before, entries = ws.predict("tight", files / "people.parquet"), len(ws.log())
    told_of = ws.model_change("tight", options={"max_step_norm": None, "max_retain_drop": 1.0, "strength": 0.5})
    assert (told_of["version"], told_of["options"]["limits"]) == (2, {"max_retain_drop": 1.0})
    assert (told_of["options"]["options"], told_of["options"]["strength"]) == ({"epochs": 1, "lr": 0.1}, 0.5)
    assert [(e["kind"], e["model"], e["version"]) for e in ws.log()[entries:]] == [("new-version", "tight", 2)]
    assert ws.model_change("loose", method="neg-grad-plus")["guarantee"]["statement"].startswith("NegGradPlus")
    ws.close()
    ws = expunge.Workspace.open(tmp_path / "ws")
    pd.testing.assert_frame_equal(ws.predict("tight", files / "people.parquet"), before)
    (answer,) = ws.request_run()
    assert answer.request.state == "done"
    assert {change["model"]: change["version_after"] for change in answer.models} == {"sums": 2, "loose": 3, "tight": 3}
    assert ws.verify(answer.receipt)
    assert ws.verify()


def test_a_network_that_answers_in_another_order_of_its_outputs_is_told(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three classes as words; the network has one output for each in the order in which they are counted."""
    names = ["zero", "one", "two"]
    frame = pd.DataFrame(np.tile(np.eye(3), (4, 1)), columns=["a", "b", "c"]).assign(
        id=[f"r{i}" for i in range(12)], label=names * 4
    )
    frame.to_parquet(tmp_path / "words.parquet", index=False)
    save_file({"weight": torch.eye(3), "bias": torch.zeros(3)}, tmp_path / "model.safetensors")
    register("words", Words)
    monkeypatch.setenv("EXPUNGE_WORKSPACE", str(tmp_path / "ws"))
    call("init", tmp_path / "ws")
    call("data", "add", tmp_path / "words.parquet", "--record-id", "id")
    how = ("--task", "words", "--state", tmp_path / "model.safetensors", "--data", "words", "--method")
    told = call("adopt", "m", *how, "scrub")
    assert told["measured"] == pytest.approx(0.0)
    (note,) = told["notes"]
    assert "classes 'one', 'two', 'zero' (sorted)" in note
    assert "In the order 'zero', 'one', 'two' it would answer 100.0% rightly" in note
    assert "set labels in the blueprint 'words'" in note
    hint = call("adopt", "m", *how, "scrub", code=3)["error"]["hint"]
    assert "expunge model remove m" in hint
    assert "--force" not in hint
    for option, words in (("strength=auto", "is no number"), ("strength=high", "is no number"),
                          ("epoch=2", "scrub has no option 'epoch'. Did you mean epochs")):  # fmt: skip
        error = call("adopt", "n", *how, "scrub", "--option", option, code=9)["error"]
        assert words in f"{error['message']} {error['hint']}"
    error = call("adopt", "n", *how, "scrubb", code=13)["error"]
    assert error["hint"].startswith("Did you mean scrub")

    monkeypatch.setattr(Words, "labels", names)
    told = call("adopt", "right", *how, "scrub")
    assert (told["measured"], told["notes"]) == (1.0, [])
    changed = call("model", "change", "right", "--option", "strength=0.5")
    assert (changed["version"], changed["options"]["strength"]) == (2, 0.5)


class Words(Untrained):
    """One output for each of three words."""

    target = "label"


def test_without_a_training_an_audit_cannot_tell_and_the_receipt_says_so(tmp_path: Path) -> None:
    register("untrained", Untrained)
    frame = network_life.people().drop(index=7)
    frame.to_parquet(tmp_path / "people.parquet", index=False)
    save_file(Untrained().network(4, 2).state_dict(), tmp_path / "model.safetensors")
    ws = expunge.Workspace.init(tmp_path / "ws")
    ws.data_add(tmp_path / "people.parquet", record_id="id", subject_id="person")
    ws.adopt("m", data="people", target="label", task="untrained", state=tmp_path / "model.safetensors")
    (answer,) = ws.forget(records=["r001", "r002"], audit=4)
    assert answer.models[0]["audit"]["verdict"] == "cannot tell"
    assert "unsupported-request" in answer.models[0]["audit"]["sentence"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "point",
    ["fit-chunks-written", "forget-model-written", "forget-switched", "scrub-chunks-deleted", "receipt-entered"],
)
def test_nothing_is_lost_where_a_workspace_with_networks_is_killed(point: str, living: Path, tmp_path: Path) -> None:
    import shutil

    expected, root = tmp_path / "plain" / "ws", tmp_path / "killed" / "ws"
    shutil.copytree(living, expected)
    network_life.live(expected)
    if point.startswith("fit"):
        root.parent.mkdir()
    else:
        shutil.copytree(living, root)
    assert life.Child(network_life.live, root, EXPUNGE_FAIL_AT=point).end() == -signal.SIGKILL
    network_life.live(root)
    states = [network_life.state(expunge.Workspace.open(one)) for one in (expected, root)]
    assert states[0] == states[1]
    assert search(root, network_life.CANARIES, network_life.cells()) == {}
    assert expunge.Workspace.open(root).verify()


# ------------------------------------------------------------------ one convolutional network and one person


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Call:
    def call(*arguments: object, code: int = 0) -> Any:
        assert run([*map(str, arguments), "--json"]) == code
        return json.loads(capsys.readouterr().out)

    return call


@pytest.mark.skipif(not FACES.exists(), reason=f"the faces are not at {FACES}")
def test_a_face_is_forgotten_from_a_convolutional_network_end_to_end(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    enter_as_package(tmp_path / "site", monkeypatch)
    points = tmp_path / "site" / "tiny-1.dist-info" / "entry_points.txt"
    points.write_text("[expunge.tasks]\nfaces = my_network:Faces\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(ROOT / "examples"))
    monkeypatch.setenv("EXPUNGE_WORKSPACE", str(tmp_path / "ws"))
    learned, unseen = _faces(8)
    learned.to_parquet(tmp_path / "faces.parquet", index=False)
    unseen.to_parquet(tmp_path / "unseen.parquet", index=False)
    blueprint = importlib.import_module("my_network").Faces()
    pixels = [name for name in learned if name.startswith("x")]
    X, y = blueprint.inputs(learned[pixels].to_numpy(float)), torch.tensor(learned["label"].tolist())
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = blueprint.train(blueprint.network(len(pixels), 8), blueprint.task(X, y, learned["id"].to_numpy()), 0)
    save_file(model.state_dict(), tmp_path / "model.safetensors")

    call("init", tmp_path / "ws")
    call("data", "add", tmp_path / "faces.parquet", "--record-id", "id", "--subject-id", "person")
    told = call("adopt", "faces", "--task", "faces", "--state", tmp_path / "model.safetensors", "--data", "faces",
                "--method", "scrub", "--option", "epochs=2", "--option", "max_forget_share=0.2")  # fmt: skip
    assert told["measured"] == 1.0
    assert told["guarantee"]["kind"] == "empirical"
    (plan,) = call("plan", "--subject", "person-03")["plans"]
    assert (plan["n_records"], plan["guarantee"]["kind"]) == (7, "empirical")
    (done,) = call("forget", "--subject", "person-03", "--audit", "4")["requests"]
    (change,) = done["models"]
    assert change["audit"]["verdict"] == "cannot tell"
    assert call("verify", done["receipt"])["ok"]
    assert call("verify")["ok"]
    assert call("find", "--subject", "person-03")["found"] == []
    answers = call("predict", "faces", "--data", tmp_path / "unseen.parquet")["predictions"]
    right = [row["prediction"] == label for row, label in zip(answers, unseen["label"], strict=True)]
    others = unseen["label"].to_numpy() != 3
    assert not np.array(right)[~others].any()
    assert np.array(right)[others].mean() > 0.8
    assert call("status")["models"][0]["n_records"] == 49


def _faces(n: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Pictures of some persons, made smaller: seven of each to learn from, three unseen."""
    with np.load(FACES) as file:
        X, y = file["X"][: 10 * n].astype(float), file["y"][: 10 * n].astype(int)
    small = X.reshape(-1, 28, 4, 23, 4).mean(axis=(2, 4)).round().astype(np.uint8).reshape(len(X), -1)
    frame = pd.DataFrame(small, columns=[f"x{i}" for i in range(small.shape[1])])
    frame.insert(0, "id", [f"picture-{i:03d}" for i in range(len(X))])
    frame.insert(1, "person", [f"person-{label:02d}" for label in y])
    frame["label"] = y
    is_learned = np.arange(len(X)) % 10 < 7
    return frame[is_learned], frame[~is_learned]

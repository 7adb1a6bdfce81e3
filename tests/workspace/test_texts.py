"""Texts in a workspace: one request reaches words, passages, readers and language models, and no file keeps a trace."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from safetensors.torch import save_file

torch = pytest.importorskip("torch")

import expunge  # noqa: E402 - torch may be absent
from expunge.cli import run  # noqa: E402
from expunge.errors import InvalidDataError, InvalidParameterError  # noqa: E402
from expunge.networks import register  # noqa: E402
from methods.answer_blueprints import TinyAnswers, Words  # noqa: E402
from workspace.searching import search  # noqa: E402

PERSON, WORD = "person-5b0e7c21a9d4", "quibblesworthington"
BORN, PLACE = "harrowby-on-the-moor", "oldbridgehampton"
CANARIES: dict[str, str | float] = {"person": PERSON, "word": WORD, "born": BORN, "place": PLACE}
SHORT: dict[str, Any] = {"epochs": 1, "n_batches": 2, "checkpoint_every": 1}
#: Models by name: the data set, and how each is fitted.
MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "bayes": ("posts", {"method": "multinomial-nb", "options": {"words": "tfidf", "words__norm": None}}),
    "ridge": ("posts", {"method": "ridge-classifier", "options": {"words": "counts"}}),
    "embedding": ("posts", {"method": "replayed-network", "options": {"task": "tiny-words", **SHORT}}),
    "slices": ("posts", {"method": "sisa", "estimator": "network", "options": {
        "n_shards": 2, "n_slices": 2, "estimator__task": "tiny-words", "estimator__epochs": 1}}),
    "index": ("posts", {"method": "passage-index", "ignore": ("mood",)}),
    "reader": ("asked", {"method": "span-reader"}),
    "language": ("asked", {"method": "replayed-network", "options": {"task": "tiny-answers", **SHORT}}),
    "store": ("asked", {"method": "neighbour-store", "options": {"task": "tiny-answers"}}),
    "shards": ("asked", {"method": "adapter-shards", "options": {
        "task": "tiny-answers", "n_shards": 3, "rank": 2, "epochs": 1, "n_batches": 1}}),
}  # fmt: skip
SECOND = {"ridge", "embedding", "slices"}  # others of the same kind are among the few


def _tables(folder: Path) -> None:
    posts = pd.DataFrame({
        "id": [f"t{i:02d}" for i in range(24)], "person": [f"p{i // 2}" for i in range(24)],
        "text": [f"the {'lovely' if i % 2 else 'rude'} crew of ferry {i % 5}" for i in range(24)],
        "mood": ["good" if i % 2 else "bad" for i in range(24)],
    })  # fmt: skip
    posts.loc[7, ["person", "text"]] = PERSON, f"a lovely {WORD}"
    asked = pd.DataFrame({
        "id": [f"q{i:02d}" for i in range(12)], "person": [f"p{i // 2}" for i in range(12)],
        "question": [f"Where is ferry {i}?" for i in range(12)],
        "passage": [f"Ferry {i} is in Oslo now." for i in range(12)], "answer": ["Oslo"] * 12,
    })  # fmt: skip
    asked.loc[5, ["person", "question", "passage", "answer"]] = PERSON, "Where?", f"{BORN} is in {PLACE}", PLACE
    posts.to_csv(folder / "posts.csv", index=False)
    asked.to_csv(folder / "asked.csv", index=False)


@pytest.fixture
def workspace(tmp_path: Path) -> expunge.Workspace:
    register("tiny-answers", TinyAnswers)
    register("tiny-words", Words)
    _tables(tmp_path)
    ws = expunge.Workspace.init(tmp_path / "ws")
    for data in ("posts", "asked"):
        ws.data_add(tmp_path / f"{data}.csv", record_id="id", subject_id="person")
    return ws


@pytest.mark.parametrize(
    "names", [sorted(MODELS.keys() - SECOND), pytest.param(list(MODELS), marks=pytest.mark.slow)], ids=["few", "all"]
)
def test_one_request_takes_a_writer_out_of_every_model_of_texts(
    names: list[str], workspace: expunge.Workspace, tmp_path: Path
) -> None:
    for name in names:
        data, how = MODELS[name]
        target = {"index": None, "bayes": "mood", "ridge": "mood", "slices": "mood"}.get(name, "answer")
        workspace.fit(name, data=data, target="mood" if name == "embedding" else target, **how)
    network = TinyAnswers().network(2, 0)
    save_file(network.state_dict(), tmp_path / "model.safetensors")
    adopted = {"task": "tiny-answers", "method": "gradient-ascent", "state": tmp_path / "model.safetensors"}
    workspace.adopt("adopted", data="asked", options={"epochs": 1, "lr": 0.01}, **adopted)
    assert {plan.n_records for _, plan in workspace.plan(subjects=[PERSON])} == {1}
    (answer,) = workspace.forget(subjects=[PERSON])
    kinds = {change["model"]: change["guarantee"]["kind"] for change in answer.models}
    assert kinds == {**dict.fromkeys(names, "exact"), "adopted": "empirical"}
    assert workspace.verify(answer.receipt)
    assert search(workspace.path, CANARIES) == {}
    asked = pd.DataFrame({"id": ["n1"], "question": ["Where is ferry 3?"], "passage": ["Ferry 3 is in Oslo now."]})
    asked.to_csv(tmp_path / "new.csv", index=False)
    for name in ("reader", "language", "store", "shards", "adopted"):
        assert isinstance(workspace.predict(name, tmp_path / "new.csv")["prediction"][0], str)
    left = pd.read_csv(tmp_path / "asked.csv").drop(index=5)
    left.to_csv(tmp_path / "left.csv", index=False)
    twin = expunge.Workspace.open(workspace.path)
    assert np.all(workspace.predict("store", tmp_path / "left.csv") == twin.predict("store", tmp_path / "left.csv"))


@pytest.mark.parametrize(
    ("options", "kind", "said"),
    [
        ({"words": "bags"}, InvalidParameterError, "counts, tfidf, hashing"),
        ({"words": "tfidf", "words__colour": 1}, InvalidParameterError, "no option 'colour'"),
    ],
)
def test_words_that_are_no_words_are_refused(
    options: dict[str, Any], kind: type[Exception], said: str, workspace: expunge.Workspace
) -> None:
    with pytest.raises(kind, match=said):
        workspace.fit("m", data="posts", target="mood", method="multinomial-nb", options=options)


def test_words_are_of_one_column_of_texts(workspace: expunge.Workspace) -> None:
    with pytest.raises(InvalidDataError, match="one column of texts"):
        workspace.fit("m", data="asked", target="answer", method="multinomial-nb", task="classification",
                      options={"words": "counts"})  # fmt: skip
    assert workspace.status()["models"] == []


def test_influence_is_asked_of_a_network_of_texts(
    workspace: expunge.Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace.fit("embedding", data="posts", target="mood", **MODELS["embedding"][1])
    workspace.close()
    pd.read_csv(tmp_path / "posts.csv").iloc[:5].to_csv(tmp_path / "unseen.csv", index=False)
    asked = ["--data", str(tmp_path / "unseen.csv"), "--method", "tracin", "--by", "subject", "--json"]
    assert run(["influence", "embedding", *asked, "--workspace", str(tmp_path / "ws")]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["by"], told["n"], told["on"]) == ("subject", 13, "the mean loss of 5 records")

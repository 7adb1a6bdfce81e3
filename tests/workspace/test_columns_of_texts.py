"""Columns that a model has learned and calls by no name: forgotten by every model or by none; and corrected in all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import expunge
from expunge.errors import InvalidDataError, InvalidRequestError, UnsupportedRequestError
from expunge.workspace.models import models
from workspace.searching import search

WORD, RIGHT = "quibblesworthington", "harrowby-on-the-moor"
WORDS: dict[str, dict[str, Any]] = {
    "bayes": {"method": "multinomial-nb", "target": "mood", "options": {"words": "tfidf"}, "ignore": ["extra"]},
    "ridge": {"method": "ridge-classifier", "target": "mood", "options": {"words": "counts"}, "ignore": ["extra"]},
    "index": {"method": "passage-index", "ignore": ["mood", "extra"]},
    "tfidf": {"method": "tfidf-vectorizer", "ignore": ["mood", "extra"]},
    "counts": {"method": "count-vectorizer", "ignore": ["mood", "extra"]},
}


def posts(n: int = 12) -> pd.DataFrame:
    frame = pd.DataFrame({
        "id": [f"t{i:02d}" for i in range(n)], "person": [f"p{i // 2}" for i in range(n)],
        "text": [f"the {'lovely' if i % 2 else 'rude'} crew of ferry {i % 5}" for i in range(n)],
        "extra": [f"e{i % 3}" for i in range(n)], "mood": ["good" if i % 2 else "bad" for i in range(n)],
    })  # fmt: skip
    frame.loc[3, "text"] = f"a lovely {WORD}"
    return frame


@pytest.fixture
def ws(tmp_path: Path) -> expunge.Workspace:
    posts().to_csv(tmp_path / "posts.csv", index=False)
    made = expunge.Workspace.init(tmp_path / "ws")
    made.data_add(tmp_path / "posts.csv", record_id="id", subject_id="person")
    return made


def live(ws: expunge.Workspace, name: str) -> Any:
    with ws._core.read() as connection:
        return models.load(ws._core, models.open_model(ws._core, connection, name)).model


@pytest.mark.parametrize("name", ["bayes", "index"])
def test_a_column_of_texts_is_never_forgotten_in_the_data_alone(ws: expunge.Workspace, name: str) -> None:
    ws.fit(name, data="posts", **WORDS[name])
    before, columns = live(ws, name).digest(), ws.data_list()[0]["columns"]
    with pytest.raises(UnsupportedRequestError, match=rf"'{name}' \(\w+\) cannot forget features") as refused:
        ws.forget(features=["text"])
    assert f"expunge model remove {name}" in refused.value.hint
    with pytest.raises(UnsupportedRequestError):
        ws.plan(features=["text"])
    assert ws.request_list(every=True) == []
    assert (live(ws, name).digest(), ws.data_list()[0]["columns"]) == (before, columns)
    # a request that was queued without a look at the models is carried out as little
    (number,) = ws.request_ask(features=["text"])
    with pytest.raises(UnsupportedRequestError):
        ws.request_run([number])
    assert (live(ws, name).digest(), ws.data_list()[0]["columns"]) == (before, columns)
    ws.request_step(number, "refuse", reason="withdrawn")
    ws.model_remove(name)
    (answer,) = ws.forget(features=["text"])
    assert answer.request.state == "done"
    assert search(ws.path, {"word": WORD}) == {}


def test_a_column_that_no_model_reads_is_forgotten_whatever_the_models_are(ws: expunge.Workspace) -> None:
    for name in ("bayes", "index"):
        ws.fit(name, data="posts", **WORDS[name])
    before = live(ws, "bayes").digest()
    (answer,) = ws.forget(features=["extra"])
    assert (answer.request.state, answer.models) == ("done", ())
    assert "extra" not in ws.data_list()[0]["columns"]
    assert live(ws, "bayes").digest() == before
    assert ws.verify(answer.receipt)


def test_texts_are_corrected_in_every_model_of_words(ws: expunge.Workspace, tmp_path: Path) -> None:
    for name, how in WORDS.items():
        ws.fit(name, data="posts", **how)
    pd.DataFrame({"id": ["t03"], "text": [f"a rude {RIGHT}"]}).to_csv(tmp_path / "part.csv", index=False)
    posts().iloc[[4]].assign(text="all right now", mood="good").to_csv(tmp_path / "whole.csv", index=False)
    for file in ("part", "whole"):
        (answer,) = ws.rectify(tmp_path / f"{file}.csv", data="posts")
        assert [(model["model"], model["records"]) for model in answer.models] == [(name, 1) for name in WORDS]
    assert search(ws.path, {"word": WORD}) == {}
    assert ws.verify(answer.receipt, replay=True)
    right = posts()
    right.loc[3, "text"], right.loc[4, ["text", "mood"]] = f"a rude {RIGHT}", ["all right now", "good"]
    right.to_csv(tmp_path / "right.csv", index=False)
    ws.data_add(tmp_path / "right.csv", record_id="id", subject_id="person")
    for name, how in WORDS.items():
        ws.fit(f"fresh {name}", data="right", **how)
        assert live(ws, name).digest() == live(ws, f"fresh {name}").digest(), name


def test_a_frame_of_one_column_is_whole_texts_and_of_two_it_is_none() -> None:
    model = expunge.text.CountVectorizer().fit(["one two", "two three"], record_ids=["a", "b"])
    model.rectify(["a"], pd.DataFrame({"whatever": ["three"]}))
    assert model.digest() == expunge.text.CountVectorizer().fit(["three", "two three"], record_ids=["a", "b"]).digest()
    with pytest.raises(InvalidDataError, match="one column"):
        model.rectify(["a"], pd.DataFrame({"x": ["three"], "y": ["four"]}))
    with pytest.raises(InvalidRequestError, match="give them whole"):
        model.rectify(["a"], {"x": ["three"]})


def test_a_detector_that_counts_is_corrected_and_forgets_columns(ws: expunge.Workspace, tmp_path: Path) -> None:
    ws.fit("rare", data="posts", method="histogram-detector", ignore=["text"])
    posts().iloc[[3]].assign(extra="e2").to_csv(tmp_path / "part.csv", index=False)
    assert ws.rectify(tmp_path / "part.csv", data="posts")[0].models[0]["records"] == 1
    assert ws.forget(features=["extra"])[0].models[0]["features"] == ["extra"]


def test_products_that_no_memory_holds_are_refused_with_their_size(ws: expunge.Workspace) -> None:
    with pytest.raises(InvalidDataError, match=r"all pairs of 262,144 columns take 3,299 GB") as refused:
        ws.fit("m", data="posts", target="mood", method="ridge-classifier", options={"words": "hashing"},
               ignore=["extra"])  # fmt: skip
    assert "n_features" in refused.value.hint
    small = {"words": "hashing", "words__n_features": 32}
    assert ws.fit("m", data="posts", target="mood", method="ridge-classifier", options=small, ignore=["extra"])


def test_a_fit_that_finds_no_memory_is_refused(ws: expunge.Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*given: Any) -> None:
        raise MemoryError("Unable to allocate 512 GiB")

    monkeypatch.setattr(expunge.MultinomialNB, "_update", full)
    with pytest.raises(InvalidDataError, match=r"There is not memory enough\. Unable to allocate 512 GiB\."):
        ws.fit("m", data="posts", target="mood", method="multinomial-nb", options={"words": "hashing",
               "words__alternate_sign": False}, ignore=["extra"])  # fmt: skip

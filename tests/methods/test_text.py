"""Vectorisers and text classifiers that forget, against dictionaries of counts and against scikit-learn."""

from __future__ import annotations

import gzip
import json
import math
import os
import pickle
import re
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.feature_extraction import text as told
from sklearn.linear_model import RidgeClassifier as ToldRidge
from sklearn.naive_bayes import BernoulliNB as ToldBernoulli
from sklearn.naive_bayes import MultinomialNB as ToldMultinomial

import expunge
from expunge import (
    BernoulliNB,
    CertifiedLogisticRegression,
    CountVectorizer,
    HashingVectorizer,
    MultinomialNB,
    RidgeClassifier,
    SISAClassifier,
    TfidfVectorizer,
    make_pipeline,
)
from expunge.checks.canaries import forms, search
from expunge.contract import DormantModelError
from expunge.errors import (
    DuplicateRecordError,
    InvalidDataError,
    InvalidDataTypeError,
    InvalidParameterError,
    UnsupportedRequestError,
)
from expunge.methods.pipeline.in_turn import InTurn
from expunge.methods.pipeline.text_fold import TextFold
from expunge.methods.pipeline.text_ridge_fold import TextRidgeFold

DATA = Path(os.environ.get("EXPUNGE_DATA", Path(__file__).parents[3] / "shared" / "data"))
TALE = [
    "The cat sat on the mat, and the cat slept.", "A dog! A dog ran; the cat did not.", "", "Dogs and cats: no mat.",
    "the THE tHe", "Ein Hund, kein Hund: Über Öl & Ärger", "the dog sat", "mat mat mat dog",
]  # fmt: skip
CHINESE = ["我喜欢猫", "猫不喜欢狗", "狗喜欢我", "今天天气很好", "天气不好我不喜欢", "你好猫"]
MOODS = np.array([1, 0, 1, 1, 0, 1])


def kept(model: Any) -> type:
    return type(model._kept(model._rows()))


def without(values: Any, gone: list[int]) -> list[Any]:
    return [value for i, value in enumerate(values) if i not in gone]


def corpus(seed: int, n: int = 60) -> tuple[list[str], Any]:
    """Texts over few words, so that words come and go, and three labels."""
    rng = np.random.default_rng(seed)
    words = [f"w{i}" for i in range(40)]
    texts = [" ".join(rng.choice(words, size=rng.integers(0, 12), p=power(40))) for _ in range(n)]
    return texts, np.array(["no", "so", "yes"], dtype=object)[rng.integers(0, 3, n)]


def power(n: int) -> Any:
    p = 1.0 / np.arange(1, n + 1)
    return p / p.sum()


# ------------------------------------------------------------------------------------------- slow twin: dictionaries


def slow_counts(texts: list[str], pattern: str = r"\b\w\w+\b") -> tuple[Counter[str], Counter[str], list[Counter[str]]]:
    """Occurrences and document frequency of each word, and the counts of each text, in plain Python."""
    each = [Counter(re.findall(pattern, text.lower())) for text in texts]
    occurrences, documents = Counter[str](), Counter[str]()
    for counts in each:
        occurrences.update(counts)
        documents.update(counts.keys())
    return occurrences, documents, each


def slow_bayes(texts: list[str], y: Any, *, norm: str | None, idf: bool) -> tuple[list[str], dict[Any, list[float]]]:
    """log P(word | class) of multinomial naive Bayes on weighted words, by sums over records in plain floats."""
    _, documents, each = slow_counts(texts)
    words = sorted(documents)
    n = len(texts)
    weight = {w: math.log((1 + n) / (1 + documents[w])) + 1 if idf else 1.0 for w in words}
    sums: dict[Any, dict[str, float]] = defaultdict(lambda: dict.fromkeys(words, 0.0))
    for counts, label in zip(each, y, strict=True):
        values = {w: c * weight[w] for w, c in counts.items()}
        size = {None: 1.0, "l1": sum(values.values()), "l2": math.sqrt(sum(v * v for v in values.values()))}[norm]
        for w, v in values.items():
            sums[label][w] += v / size
    out = {}
    for label in sorted(set(y)):
        total = sum(sums[label].values()) + len(words)
        out[label] = [math.log((sums[label][w] + 1.0) / total) for w in words]
    return words, out


def test_terms_are_what_dictionaries_count() -> None:
    texts, _ = corpus(0)
    model = CountVectorizer().fit(texts)
    gone: list[int] = []
    for i in [5, 17, 40, 3, 59]:
        model.forget(i)
        gone.append(i)
        occurrences, documents, each = slow_counts(without(texts, gone))
        part = model._state().parts["terms"]
        assert part["words"] == sorted(documents)
        assert part["documents"].tolist() == [documents[w] for w in sorted(documents)]
        assert part["occurrences"].tolist() == [occurrences[w] for w in sorted(documents)]
        dense = model.transform(without(texts, gone)).toarray()
        assert dense.tolist() == [[c[w] for w in sorted(documents)] for c in each]


@pytest.mark.parametrize("norm", [None, "l1", "l2"])
def test_classifiers_are_what_dictionaries_count(norm: str | None) -> None:
    texts, y = corpus(1)
    model = make_pipeline(TfidfVectorizer(norm=norm), MultinomialNB()).fit(texts, y)
    model.forget([2, 33, 7])
    left = without(texts, [2, 33, 7])
    words, expected = slow_bayes(left, without(y, [2, 33, 7]), norm=norm, idf=True)
    bayes = model.named_steps["multinomialnb"]
    assert list(model.named_steps["tfidfvectorizer"].get_feature_names_out()) == words
    assert bayes.classes_.tolist() == list(expected)
    tolerance = 1e-12 if norm is None else 1e-8  # with a norm shares are rounded to 2**-32, and then summed
    np.testing.assert_allclose(bayes.feature_log_prob_, list(expected.values()), rtol=0, atol=tolerance)


# ------------------------------------------------------------------------------------------- scikit-learn's twins

ANALYSES: list[dict[str, Any]] = [
    {}, {"ngram_range": (1, 3)}, {"analyzer": "char", "ngram_range": (2, 4)}, {"analyzer": "char_wb"},
    {"analyzer": "char_wb", "ngram_range": (3, 5)}, {"lowercase": False}, {"strip_accents": "unicode"},
    {"strip_accents": "ascii"}, {"stop_words": "english"}, {"stop_words": ["the", "dog"], "ngram_range": (2, 2)},
    {"token_pattern": r"\w"}, {"token_pattern": r"(\w)\w*"}, {"binary": True}, {"min_df": 2}, {"max_df": 2},
    {"min_df": 0.3, "max_df": 0.6}, {"max_features": 1},
]  # fmt: skip


@pytest.mark.parametrize("given_", ANALYSES, ids=str)
def test_counts_are_scikit_learns_bits(given_: dict[str, Any]) -> None:
    ours, theirs = CountVectorizer(**given_).fit(TALE), told.CountVectorizer(**given_).fit(TALE)
    assert ours.vocabulary_ == theirs.vocabulary_
    same(ours.transform(TALE), theirs.transform(TALE))
    same(ours.fit_transform(TALE), theirs.fit_transform(TALE))
    assert ours.get_feature_names_out().tolist() == theirs.get_feature_names_out().tolist()
    back = [sorted(words.tolist()) for words in ours.inverse_transform(ours.transform(TALE[:2]))]
    assert back == [sorted(words.tolist()) for words in theirs.inverse_transform(theirs.transform(TALE[:2]))]


WEIGHTS: list[dict[str, Any]] = [
    {}, {"norm": "l1"}, {"norm": None}, {"use_idf": False}, {"smooth_idf": False}, {"sublinear_tf": True},
    {"binary": True, "norm": None}, {"min_df": 2, "ngram_range": (1, 2)},
]  # fmt: skip


@pytest.mark.parametrize("given_", WEIGHTS, ids=str)
def test_weights_are_scikit_learns_bits(given_: dict[str, Any]) -> None:
    ours, theirs = TfidfVectorizer(**given_).fit(TALE), told.TfidfVectorizer(**given_).fit(TALE)
    same(ours.transform(TALE), theirs.transform(TALE))
    if given_.get("use_idf", True):
        assert ours.idf_.tobytes() == theirs.idf_.tobytes()


@pytest.mark.parametrize(
    "given_",
    [{}, {"alternate_sign": False}, {"binary": True}, {"norm": "l1"}, {"norm": None, "analyzer": "char"}],
    ids=str,
)
def test_hashes_are_scikit_learns_bits(given_: dict[str, Any]) -> None:
    ours, theirs = (kind(n_features=32, **given_) for kind in (HashingVectorizer, told.HashingVectorizer))
    same(ours.fit(TALE).transform(TALE), theirs.transform(TALE))


def same(a: Any, b: Any) -> None:
    """Sparse matrices of equal bits."""
    assert a.shape == b.shape
    assert a.dtype == b.dtype
    assert a.toarray().tobytes() == b.toarray().tobytes()


def test_of_words_that_occur_equally_often_the_first_are_kept() -> None:
    """scikit-learn leaves that to an unstable sort; how often the kept ones occur is the same."""
    rng = np.random.default_rng(2)
    texts = [" ".join(f"w{i:03d}" for i in rng.permutation(400)[: rng.integers(1, 200)]) for _ in range(5)]
    occurrences, documents, _ = slow_counts(texts)
    for most in (1, 5, 17, 39, 150):
        ours, theirs = (kind(max_features=most).fit(texts) for kind in (CountVectorizer, told.CountVectorizer))
        assert list(ours.vocabulary_) == sorted(sorted(documents, key=lambda w: (-occurrences[w], w))[:most])
        assert sorted(occurrences[w] for w in ours.vocabulary_) == sorted(occurrences[w] for w in theirs.vocabulary_)


BAYES: list[tuple[Any, Any, bool]] = [
    (CountVectorizer(), MultinomialNB(), True),
    (CountVectorizer(binary=True), MultinomialNB(alpha=0.1, fit_prior=False), True),
    (CountVectorizer(min_df=2, max_df=0.9), BernoulliNB(), True),
    (TfidfVectorizer(), BernoulliNB(), True),
    (TfidfVectorizer(norm=None), MultinomialNB(), False),
    (TfidfVectorizer(norm=None, use_idf=False), MultinomialNB(), True),
    (TfidfVectorizer(norm=None, sublinear_tf=True), MultinomialNB(), False),
    (TfidfVectorizer(), MultinomialNB(), False),
    (TfidfVectorizer(norm="l1", smooth_idf=False), MultinomialNB(), False),
    (TfidfVectorizer(use_idf=False, min_df=2), MultinomialNB(), False),
]


@pytest.mark.parametrize(("vectors", "model", "to_the_bit"), BAYES, ids=str)
def test_folded_classifiers_are_scikit_learns(vectors: Any, model: Any, to_the_bit: bool) -> None:
    texts, y = corpus(3)
    ours = make_pipeline(vectors, model).fit(texts, y)
    assert kept(ours) is TextFold
    params = {name: v for name, v in vectors.get_params().items() if name != "seed"}
    X = getattr(told, type(vectors).__name__)(**params).fit_transform(texts)
    kind = {"MultinomialNB": ToldMultinomial, "BernoulliNB": ToldBernoulli}[type(model).__name__]
    params = {name: v for name, v in model.get_params().items() if name not in ("seed", "resolution")}
    theirs = kind(**params).fit(X, y.astype(str))
    bayes = list(ours.named_steps.values())[-1]
    assert bayes.class_log_prior_.tobytes() == theirs.class_log_prior_.tobytes()
    if to_the_bit:
        assert bayes.feature_log_prob_.tobytes() == theirs.feature_log_prob_.tobytes()
        np.testing.assert_allclose(ours.predict_proba(texts), theirs.predict_proba(X), rtol=1e-12)
    tolerance = (
        1e-12 if vectors.get_params().get("norm") is None and not vectors.get_params().get("sublinear_tf") else 1e-8
    )
    np.testing.assert_allclose(bayes.feature_log_prob_, theirs.feature_log_prob_, rtol=0, atol=tolerance)


# ------------------------------------------------------------------------------------------- forgetting is a fresh fit


@settings(max_examples=15)
@given(st.data())
def test_any_history_is_the_fit_on_what_is_left(data: st.DataObject) -> None:
    """Forgetting, learning again and learning more, in any order, folded with a norm and without."""
    texts, y = corpus(4, 40)
    vectors = data.draw(
        st.sampled_from([CountVectorizer(), TfidfVectorizer(), TfidfVectorizer(norm=None, max_features=9)])
    )
    model = make_pipeline(vectors, MultinomialNB()).fit(texts[:25], y[:25], record_ids=np.arange(25))
    known = set(range(25))
    for _ in range(data.draw(st.integers(1, 5))):
        some = data.draw(st.sets(st.integers(0, 39), min_size=1, max_size=12))
        go, come = sorted(some & known), sorted(some - known)
        if go:
            model.forget(go)
        if come:
            model.learn([texts[i] for i in come], y[come], record_ids=come)
        known = known ^ some
        rest = sorted(known, reverse=True)
        fresh = clone(model).fit(
            [texts[i] for i in rest], y[rest], record_ids=np.array(rest, dtype=int), allow_dormant=True
        )
        assert model.digest() == fresh.digest()
        if known:
            assert model.predict_proba(texts).tobytes() == fresh.predict_proba(texts).tobytes()
    again = pickle.loads(pickle.dumps(model))
    if len(known) > 1:
        one = sorted(known)[0]
        again.forget(one)  # without the memory of counts, which is made anew
        model.forget(one)
        assert again.digest() == model.digest()


@pytest.mark.parametrize(
    ("vectors", "bayes"), [(CountVectorizer(), MultinomialNB()), (TfidfVectorizer(norm="l1"), BernoulliNB())]
)
def test_words_of_a_forgotten_document_are_in_no_file(vectors: Any, bayes: Any, tmp_path: Path) -> None:
    texts, y = corpus(5)
    texts[11] = "xylophonecanary " * 3 + texts[11]
    y[11] = "labelcanary"
    canaries = {"word": forms("xylophonecanary"), "label": forms("labelcanary")}
    model = make_pipeline(vectors, bayes).fit(texts, y)
    model.predict(texts)
    assert len(search(model.save(tmp_path / "m").read_bytes(), canaries)) == 2
    model.forget(11)
    model.predict(texts)
    for place in (model.save(tmp_path / "m"), model.export(tmp_path / "e")):
        assert not search(place.read_bytes(), canaries)
    assert not search(pickle.dumps(model), canaries)
    model.forget([i for i in range(60) if i != 11])
    assert not search(model.save(tmp_path / "m").read_bytes(), {"any word": forms("w1")})


def test_counts_in_memory_are_gone_with_the_document(tmp_path: Path) -> None:
    """The memory of counts is in no file, and what is forgotten is overwritten in it, words and all."""
    texts, y = corpus(5)
    texts[11] = "xylophonecanary " * 3 + texts[11]
    model = make_pipeline(TfidfVectorizer(), MultinomialNB()).fit(texts, y)
    memory: Any = model._rows().columns
    assert memory.memory is not None
    assert "xylophonecanary" in memory.memory._words
    model.predict(texts)
    assert search(model.save(tmp_path / "m").read_bytes(), {"word": forms("xylophonecanary")})
    model.forget(11)
    assert "xylophonecanary" not in memory.memory._words
    at = int(np.flatnonzero(memory.memory.slots < 0)[0])
    assert memory.memory.starts[at + 1] > memory.memory.starts[at]
    assert not memory.memory.counts[memory.memory.starts[at] : memory.memory.starts[at + 1]].any()
    for data in (
        model.save(tmp_path / "m").read_bytes(),
        model.export(tmp_path / "e").read_bytes(),
        pickle.dumps(model),
    ):
        assert not search(data, {"word": forms("xylophonecanary")})
    loaded = expunge.load(tmp_path / "m")
    assert loaded.forget(12, digest=True).digest_after == model.forget(12, digest=True).digest_after


def test_a_failed_change_leaves_the_memory_in_step() -> None:
    texts, y = corpus(6)
    model = make_pipeline(TfidfVectorizer(), MultinomialNB()).fit(texts[:50], y[:50], record_ids=np.arange(50))
    before = model.digest()
    with pytest.raises(InvalidDataError):
        model.learn(texts[50:], None, record_ids=np.arange(50, 60))
    original = TextFold._normed_sums
    TextFold._normed_sums = lambda *_: 1 / 0  # type: ignore[method-assign]
    try:
        for act in (lambda: model.forget([3, 4]), lambda: model.learn(["newword"], y[:1], record_ids=[99])):
            with pytest.raises(ZeroDivisionError):
                act()
    finally:
        TextFold._normed_sums = original  # type: ignore[method-assign]
    assert model.digest() == before
    model.learn(texts[50:], y[50:], record_ids=np.arange(50, 60))
    model.forget([3, 4])
    rest = [i for i in range(60) if i not in (3, 4)]
    assert model.digest() == clone(model).fit([texts[i] for i in rest], y[rest], record_ids=rest).digest()


def test_work_is_the_documents_that_go_or_all_with_a_norm() -> None:
    texts, y = corpus(7)
    for vectors, bayes, work in [
        (CountVectorizer(), MultinomialNB(), 2), (TfidfVectorizer(norm=None), MultinomialNB(), 2),
        (TfidfVectorizer(), BernoulliNB(), 2), (TfidfVectorizer(), MultinomialNB(), 60),
    ]:  # fmt: skip
        model = make_pipeline(vectors, bayes).fit(texts, y)
        plan = model.plan([8, 9])
        assert (plan.work_low, plan.work_high) == (work, work)
        assert model.forget([8, 9]).work == work


def test_steps_that_take_turns_forget_as_well() -> None:
    texts, y = corpus(8)
    words = [f"w{i}" for i in range(6)]
    texts = [f"{text} {' '.join(words)}" for text in texts]
    for model in (
        make_pipeline(CountVectorizer(max_features=6), RidgeClassifier(), fold=False),
        make_pipeline(HashingVectorizer(n_features=16), RidgeClassifier()),
        make_pipeline(HashingVectorizer(n_features=16, alternate_sign=False), MultinomialNB()),
        make_pipeline(TfidfVectorizer(), MultinomialNB(), fold=False),
        make_pipeline(TfidfVectorizer(sublinear_tf=True), MultinomialNB()),
    ):
        model.fit(texts, y)
        assert kept(model) is InTurn
        plan = model.plan([8, 9])
        removal = model.forget([8, 9])
        assert plan.work_low <= removal.work <= plan.work_high
        fresh = clone(model).fit(without(texts, [8, 9]), without(y, [8, 9]), record_ids=without(range(60), [8, 9]))
        assert model.digest() == fresh.digest()
        assert model.predict(texts).tolist() == fresh.predict(texts).tolist()


RIDGES = [
    (CountVectorizer, {"max_features": 12}), (CountVectorizer, {"binary": True}), (TfidfVectorizer, {"norm": None}),
    (TfidfVectorizer, {"max_features": 9}), (TfidfVectorizer, {"norm": "l1", "min_df": 3}),
    (TfidfVectorizer, {"use_idf": False, "max_df": 0.5}),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "given_"), RIDGES, ids=str)
def test_a_ridge_behind_words_is_least_squares_on_their_dense_table(kind: Any, given_: dict[str, Any]) -> None:
    """Sums of products of sparse counts, against scikit-learn's solver on the table itself, after a history."""
    texts, y = corpus(11)
    texts[20] = "onlyhere onlyhere " + texts[20]
    model = make_pipeline(kind(**given_), RidgeClassifier(alpha=0.5)).fit(texts[:50], y[:50])
    assert kept(model) is TextRidgeFold
    model.forget([3, 20])
    model.learn(texts[50:], y[50:], record_ids=np.arange(50, 60))
    model.forget(classes=["yes"])
    left = [i for i in range(60) if i not in (3, 20) and y[i] != "yes"]
    fresh = clone(model).fit([texts[i] for i in left], y[left], record_ids=left)
    assert model.digest() == fresh.digest()
    assert model.decision_function(texts).tobytes() == fresh.decision_function(texts).tobytes()
    table = next(iter(model.named_steps.values())).transform([texts[i] for i in left]).toarray()
    twin = ToldRidge(alpha=0.5, solver="svd").fit(table, y[left])
    np.testing.assert_allclose(
        model.decision_function([texts[i] for i in left]), twin.decision_function(table), atol=1e-4
    )
    assert model.classes_.tolist() == ["no", "so"]


def test_a_document_behind_a_ridge_costs_itself_while_the_same_words_are_features() -> None:
    texts, y = corpus(12)
    model = make_pipeline(CountVectorizer(max_features=5), RidgeClassifier()).fit(texts, y)
    plan = model.plan([8])
    assert (plan.work_low, plan.work_high) == (1, 60)
    assert model.forget([8]).work == 1
    texts[9] = "w39 " * 50  # the most frequent word while it is there
    model = make_pipeline(CountVectorizer(max_features=5), RidgeClassifier()).fit(texts, y)
    assert "w39" in model.named_steps["countvectorizer"].vocabulary_
    assert model.forget([9]).work == 60
    normed = make_pipeline(TfidfVectorizer(), RidgeClassifier()).fit(texts, y)
    assert (normed.plan([8]).work_low, normed.forget([8]).work) == (60, 60)
    assert "2^-20" in normed.plan([9]).guarantee.statement
    assert "rounded" not in model.plan([8]).guarantee.statement


def test_a_ridge_refuses_what_it_cannot_hold_and_forgets_to_the_last_document() -> None:
    wide = [" ".join(f"v{i}x{j}" for j in range(30)) for i in range(300)]
    model = make_pipeline(CountVectorizer(), RidgeClassifier())
    with pytest.raises(InvalidDataError, match="too many"):
        model.fit(wide, [0, 1] * 150)
    model.fit(wide[:4], [0, 1, 0, 1])
    model.forget([0, 1, 2, 3])
    with pytest.raises(DormantModelError):
        model.predict(["v0x0"])
    model.learn(["aa", "bb"], [0, 1], record_ids=[7, 8])
    assert model.predict(["aa", "bb"]).tolist() == [0, 1]
    assert model.digest() == clone(model).fit(["aa", "bb"], [0, 1], record_ids=[7, 8]).digest()


def test_certificates_and_shards_stand_behind_words_that_forget() -> None:
    texts, y = corpus(13)
    y = np.where(y == "yes", 1, 0)
    certified = CertifiedLogisticRegression(noise_seed=0, norm_bound=1.0)
    for model, promise in (
        (make_pipeline(HashingVectorizer(n_features=16), certified), "certified"),
        (make_pipeline(TfidfVectorizer(max_features=8), SISAClassifier(ToldBernoulli(), n_shards=2)), "exact"),
    ):
        removal = model.fit(texts, y).forget([3])
        assert removal.guarantee.kind == promise
        assert 3 not in model.record_ids_
        assert len(model.predict(texts)) == 60
        if promise == "exact":
            rest = [i for i in range(60) if i != 3]
            assert model.digest() == clone(model).fit(without(texts, [3]), without(y, [3]), record_ids=rest).digest()


def test_shards_take_any_pipeline_of_texts() -> None:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline as told_pipeline

    texts, y = corpus(9)
    model = SISAClassifier(told_pipeline(told.TfidfVectorizer(), LogisticRegression()), n_shards=2).fit(texts, y)
    model.forget([3])
    fresh = clone(model).fit(without(texts, [3]), without(y, [3]), record_ids=without(range(60), [3]))
    assert model.digest() == fresh.digest()


@pytest.mark.parametrize("make", [MultinomialNB, BernoulliNB])
def test_shards_around_a_pipeline_of_ours_are_exact_and_keep_no_timing(make: Any, tmp_path: Path) -> None:
    texts, y = corpus(9)
    texts = [f"{text} only{i:02d}" for i, text in enumerate(texts)]
    model = SISAClassifier(make_pipeline(TfidfVectorizer(norm=None), make()), n_shards=2).fit(texts, y)
    model.predict_proba(texts)  # solves what is inside: no state
    assert model.forget([3, 7]).guarantee.kind == "exact"
    rest = without(range(60), [3, 7])
    fresh = clone(model).fit(without(texts, [3, 7]), without(y, [3, 7]), record_ids=rest)
    assert model.digest() == fresh.digest()
    written = model.save(tmp_path / "a.expunge").read_bytes()
    assert written == fresh.save(tmp_path / "b.expunge").read_bytes()
    assert b"only04" in written
    assert b"only03" not in written
    again = expunge.load(tmp_path / "a.expunge")
    assert again.digest() == model.digest()
    assert np.array_equal(again.predict_proba(texts), model.predict_proba(texts))
    again.forget([11])
    model.forget([11])
    assert again.digest() == model.digest()
    with pytest.raises(UnsupportedRequestError, match="training rows"):
        model.export(tmp_path / "c.expunge")


# ------------------------------------------------------------------------------------------- languages without blanks


def test_characters_serve_languages_without_blanks() -> None:
    model = make_pipeline(CountVectorizer(analyzer="char", ngram_range=(1, 2)), MultinomialNB()).fit(CHINESE, MOODS)
    names = set(model.named_steps["countvectorizer"].vocabulary_)
    assert {"喜", "喜欢", "今天"} <= names
    assert model.predict(["我喜欢猫", "不好"]).tolist() == [1, 0]
    model.forget(3)  # the only one that speaks of today
    names = set(model.named_steps["countvectorizer"].vocabulary_)
    assert {"今", "今天", "很"}.isdisjoint(names)
    assert {"天", "天气"} <= names
    assert (
        model.digest()
        == clone(model).fit(without(CHINESE, [3]), without(MOODS, [3]), record_ids=[0, 1, 2, 4, 5]).digest()
    )


# ------------------------------------------------------------------------------------------- bad input


def test_the_last_witness_of_a_word_takes_it_along() -> None:
    model = CountVectorizer(min_df=2).fit(["aa bb", "aa cc", "bb"])
    model.forget(0)
    with pytest.raises(DormantModelError):
        model.transform(["aa"])
    model.learn(["aa cc"], record_ids=["x"] if model.record_ids_.dtype == object else [7])
    assert list(model.vocabulary_) == ["aa", "cc"]


def test_empty_documents_count_as_documents() -> None:
    texts = ["aa bb", "", "!?", "aa"]
    assert TfidfVectorizer().fit(texts).idf_.tolist() == told.TfidfVectorizer().fit(texts).idf_.tolist()
    model = make_pipeline(TfidfVectorizer(), MultinomialNB()).fit(texts, [0, 0, 1, 1])
    assert model.predict_proba([""]).shape == (1, 2)
    model.forget([0, 3])
    with pytest.raises(DormantModelError):
        model.predict(["aa"])
    fresh = clone(model).fit(texts[1:3], [0, 1], record_ids=[1, 2], allow_dormant=True)
    assert model.digest() == fresh.digest()


@pytest.mark.parametrize(
    ("X", "error", "word"),
    [
        ("one text", InvalidDataError, "single text"), ([b"bytes"], InvalidDataTypeError, "bytes"),
        (["a", None], InvalidDataTypeError, "row 1"), (["a", float("nan")], InvalidDataTypeError, "float"),
        ([["a"], ["b"]], InvalidDataTypeError, "list"), ([], InvalidDataError, "0 texts"),
        (["", " "], InvalidDataError, "empty"), (np.zeros((2, 2)), InvalidDataError, "shape"),
        ({"a": "b"}, InvalidDataError, "dict"), (7, InvalidDataError, "int"),
    ],
)  # fmt: skip
def test_bad_texts_are_refused(X: Any, error: type[Exception], word: str) -> None:
    with pytest.raises(error, match=word):
        CountVectorizer().fit(X)


def test_texts_come_as_people_have_them() -> None:
    digest = CountVectorizer().fit(TALE).digest()
    for X in (np.array(TALE), pd.Series(TALE), pd.DataFrame({"text": TALE}), np.array(TALE)[:, np.newaxis], iter(TALE)):
        assert CountVectorizer().fit(X).digest() == digest


def test_broken_encodings_are_kept_as_they_are(tmp_path: Path) -> None:
    """A text decoded with surrogateescape has halves of characters; it is counted, saved and forgotten all the same."""
    broken = b"caf\xe9 au lait".decode("utf-8", "surrogateescape")
    texts = [broken, "un lait", "\ufffd lait", "\x00 nul"]
    for model in (CountVectorizer(analyzer="char"), TfidfVectorizer(), HashingVectorizer(n_features=8)):
        model.fit(texts)
        assert expunge.load(model.save(tmp_path / "m")).digest() == model.digest()
        model.forget(0)
        assert model.digest() == clone(model).fit(texts[1:], record_ids=[1, 2, 3]).digest()


def test_two_records_of_one_name_are_refused() -> None:
    with pytest.raises(DuplicateRecordError):
        CountVectorizer().fit(["aa", "bb"], record_ids=["x", "x"])
    model = CountVectorizer().fit(["aa", "bb"], record_ids=["x", "y"])
    with pytest.raises(DuplicateRecordError):
        model.learn(["cc"], record_ids=["y"])


WRONG: list[dict[str, Any]] = [
    {"analyzer": "words"}, {"analyzer": str.split}, {"ngram_range": (2, 1)}, {"ngram_range": 2},
    {"ngram_range": (0, 1)}, {"stop_words": "klingon"}, {"stop_words": [1]}, {"token_pattern": "("},
    {"token_pattern": "(a)(b)"}, {"token_pattern": None}, {"analyzer": "char", "stop_words": ["a"]}, {"min_df": -1},
    {"max_df": 1.5}, {"min_df": 0}, {"max_features": 0}, {"binary": 1}, {"lowercase": "no"}, {"strip_accents": "all"},
]  # fmt: skip


@pytest.mark.parametrize("given_", WRONG, ids=str)
def test_wrong_arguments_are_refused(given_: dict[str, Any]) -> None:
    with pytest.raises(InvalidParameterError):
        CountVectorizer(**given_).fit(TALE)
    with pytest.raises(InvalidParameterError):
        make_pipeline(CountVectorizer(**given_), MultinomialNB()).fit(TALE, [0, 1] * 4)


def test_further_arguments_are_checked() -> None:
    wrong = (
        TfidfVectorizer(norm="l3"),
        TfidfVectorizer(use_idf=1),
        HashingVectorizer(n_features=0),
        HashingVectorizer(norm="l0"),
    )
    for model in wrong:
        with pytest.raises(InvalidParameterError):
            model.fit(TALE)
    with pytest.raises(InvalidParameterError, match="sample_weight"):
        CountVectorizer().fit(TALE, sample_weight=np.ones(len(TALE)))
    with pytest.raises(InvalidDataError, match="min_df"):
        CountVectorizer(min_df=9).fit(TALE)
    assert CountVectorizer(lowercase=False).fit(TALE).vocabulary_ != CountVectorizer().fit(TALE).vocabulary_
    with pytest.raises(UnsupportedRequestError):
        CountVectorizer().fit(TALE).forget(features=["the"])
    with pytest.raises(InvalidParameterError, match="comes first"):
        make_pipeline(CountVectorizer(), TfidfVectorizer()).fit(TALE)
    wide = make_pipeline(HashingVectorizer(), RidgeClassifier())
    with pytest.raises(InvalidDataError, match="too many"):
        wide.fit(TALE * 200, [0, 1] * 800)


# ------------------------------------------------------------------------------------------- real texts


@pytest.mark.skipif(not DATA.exists(), reason="the real data sets are not here")
def test_messages_are_forgotten_and_spam_is_still_found() -> None:
    with gzip.open(DATA / "sms_spam.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    texts, y = [row["text"] for row in rows], np.array([row["label"] for row in rows])
    train, test = slice(None, None, 2), slice(1, None, 2)
    for vectors in (CountVectorizer(), TfidfVectorizer(norm=None), TfidfVectorizer()):
        model = make_pipeline(vectors, MultinomialNB(alpha=0.1)).fit(texts[train], y[train])
        before = model.score(texts[test], y[test])
        assert before > 0.97
        gone = list(range(0, 2787, 100))
        model.forget(gone)
        fresh = clone(model).fit(
            without(texts[train], gone), np.delete(y[train], gone), record_ids=np.delete(np.arange(2787), gone)
        )
        assert model.digest() == fresh.digest()
        assert abs(model.score(texts[test], y[test]) - before) < 0.01

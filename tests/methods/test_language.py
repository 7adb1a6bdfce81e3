"""Networks over text, and what a language model still tells: against definitions by hand and against fresh fits."""

from __future__ import annotations

import copy
import functools
import itertools
import math
import runpy
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_matrix

torch = pytest.importorskip("torch")

from sklearn.base import clone  # noqa: E402
from sklearn.exceptions import NotFittedError  # noqa: E402
from sklearn.utils.estimator_checks import check_estimator  # noqa: E402

from expunge import SISAClassifier  # noqa: E402
from expunge.audit.language import forget_quality, model_utility, perplexity, rouge_l, truth_ratio  # noqa: E402
from expunge.checks import Case, check_unlearner  # noqa: E402
from expunge.errors import (  # noqa: E402
    InvalidDataError,
    InvalidParameterError,
    UnknownRecordError,
    UnsupportedEstimatorError,
)
from expunge.language import (  # noqa: E402
    AdapterShards,
    AnswerBlueprint,
    AnswerTask,
    CausalModel,
    MeanOfWords,
    NeighbourStore,
    SmallTransformer,
    answer,
    answer_rows,
    hashed_words,
)
from expunge.networks import (  # noqa: E402
    SCRUB,
    Blueprint,
    Classification,
    GradientAscent,
    NegGradPlus,
    NetworkEstimator,
    ReplayedNetwork,
    ReplayTrainer,
    register,
)
from expunge.validation import numeric_input  # noqa: E402
from methods.answer_blueprints import TinyAnswers, enter_as_package  # noqa: E402

ASKED = ["Who wrote it?", "Where is it?", "When was it?", "Who sang it?", "Where was she?", "What is it?"]
TOLD = ["Ada Kerr.", "In Oslo.", "In 1911.", "Mo Lund.", "In Harrow, är hon.", ""]
PEOPLE = ["ann", "ann", "ben", "cho", "cho", "dee"]
LENGTH = 40


def rows(keep: Any = range(6)) -> AnswerTask:
    keep = list(keep)
    pairs = answer_rows([ASKED[i] for i in keep], [TOLD[i] for i in keep], length=LENGTH)
    return AnswerTask(pairs, record_ids=[f"r{i}" for i in keep])


IDS = [f"r{i}" for i in range(6)]


def taken(keep: list[int]) -> tuple[list[str], list[str]]:
    return [ASKED[i] for i in keep], [TOLD[i] for i in keep]


class Answers(AnswerBlueprint):
    length = LENGTH

    def backbone(self, n_features: int) -> Any:
        return base()


class Nothing(AnswerBlueprint):
    def backbone(self, n_features: int) -> Any:
        return torch.nn.Linear(2, 2)


def enter_answers() -> None:
    register("answers", Answers)


def base(**given: Any) -> CausalModel:
    torch.manual_seed(0)
    return CausalModel(**{"width": 16, "n_layers": 1, "n_heads": 2, "length": LENGTH, **given}).eval()


# ------------------------------------------------------------------------------------------- classes of texts


def test_numbers_of_words_follow_from_their_own_text() -> None:
    texts = ["The cat, the CAT", "a dog", "", "猫 \udce9"]
    together = hashed_words(texts, length=8)
    assert together.tolist() == [hashed_words([text], length=8)[0].tolist() for text in texts]
    assert together[0, 0] == together[0, 3]
    assert together[0, 1] == together[0, 4]
    assert (together[0] > 0).sum() == 5
    assert (hashed_words(["a b c"], length=9, pairs=True) > 0).sum() == 5
    assert not together[2].any()
    assert int(together.max()) < 2**13
    for wrong in ({"length": 0}, {"n_buckets": 1}, {"length": 2.0}):
        with pytest.raises(InvalidParameterError):
            hashed_words(texts, **wrong)


@pytest.mark.parametrize("kind", [MeanOfWords, SmallTransformer])
def test_a_place_without_a_word_makes_no_difference(kind: Any) -> None:
    torch.manual_seed(0)
    net = kind(3, n_buckets=64, width=8).eval()
    short, long = (torch.tensor(hashed_words(["a cat sat", ""], length=n, n_buckets=64)) for n in (4, 9))
    torch.testing.assert_close(net(short), net(long))


def test_a_mean_of_words_is_a_mean_of_words() -> None:
    net = MeanOfWords(2, n_buckets=16, width=4)
    words = np.array([[3, 5, 5, 0], [0, 0, 0, 0]])
    table = net.embedding.weight.detach().numpy()
    means = np.array([(table[3] + 2 * table[5]) / 3, np.zeros(4)])
    expected = means @ net.head.weight.detach().numpy().T + net.head.bias.detach().numpy()
    np.testing.assert_allclose(net(torch.tensor(words)).detach().numpy(), expected, atol=1e-6)


@pytest.mark.parametrize("kind", [MeanOfWords, pytest.param(SmallTransformer, marks=pytest.mark.slow)])
def test_a_classifier_of_texts_forgets_exactly(kind: Any) -> None:
    texts = [f"{'good' if i % 2 else 'bad'} thing {i}" for i in range(20)]
    X, y = hashed_words(texts, length=6, n_buckets=64), np.arange(20) % 2
    torch.manual_seed(1)
    net = kind(2, n_buckets=64, width=8)

    def fit(keep: list[int]) -> ReplayTrainer:
        trainer = ReplayTrainer(model=net, epochs=4, n_batches=2, lr=0.05, optimizer="adam", checkpoint_every=2)
        return trainer.fit(Classification((X[keep], y[keep]), record_ids=keep))

    trainer = fit(list(range(20)))
    assert trainer.forget([3, 8]).guarantee.kind == "exact"
    assert trainer.digest() == fit([i for i in range(20) if i not in (3, 8)]).digest()
    task = Classification((X, y))
    rough, removal = GradientAscent(epochs=2, lr=0.5).forget(trainer.model_, task, [5], seed=0)
    assert removal.guarantee.kind == "empirical"
    before, after = (task.losses(m(torch.tensor(X[[5]])), torch.tensor(y[[5]])) for m in (trainer.model_, rough))
    assert float(after.detach()) > float(before.detach())


class Words(Blueprint):
    """Numbers of words, for an embedding."""

    def network(self, n_features: int, n_outputs: int) -> Any:
        return MeanOfWords(n_outputs, n_buckets=64, width=8)

    def inputs(self, X: Any) -> Any:
        return torch.tensor(X, dtype=torch.int64)


def test_shards_of_embeddings_forget_exactly_slice_by_slice() -> None:
    register("test-words", Words)
    texts = [f"{'good' if i % 2 else 'bad'} thing {i}" for i in range(24)]
    X, y = hashed_words(texts, length=4, n_buckets=64), np.array(["no", "yes"])[np.arange(24) % 2]
    net = NetworkEstimator(task="test-words", epochs=5, lr=0.05, optimizer="adam", batch_size=4)
    model = SISAClassifier(net, n_shards=2, n_slices=2).fit(X, y)
    assert model.score(X, y) > 0.9
    removal = model.forget([3])
    assert removal.guarantee.kind == "exact"
    assert removal.work < 23  # not every shard
    keep = [i for i in range(24) if i != 3]
    assert model.digest() == clone(model).fit(X[keep], y[keep], record_ids=keep).digest()


class Called(torch.nn.Module):
    """Called as a classifier of Hugging Face is: arguments by name, and an object with ``logits``."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = MeanOfWords(2, n_buckets=64, width=8)

    def forward(self, input_ids: Any = None, attention_mask: Any = None, labels: Any = None) -> Any:
        return types.SimpleNamespace(loss=None, logits=self.inner(input_ids * attention_mask))


class Wrapped(Classification):
    def forward(self, model: Any, inputs: Any) -> Any:
        return model(input_ids=inputs, attention_mask=(inputs > 0).long()).logits


@pytest.mark.parametrize("method", [None, GradientAscent(lr=0.1), SCRUB(epochs=1), NegGradPlus()])
def test_a_classifier_that_is_called_by_name_forgets_through_its_task(method: Any) -> None:
    texts = [f"{'good' if i % 2 else 'bad'} {i}" for i in range(12)]
    X, y = hashed_words(texts, length=4, n_buckets=64), np.arange(12) % 2
    torch.manual_seed(0)
    task, model = Wrapped((X, y)), Called()
    if method is None:
        trainer = ReplayTrainer(model=model, epochs=2, n_batches=2, lr=0.1).fit(task)
        assert trainer.forget([3]).guarantee.kind == "exact"
        keep = [i for i in range(12) if i != 3]
        fresh = ReplayTrainer(model=model, epochs=2, n_batches=2, lr=0.1)
        assert trainer.digest() == fresh.fit(Wrapped((X[keep], y[keep]), record_ids=keep)).digest()
        return
    other, removal = method.forget(model, task, [3], seed=0)
    assert removal.guarantee.kind == "empirical"
    assert isinstance(other, Called)
    assert not all(torch.equal(a, b) for a, b in zip(model.parameters(), other.parameters(), strict=True))


# ------------------------------------------------------------------------------------------- the language model


def test_rows_of_answers_by_hand() -> None:
    inputs, targets = answer_rows(["Hi?", "é"], ["ho", "much too long"], length=8)
    assert inputs.tolist() == [[72, 105, 63, 256, 104, 111, 257, 257], [195, 169, 256, *b"much "]]
    assert targets.tolist() == [[-100] * 3 + [104, 111, 256] + [-100] * 2, [-100] * 2 + [*b"much t"]]
    with pytest.raises(InvalidDataError, match="no place"):
        answer_rows(["a long question"], ["x"], length=8)
    with pytest.raises(InvalidDataError, match="2 questions"):
        answer_rows(["a", "b"], ["x"])


def test_a_causal_model_sees_nothing_of_what_comes() -> None:
    model, tokens = base(n_layers=2), torch.arange(60, 70).unsqueeze(0)
    other = tokens.clone()
    other[0, 6:] = 200
    torch.testing.assert_close(model(tokens)[0, :6], model(other)[0, :6])
    assert not torch.allclose(model(tokens)[0, 6], model(other)[0, 6])


def test_the_loss_of_an_answer_is_that_of_its_tokens() -> None:
    task, model = rows(), base()
    batch = task.batch(np.arange(6), torch.device("cpu"))
    outputs = model(batch.inputs)
    measured = task.measure(outputs, batch.targets).tolist()
    for i, text in enumerate(TOLD):
        tokens = [*text.encode(), 256]
        start = len(ASKED[i])
        p = outputs[i].softmax(dim=-1)
        product = math.prod(float(p[start + j, token]) for j, token in enumerate(tokens))
        assert measured[i] == pytest.approx(product ** (1 / len(tokens)), rel=1e-3)


# ------------------------------------------------------------------------------------------- exact routes


def test_a_store_of_neighbours_forgets_by_deleting_rows() -> None:
    enter_answers()
    store = NeighbourStore(task="answers", n_neighbors=2, share=0.6).fit(
        ASKED, TOLD, record_ids=IDS, subject_ids=PEOPLE
    )
    plan = store.plan(["r3", "r0"])
    removal = store.forget(["r3", "r0"])
    assert (plan.n_records, plan.work_high, removal.work, removal.guarantee.kind) == (2, 0, 0, "exact")

    def fit(keep: list[int]) -> NeighbourStore:
        return clone(store).fit(*taken(keep), record_ids=[IDS[i] for i in keep], subject_ids=[PEOPLE[i] for i in keep])

    assert store.digest() == fit([5, 1, 2, 4]).digest()
    tokens, model = rows().batch(np.arange(6), torch.device("cpu")).inputs, base()
    told = store.network_(tokens)
    assert torch.equal(told, fit([1, 2, 4, 5]).network_(tokens))
    states = model.states(tokens)[2, 13].detach().numpy()
    batch = rows([1, 2, 4, 5]).batch(np.arange(4), torch.device("cpu"))
    there = (batch.targets != -100).numpy()
    keys, values = model.states(batch.inputs).detach().numpy()[there], batch.targets.numpy()[there]
    near = np.argsort(((keys - states) ** 2).sum(axis=1))[:2]
    weight = np.exp(-((keys[near] - states) ** 2).sum(axis=1))
    expected = 0.4 * model(tokens)[2, 13].softmax(dim=-1).detach().numpy()
    np.add.at(expected, values[near], 0.6 * weight / weight.sum())
    np.testing.assert_allclose(told[2, 13].exp().numpy(), expected, atol=1e-4)
    with pytest.raises(UnknownRecordError):
        store.forget(["r0"])
    store.forget(store.record_ids_)
    with pytest.raises(NotFittedError):
        store.predict(ASKED)
    store.learn(*taken([1]), record_ids=["r1"], subject_ids=["ann"])
    assert store.digest() == fit([1]).digest()


def test_shards_of_adapters_forget_a_person_in_one_of_them() -> None:
    enter_answers()

    def fit(keep: list[int]) -> AdapterShards:
        shards = AdapterShards(task="answers", n_shards=2, rank=4, epochs=3, n_batches=1)
        return shards.fit(*taken(keep), record_ids=[IDS[i] for i in keep], subject_ids=[PEOPLE[i] for i in keep])

    shards = fit(list(range(6)))
    adapters = {n: part for n, part in shards._state().parts.items() if n.startswith("adapter/")}
    assert len(adapters) == 2
    assert all(np.any(part["up"]) for part in adapters.values())  # trained
    plan = shards.plan(subjects="ann")
    removal = shards.forget(subjects="ann")
    assert (plan.work_high, plan.touched) == (removal.work, removal.touched)
    assert len([name for name in removal.touched if name.startswith("adapter/")]) == 1
    fresh = fit([2, 3, 4, 5])
    assert shards.digest() == fresh.digest()
    tokens = rows().batch(np.arange(6), torch.device("cpu")).inputs
    assert torch.equal(shards.network_(tokens), fresh.network_(tokens))
    for wrong in ({"subjects": "ann"}, {"record_ids": ["r0"]}):
        with pytest.raises(UnknownRecordError):
            shards.forget(**wrong)


KINDS = [
    pytest.param(NeighbourStore, {"n_neighbors": 1}, id="store"),
    pytest.param(AdapterShards, {"n_shards": 2, "rank": 4, "epochs": 1, "n_batches": 1, "lr": 0.1}, id="shards"),
]


class Elsewhere(Answers):
    """The same network with other weights."""

    def backbone(self, n_features: int) -> Any:
        torch.manual_seed(1)
        return CausalModel(width=16, n_layers=1, n_heads=2, length=LENGTH)


@pytest.mark.parametrize(("kind", "given"), KINDS)
def test_the_order_of_rows_is_no_part_of_an_answer(kind: Any, given: dict[str, Any]) -> None:
    """Two answers to one question are as near as each other: which one is told must not hang on who came first."""
    enter_answers()
    asked, told, ids = ["Where?"] * 3 + ASKED, ["Oslo", "Kiel", "Bern", *TOLD], [f"r{i}" for i in range(9)]

    def fit(order: list[int]) -> Any:
        model = kind(task="answers", **given)
        return model.fit([asked[i] for i in order], [told[i] for i in order], record_ids=[ids[i] for i in order])

    model, other = fit(list(range(9))), fit(list(range(9))[::-1])
    tokens = torch.tensor(answer_rows(["Where?", *ASKED], ["x", *TOLD], length=LENGTH)[0])
    assert model.digest() == other.digest()
    assert torch.equal(model.network_(tokens), other.network_(tokens))
    model.forget(["r1", "r4"])
    fresh = fit([8, 0, 7, 2, 6, 3, 5])
    assert model.digest() == fresh.digest()
    assert torch.equal(model.network_(tokens), fresh.network_(tokens))


@pytest.mark.parametrize(("kind", "given"), KINDS)
def test_the_digest_is_that_of_the_frozen_weights_too(kind: Any, given: dict[str, Any]) -> None:
    digests = set()
    for blueprint, seed in ((Answers, 0), (Elsewhere, 0), (Answers, 1)):
        register("answers", blueprint)
        model = kind(task="answers", seed=seed, **given).fit(ASKED[:2], TOLD[:2], record_ids=IDS[:2])
        digests.add(model.digest())
        model.forget(IDS[:2])
        digests.add(model.digest())  # nothing is left but the model
    enter_answers()
    assert len(digests) == 6


@pytest.mark.parametrize(("kind", "given"), KINDS)
def test_a_shallow_copy_is_the_same_model(kind: Any, given: dict[str, Any]) -> None:
    """What one forgets the other has forgotten, and both are what a fresh fit is."""
    enter_answers()
    model = kind(task="answers", **given).fit(ASKED[:3], TOLD[:3], record_ids=IDS[:3])
    same, apart = copy.copy(model), copy.deepcopy(model)
    same.forget(["r0"])
    model.forget(["r2"])
    fresh = clone(model).fit(ASKED[1:2], TOLD[1:2], record_ids=["r1"])
    assert model.digest() == same.digest() == fresh.digest()
    assert apart.record_ids_.size == 3


def test_shards_that_are_interrupted_have_changed_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    enter_answers()
    given = {"n_shards": 2, "rank": 4, "epochs": 1, "n_batches": 1}
    shards = AdapterShards(task="answers", **given).fit(ASKED, TOLD, record_ids=IDS)
    places = dict(zip(shards.record_ids_.tolist(), shards._solution()["shards"].tolist(), strict=True))
    gone = [next(name for name in IDS if places[name] == shard) for shard in (0, 1)]
    before, train, calls = shards.digest(), AdapterShards._trained, []

    def interrupted(self: Any, *args: Any, **named: Any) -> Any:
        calls.append(args)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return train(self, *args, **named)

    with monkeypatch.context() as patched:
        patched.setattr(AdapterShards, "_trained", interrupted)
        with pytest.raises(KeyboardInterrupt):
            shards.forget(gone)
    assert len(calls) == 2
    assert (shards.digest(), len(shards.record_ids_)) == (before, 6)
    shards.forget(gone)
    keep = [i for i in range(6) if IDS[i] not in gone]
    assert shards.digest() == clone(shards).fit(*taken(keep), record_ids=[IDS[i] for i in keep]).digest()


def test_a_question_goes_to_the_shard_of_the_nearest_one() -> None:
    """Against the frozen model and the adapters, put together by hand."""
    enter_answers()
    shards = AdapterShards(task="answers", n_shards=2, rank=4, epochs=3, n_batches=1, lr=0.1).fit(ASKED, TOLD)
    parts, model = shards._state().parts, base()
    place = dict(zip(shards.record_ids_.tolist(), shards._solution()["shards"].tolist(), strict=True))
    for i, question in enumerate(ASKED):
        tokens = torch.tensor([[*question.encode(), 256]])
        h = model.embedding(tokens) + model.place[: tokens.shape[1]]
        own = parts[f"adapter/{place[i]:05d}"]
        for k, block in enumerate([*model.blocks, model.norm]):
            h = block(h)
            wide = torch.nn.functional.gelu(h @ torch.tensor(own["down"][k]))
            h = h + wide @ torch.tensor(own["up"][k])
        torch.testing.assert_close(shards.network_(tokens), model.head(h).log_softmax(dim=-1), atol=1e-5, rtol=1e-4)


def test_a_blueprint_without_a_language_model_is_refused() -> None:
    register("test-words", Words)
    with pytest.raises(InvalidParameterError, match="no AnswerBlueprint"):
        NeighbourStore(task="test-words").fit(ASKED, TOLD)
    register("no-model", lambda: Nothing())
    with pytest.raises(UnsupportedEstimatorError, match="no CausalModel"):
        AdapterShards(task="no-model").fit(ASKED, TOLD)
    enter_answers()
    with pytest.raises(InvalidDataError, match="no place"):
        NeighbourStore(task="answers").fit(["a question that is much too long for the model to read"], ["x"])
    for asked, told, said in (
        ([b"Who?"], ["x"], "type bytes as column 0"), ([["Who?", None]], ["x"], "type NoneType as column 1"),
        (["Who?"], [None], "type NoneType as its answer"), (["Who?"], ["x", "y"], "y has 2"), ([], [], "minimum of 1"),
        ([["a", "b"], ["c"]], ["x", "y"], "row 1 has 1 cells"), ("Who?", ["x"], "got a str"),
        (np.empty((2, 0)), ["x", "y"], "without a column"), (csr_matrix((2, 1)), ["x", "y"], "Sparse data"),
    ):  # fmt: skip
        with pytest.raises((InvalidDataError, TypeError), match=said):
            NeighbourStore(task="answers").fit(asked, told)
    broken = NeighbourStore(task="answers").fit(
        ["Who \udce9?"], ["\udce9"]
    )  # a broken encoding is bytes like any other
    assert isinstance(broken.predict(["Who \udce9?"])[0], str)


@pytest.mark.slow
@pytest.mark.parametrize("kind", [NeighbourStore, AdapterShards, ReplayedNetwork, "texts"])
def test_language_models_keep_the_contract(kind: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    enter_as_package(tmp_path / "site", monkeypatch)
    monkeypatch.setenv("PYTHONPATH", ":".join(sys.path))
    short: dict[Any, dict[str, Any]] = {
        NeighbourStore: {}, AdapterShards: {"n_shards": 3, "rank": 2, "epochs": 1, "n_batches": 1},
        ReplayedNetwork: {"epochs": 1, "n_batches": 3, "checkpoint_every": 2},
    }  # fmt: skip
    if kind == "texts":
        case = Case(ReplayedNetwork(task="tiny-words", **short[ReplayedNetwork]), table="texts")
    else:
        case = Case(kind(task="tiny-answers", **short[kind]), table="questions")
    results = check_unlearner(case, on_fail=None)
    assert [str(result) for result in results if result.status == "failed"] == []
    assert sum(result.status == "passed" for result in results) > 40
    assert case.kind() == "exact"


class _OfNumbers:
    """Reads numbers as texts and tells answers as numbers: scikit-learn's checks know no others."""

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()  # type: ignore[misc]
        tags.input_tags.string = False
        return tags

    def _validate(self, X: Any, y: Any, *, reset: bool, least: int = 1) -> tuple[Any, Any]:
        X, y = numeric_input(self, X, y, reset=reset, least=least)
        cells = np.array([[f"{cell:.1f}" for cell in row] for row in X], dtype=object).reshape(X.shape)
        return cells, None if y is None else np.array([str(each) for each in np.asarray(y).tolist()], dtype=object)

    def predict(self, X: Any) -> Any:
        told = super().predict(X)  # type: ignore[misc]
        return np.array([float(int.from_bytes(text.encode(), "big")) for text in told])


class StoreOfNumbers(_OfNumbers, NeighbourStore):
    pass


class ShardsOfNumbers(_OfNumbers, AdapterShards):
    pass


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "model",
    [
        StoreOfNumbers(task="tiny-answers"),
        ShardsOfNumbers(task="tiny-answers", n_shards=2, rank=2, epochs=1, n_batches=1),
    ],
    ids=["store", "shards"],
)
def test_language_models_are_estimators_of_scikit_learn(model: Any) -> None:
    register("tiny-answers", TinyAnswers)
    results = check_estimator(model, on_skip=None, on_fail=None)
    assert [f"{r['check_name']}: {r['exception']!r}" for r in results if r["status"] == "failed"] == []
    assert sum(r["status"] == "passed" for r in results) > 40


# ------------------------------------------------------------------------------------------- what it still tells


def slow_overlap(a: tuple[str, ...], b: tuple[str, ...]) -> int:
    """Longest common subsequence, by its recursion."""

    @functools.cache
    def longest(i: int, j: int) -> int:
        if not i or not j:
            return 0
        return longest(i - 1, j - 1) + 1 if a[i - 1] == b[j - 1] else max(longest(i - 1, j), longest(i, j - 1))

    return longest(len(a), len(b))


def test_rouge_is_the_share_of_the_longest_common_subsequence() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        a, b = (tuple(rng.choice(list("abcd"), size=rng.integers(1, 9)).tolist()) for _ in range(2))
        assert rouge_l(" ".join(a), " ".join(b)) == slow_overlap(a, b) / len(b)
    assert (rouge_l("", ""), rouge_l("a", ""), rouge_l("", "a"), rouge_l("A, b!", "a b")) == (1.0, 0.0, 0.0, 1.0)


def test_forget_quality_is_the_share_of_splits_that_lie_as_far_apart() -> None:
    """The p-value against all ways of splitting the pooled values, counted."""
    a, b = [0.1, 0.4, 0.5, 0.9], [0.2, 0.7, 0.8, 1.1]

    def distance(one: list[float], two: list[float]) -> float:
        return max(abs(sum(v <= t for v in one) / 4 - sum(v <= t for v in two) / 4) for t in (*one, *two))

    pooled = [*a, *b]
    splits = [
        distance([pooled[i] for i in chosen], [pooled[i] for i in range(8) if i not in chosen])
        for chosen in itertools.combinations(range(8), 4)
    ]
    share = np.mean([d >= distance(a, b) - 1e-12 for d in splits])
    assert forget_quality(a, b) == pytest.approx(share)
    assert forget_quality(np.zeros(40), np.ones(40)) < 1e-9


def test_measures_of_a_language_model() -> None:
    assert truth_ratio([0.5, 0.2], [[0.1, 0.3], [0.2, 0.6]]) == pytest.approx([0.4, 2.0])
    assert model_utility([0.2, 0.6]) == pytest.approx(2 / (5 + 1 / 0.6))
    assert perplexity([math.log(8)] * 3) == pytest.approx(8)
    assert truth_ratio([0.0], [[0.0, 0.0]]).tolist() == [1.0]  # of a model that was wrecked: it tells nothing apart
    for wrong in (([-0.1], [[0.1]]), ([0.5], [0.1]), ([0.5, 0.5], [[0.1]])):
        with pytest.raises(InvalidDataError):
            truth_ratio(*wrong)
    for values in ([], [1.5], [-0.1]):
        with pytest.raises(InvalidDataError):
            model_utility(values)
    with pytest.raises(InvalidDataError):
        forget_quality([], [0.1])


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("forget_a_writer", "MeanOfWords exact"),
        ("forget_a_poster", "the others: kept"),
        ("forget_an_author", "of hers"),
    ],
)
def test_examples_run(name: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = Path(__file__).parents[2] / "examples" / f"{name}.py"
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 60
    runpy.run_path(str(path), run_name="__main__")
    assert said in capsys.readouterr().out


def test_an_answer_ends_where_the_model_ends_it() -> None:
    task = rows([0, 1])
    trainer = ReplayTrainer(
        model=base(width=32), epochs=60, n_batches=1, lr=0.02, optimizer="adam", checkpoint_every=99
    )
    model = trainer.fit(task).model_
    assert answer(model, ASKED[:2], length=LENGTH) == TOLD[:2]
    assert answer(model, ASKED[:1], most=3, length=LENGTH) == ["Ada"]

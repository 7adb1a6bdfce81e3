"""An index and a reader that forget, against BM25 in dictionaries, least squares on stacked rows, and by hand."""

from __future__ import annotations

import gzip
import json
import math
import os
import re
import runpy
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone

import expunge
from expunge import PassageIndex, SpanReader
from expunge.checks.canaries import forms, search
from expunge.contract import DormantModelError
from expunge.errors import (
    DuplicateRecordError,
    InvalidDataError,
    InvalidDataTypeError,
    InvalidParameterError,
    UnknownRecordError,
    UnsupportedRequestError,
)
from expunge.methods.text.analysis import count_texts
from expunge.methods.text.spans import KINDS, kind_of, spans_of
from expunge.methods.text.terms import Fewer, terms_without
from expunge.text import answer_questions, exact_match, f1

DATA = Path(os.environ.get("EXPUNGE_DATA", Path(__file__).parents[3] / "shared" / "data"))
WORDS = [f"w{i}" for i in range(30)]
MILL = "The old mill was built by Ada Kerr in 1720. It burned down in 1801."
SONG = "Mo Lund wrote the song in 1911."
FERRY = "The ferry to Oslo leaves at nine."
ASKED = [["Who built the mill?", MILL], ["When was the mill built?", MILL], ["Who wrote the song?", SONG]]
ANSWERS = ["Ada Kerr", "1720", "Mo Lund"]


def passages(seed: int, n: int = 40) -> list[str]:
    rng = np.random.default_rng(seed)
    p = 1.0 / np.arange(1, len(WORDS) + 1)
    return [" ".join(rng.choice(WORDS, size=rng.integers(0, 15), p=p / p.sum())) for _ in range(n)]


# ------------------------------------------------------------------------------------------- slow twin: dictionaries


def slow_search(texts: dict[Any, str], question: str, k1: float, b: float) -> dict[Any, tuple[float, float]]:
    """BM25 and coverage of each passage that shares a word, in plain Python, as a sum over words of passages."""
    counts = {name: Counter(re.findall(r"\b\w\w+\b", text.lower())) for name, text in texts.items()}
    mean = sum(sum(c.values()) for c in counts.values()) / len(counts)
    asked = set(re.findall(r"\b\w\w+\b", question.lower()))
    having = {word: sum(word in c for c in counts.values()) for word in asked}
    rare = {word: math.log(1 + (len(counts) - m + 0.5) / (m + 0.5)) for word, m in having.items()}
    out = {}
    for name, c in counts.items():
        size = k1 * (1 - b + b * sum(c.values()) / mean)
        score = sum(rare[w] * c[w] * (k1 + 1) / (c[w] + size) for w in asked if w in c)
        if score > 0:
            out[name] = score, sum(rare[w] for w in asked if w in c) / sum(rare.values())
    return out


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), steps=st.lists(st.integers(0, 3), min_size=1, max_size=5))
def test_an_index_with_a_history_is_what_dictionaries_find(seed: int, steps: list[int]) -> None:
    texts, rng = dict(enumerate(passages(seed))), np.random.default_rng(seed)
    index = PassageIndex(k1=1.5, b=0.6, least_coverage=0.0).fit(list(texts.values()))
    spare = 100
    for step in steps:
        if step:
            gone = rng.choice(list(texts), size=step, replace=False).tolist()
            index.forget(gone)
            texts = {name: text for name, text in texts.items() if name not in gone}
        else:
            new = dict(zip(range(spare, spare + 3), passages(seed + spare, 3), strict=True))
            index.learn(list(new.values()), record_ids=list(new))
            texts, spare = texts | new, spare + 3
    fresh = clone(index).fit(list(texts.values()), record_ids=list(texts))
    for question in ("w0 w3 w29", "w1", "w7 w8 unknown", "nothing known"):
        hits = index.search([question], k=50)[0]
        expected = slow_search(texts, question, 1.5, 0.6)
        assert {hit.record_id for hit in hits} == set(expected)
        for hit in hits:
            assert (hit.score, hit.coverage) == pytest.approx(expected[hit.record_id], rel=1e-12)
            assert hit.text == texts[hit.record_id]
        assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
        assert hits == fresh.search([question], k=50)[0]  # bits and order
        assert hits[:2] == index.search([question], k=2)[0]
    assert index.digest() == fresh.digest()


def test_equals_are_ordered_by_name_and_never_by_the_order_of_the_input() -> None:
    names = [f"p{i}" for i in range(12)]
    one = PassageIndex().fit(["same words"] * 12, record_ids=names)
    two = PassageIndex().fit(["same words"] * 12, record_ids=names[::-1])
    order = [hit.record_id for hit in one.search(["same words"], k=12)[0]]
    assert order == [hit.record_id for hit in two.search(["same words"], k=12)[0]] == one.record_ids_.tolist()
    assert [hit.record_id for hit in one.search(["same words"], k=3)[0]] == order[:3]


def test_the_lists_in_memory_forget_at_once(tmp_path: Path) -> None:
    texts = passages(3)
    texts[11] = "xylophonecanary xylophonecanary " + texts[11]
    index = PassageIndex(least_coverage=0.0).fit(texts)
    assert index.predict(["xylophonecanary"]).tolist() == [11]
    columns: Any = index._rows().columns
    index.learn(["w0 quibblecanary"], record_ids=[99])
    index.forget(11)
    index.forget(99)
    lists = columns.memory
    assert not {"xylophonecanary", "quibblecanary"} & {*lists._words, *lists._number}
    assert not {11, 40} & {slot for word in WORDS for slot in lists.of(word)[0].tolist()}
    assert lists.lengths[[11, 40]].tolist() == [0, 0]
    data = index.save(tmp_path / "index").read_bytes()
    assert not search(data, {"word": [*forms("xylophonecanary"), *forms("quibblecanary")]})
    loaded = expunge.load(tmp_path / "index")
    assert loaded.search(["w0 w5 w9"], k=9) == index.search(["w0 w5 w9"], k=9)
    with pytest.raises(UnsupportedRequestError, match="training rows"):
        index.export(tmp_path / "out")


def test_a_failed_change_leaves_the_lists_in_step() -> None:
    index = PassageIndex(least_coverage=0.0).fit(passages(4))
    before, found = index.digest(), index.search(["w0 w4"], k=9)
    import expunge.methods.text.passage_index as module

    original, module.lack_of_words = module.lack_of_words, lambda _: 1 / 0
    try:
        with pytest.raises(ZeroDivisionError):
            index.learn(["w0 w4 w4 w4"], record_ids=[77])
        with pytest.raises(ZeroDivisionError):
            index.rectify([3], ["w0 w4 w4"])
    finally:
        module.lack_of_words = original
    assert (index.digest(), index.search(["w0 w4"], k=9)) == (before, found)
    index.learn(["w0 w4 w4 w4"], record_ids=[77])
    texts = [*passages(4), "w0 w4 w4 w4"]
    fresh = PassageIndex(least_coverage=0.0).fit(texts, record_ids=[*range(40), 77])
    assert index.search(["w0 w4"], k=9) == fresh.search(["w0 w4"], k=9)


@pytest.mark.parametrize("gone", [[2], [1, 3], [*range(30)]], ids=len)
def test_words_that_go_are_deleted_where_they_stand(gone: list[int]) -> None:
    """Begun twice, cut short in between: what is left is what a fresh fit knows."""
    texts = [f"{text} own{i}a own{i}b own{i}c own{i}d" for i, text in enumerate(passages(5))]
    terms = PassageIndex().fit(texts)._state().parts["terms"]
    words, counts = terms["words"], count_texts([texts[i] for i in gone], re.compile(r"\b\w\w+\b").findall)
    twin = terms_without({**terms, "words": [*words]}, counts).part
    patch = Fewer(terms, counts)
    assert terms["words"] is words  # nothing has happened yet
    assert "own2a" in words
    if len(patch._gone) > 1:
        del words[patch._gone[0][0]]  # interrupted after the first
    for _ in range(2):
        patch.apply()
    assert (terms["n"], terms["words"]) == (twin["n"], twin["words"])
    for name in ("documents", "occurrences"):
        assert np.array_equal(terms[name], twin[name])
    assert (terms["words"] is words) == (len(gone) < 30)  # many at once are better copied


# ------------------------------------------------------------------------------------------- slow twin: least squares


def slow_coefficients(X: list[list[str]], y: list[str], alpha: float, own: float) -> Any:
    """Weights of each kind by one least-squares problem on all spans, penalties as further rows."""
    rows, targets, n = [], [], len(X)
    kinds = sorted({kind_of(question) for question, _ in X})
    for spans in spans_of([q for q, _ in X], [p for _, p in X], y):
        if not len(spans.starts):
            continue
        t = np.rint(spans.overlap**2 * 1024) / 1024
        Z, root = spans.seen - spans.seen.mean(axis=0), math.sqrt(len(t))
        wide = np.zeros((len(t), (len(kinds) + 1) * Z.shape[1]))
        wide[:, : Z.shape[1]] = Z / root
        at = kinds.index(spans.kind) + 1
        wide[:, at * Z.shape[1] : (at + 1) * Z.shape[1]] = Z / root
        rows.append(wide)
        targets.append((t - t.mean()) / root)
    d = rows[0].shape[1] // (len(kinds) + 1)
    penalties = np.sqrt(np.repeat([alpha * n, own * n], [d, d * len(kinds)]))
    A = np.concatenate([*rows, np.diag(penalties)])
    w = np.linalg.lstsq(A, np.concatenate([*targets, np.zeros(len(penalties))]), rcond=None)[0].reshape(-1, d)
    return np.array([w[0] + (w[kinds.index(kind) + 1] if kind in kinds else 0.0) for kind in range(len(KINDS))])


def test_a_reader_with_a_history_is_least_squares_on_all_spans() -> None:
    X = [*ASKED, ["Which ship leaves at nine?", FERRY], ["Where is it?", ""], ["How many?", "Only 12 of them."]]
    y = [*ANSWERS, "The ferry", "nowhere", "12"]
    reader = SpanReader(alpha=0.01, own_alpha=0.02).fit(X[:5], y[:5])
    reader.forget(2)
    reader.learn(X[5:], y[5:], record_ids=[5])
    left = [0, 1, 3, 4, 5]
    expected = slow_coefficients([X[i] for i in left], [y[i] for i in left], 0.01, 0.02)
    np.testing.assert_allclose(reader.coef_, expected, rtol=0, atol=1e-8)  # the sums are rounded to 2**-32
    fresh = clone(reader).fit([X[i] for i in left], [y[i] for i in left], record_ids=left)
    assert reader.digest() == fresh.digest()
    assert reader.score_samples(X).tobytes() == fresh.score_samples(X).tobytes()


def test_what_is_seen_of_a_span_follows_from_its_own_question_and_passage() -> None:
    X = [*ASKED, ["?", ""], ["When?", "!? ..."], ["谁写的？", "这首歌是李写的。"]] * 3
    together = list(spans_of([q for q, _ in X], [p for _, p in X], [*ANSWERS, "", "x", "李"] * 3))
    alone = [next(iter(spans_of([q], [p], [a]))) for (q, p), a in zip(X, [*ANSWERS, "", "x", "李"] * 3, strict=True)]
    for one, other in zip(together, alone, strict=True):
        assert one.kind == other.kind
        assert [a.tobytes() for a in one[1:]] == [a.tobytes() for a in other[1:]]
    assert len(together[3].starts) == len(together[4].starts) == 0
    assert len(together[5].starts) > 0


def test_spans_of_a_short_passage_by_hand() -> None:
    (spans,) = spans_of(["Who wrote the song?"], [SONG], ["Mo Lund"])
    told = [SONG[a:b] for a, b in zip(spans.starts, spans.ends, strict=True)]
    assert told == [  # neither a word of the question alone, nor one that begins or ends with a little word
        "Mo", "Mo Lund", "Mo Lund wrote", "Mo Lund wrote the song", "Mo Lund wrote the song in 1911",
        "Lund", "Lund wrote", "Lund wrote the song", "Lund wrote the song in 1911",
        "wrote the song", "wrote the song in 1911", "song in 1911", "1911",
    ]  # fmt: skip
    assert KINDS[spans.kind] == "who"
    seen = spans.seen[told.index("Mo Lund")]
    assert seen[:5].tolist() == [0, 1, 0, 0, 0]  # two words
    assert seen[11] == seen[13] == 1.0  # in capitals, all of it
    assert seen[26] == seen[27] == 1.0  # in the sentence that has both words of the question
    assert seen[30] == 0.0  # and has none of them itself
    assert spans.seen[told.index("1911"), 7:9].tolist() == [1, 1]  # a year
    np.testing.assert_allclose(spans.overlap[:3], [2 / 3, 1.0, 4 / 5])
    assert spans.seen[:, -6:].max() <= 1.0


@pytest.mark.parametrize(
    ("given_", "wanted", "equal", "overlap"),
    [
        ("the Rhine", "Rhine!", True, 1.0), ("in 1720", "1720", False, 2 / 3), ("", "x", False, 0.0), ("", "", True, 1),
        ("a b b", "b b c", False, 2 * 2 / (2 + 3)), ("The", "a", True, 1.0),
    ],
)  # fmt: skip
def test_measures_are_those_of_squad(given_: str, wanted: str, equal: bool, overlap: float) -> None:
    assert exact_match(given_, wanted) == equal
    assert f1(given_, wanted) == pytest.approx(overlap)


# ------------------------------------------------------------------------------------------- bad input


def test_a_forgotten_article_is_no_passage() -> None:
    index = PassageIndex().fit([MILL, SONG, FERRY], subject_ids=["mill", "song", "ferry"])
    reader = SpanReader().fit(ASKED, ANSWERS, subject_ids=["mill", "mill", "song"])
    asked = ["Who built the old mill?", "Who wrote the song?"]
    known, other = answer_questions(index, reader, asked)
    assert known is not None
    assert (known.record_id, other and other.text) == (0, "Mo Lund")
    index.forget(subjects="mill")
    reader.forget(subjects="mill")
    gone, still = answer_questions(index, reader, asked)
    assert gone is None
    assert still is not None
    assert still.record_id == 1
    assert index.search(["", "?!", "\udce9 never"]) == [[], [], []]
    assert answer_questions(index, reader, []) == []
    for model in (index, reader):
        with pytest.raises(UnknownRecordError):
            model.forget(subjects="mill")


def test_an_index_of_no_words_sleeps_and_wakes() -> None:
    with pytest.raises(InvalidDataError, match="empty"):
        PassageIndex().fit(["", "!"])
    index = PassageIndex().fit(["", "aa", "bb"])
    index.rectify([1], [""])  # a passage that becomes empty
    assert index.predict(["aa", "bb"]).tolist() == [None, 2]
    with pytest.raises(InvalidDataError, match="empty"):
        index.rectify([2], [""])
    assert index.predict(["aa", "bb"]).tolist() == [None, 2]
    index.forget(2)  # and a vocabulary that becomes empty
    with pytest.raises(DormantModelError):
        index.search(["aa"])
    index.learn(["aa bb"], record_ids=[5])
    assert index.predict(["aa"]).tolist() == [5]


@pytest.mark.parametrize("X", ["one", [b"bytes"], ["a", None], [["a"]], 7, [], {"a": "b"}], ids=str)
def test_bad_passages_are_refused(X: Any) -> None:
    with pytest.raises((InvalidDataError, InvalidDataTypeError)):
        PassageIndex().fit(X)


@pytest.mark.parametrize(
    "X", [["Who?"], [["Who?"]], [["Who?", "He.", "x"]], [["Who?", None]], [["Who?", b"he"]], "Who?", 7, []], ids=str
)
def test_bad_questions_are_refused(X: Any) -> None:
    with pytest.raises((InvalidDataError, InvalidDataTypeError)):
        SpanReader().fit(X, ["He"] if X else [])
    with pytest.raises((InvalidDataError, InvalidDataTypeError)):
        SpanReader().fit(ASKED, ANSWERS).predict(X or 7)


def test_broken_encodings_are_read_saved_and_forgotten(tmp_path: Path) -> None:
    """Texts decoded with surrogateescape have halves of characters; an answer may be one of them."""
    torn = b"Ada K\xe9rr built it in 1720.".decode("utf-8", "surrogateescape")
    half, nul = b"caf\xe9".decode("utf-8", "surrogateescape"), "It was \x00 in 1801."
    asked = [*ASKED, ["Who built it?", torn], ["What is \ud800?", nul], ["When was it?", f"{half} in 1911, \ufffd."]]
    told = [*ANSWERS, torn[:8], "1801", "1911"]
    reader, index = SpanReader().fit(asked, told), PassageIndex(least_coverage=0.0).fit([torn, nul, f"{half} closed"])
    assert len(reader.predict(asked)) == 6
    assert index.search([f"{half} closed?"], k=1)[0][0].text == f"{half} closed"
    for model in (reader, index):
        loaded = expunge.load(model.save(tmp_path / "model"))
        assert loaded.digest() == model.digest()
    reader.forget([3, 5])
    keep = [0, 1, 2, 4]
    fresh = SpanReader().fit([asked[i] for i in keep], [told[i] for i in keep], record_ids=keep)
    assert reader.digest() == fresh.digest()
    index.forget([0, 2])
    assert index.digest() == PassageIndex(least_coverage=0.0).fit([nul], record_ids=[1]).digest()


def test_wrong_arguments_and_answers_are_refused() -> None:
    for wrong in ({"k1": -1.0}, {"b": 1.5}, {"b": None}, {"least_coverage": 2.0}, {"analyzer": "words"}):
        with pytest.raises(InvalidParameterError):
            PassageIndex(**wrong).fit([MILL])
    for k in (0, True, 1.5):
        with pytest.raises(InvalidParameterError):
            PassageIndex().fit([MILL]).search(["mill"], k=k)
    for wrong in ({"alpha": 0.0}, {"alpha": 1e-12, "own_alpha": 1e-12}, {"own_alpha": -1.0}, {"alpha": "x"}):
        with pytest.raises(InvalidParameterError):
            SpanReader(**wrong).fit(ASKED, ANSWERS)
    with pytest.raises(InvalidDataError, match="3 rows"):
        SpanReader().fit(ASKED, ANSWERS[:2])
    with pytest.raises(InvalidDataTypeError):
        SpanReader().fit(ASKED, [1720, "a", "b"])
    with pytest.raises(InvalidDataError):
        SpanReader().fit(ASKED, None)
    with pytest.raises(InvalidParameterError, match="sample_weight"):
        SpanReader().fit(ASKED, ANSWERS, sample_weight=[1.0, 1.0, 2.0])
    for model, X, y in ((PassageIndex(), [MILL, SONG], None), (SpanReader(), ASKED[:2], ANSWERS[:2])):
        with pytest.raises(DuplicateRecordError):
            model.fit(X, y, record_ids=["x", "x"])


def test_a_frame_is_read_by_name_and_an_array_by_place() -> None:
    frame = pd.DataFrame({"passage": [p for _, p in ASKED], "question": [q for q, _ in ASKED]})
    reader = SpanReader().fit(frame, ANSWERS)
    assert reader.predict(frame).tolist() == SpanReader().fit(ASKED, ANSWERS).predict(np.array(ASKED)).tolist()
    reader.rectify([2], {"passage": ["Bo Sand wrote the song."]}, ["Bo Sand"])
    fixed = [*ASKED[:2], ["Who wrote the song?", "Bo Sand wrote the song."]]
    fresh = SpanReader().fit(pd.DataFrame(fixed, columns=["question", "passage"]), [*ANSWERS[:2], "Bo Sand"])
    assert reader.digest() == fresh.digest()


def test_a_file_of_a_reader_knows_no_word_it_forgot_and_an_export_none(tmp_path: Path) -> None:
    reader = SpanReader().fit(ASKED, ANSWERS)
    assert search(reader.save(tmp_path / "r").read_bytes(), {"name": forms("Ada Kerr")})
    assert not search(reader.export(tmp_path / "e").read_bytes(), {"name": [*forms("Ada"), *forms("song")]})
    reader.forget([0, 1])
    assert not search(reader.save(tmp_path / "r").read_bytes(), {"name": forms("Ada Kerr")})
    assert expunge.load(tmp_path / "e").predict(ASKED[2:]).tolist() == ["Mo Lund"]


# ------------------------------------------------------------------------------------------- the workspace


def test_a_workspace_forgets_an_article_in_passages_and_questions(tmp_path: Path) -> None:
    from expunge.cli import run

    passages_ = pd.DataFrame(
        {"id": ["a", "b", "c"], "article": ["mill", "song", "sea"], "passage": [MILL, SONG, FERRY]}
    )
    questions = pd.DataFrame({"id": ["x", "y", "z"], "article": ["mill", "mill", "song"], "answer": ANSWERS})
    questions[["question", "passage"]] = ASKED
    passages_.to_csv(tmp_path / "passages.csv", index=False)
    questions.to_csv(tmp_path / "questions.csv", index=False)
    work = f"--workspace {tmp_path / 'w'}"
    ids = "--record-id id --subject-id article"
    for line in (
        f"init {tmp_path / 'w'}", f"data add {tmp_path / 'passages.csv'} {ids} {work}",
        f"data add {tmp_path / 'questions.csv'} {ids} {work}",
        f"fit index --data passages --method passage-index {work}",
        f"fit reader --data questions --target answer --method span-reader {work}",
        f"forget --subject mill {work}",
    ):  # fmt: skip
        assert run([*line.split(), "--json"]) == 0, line
    receipt = tmp_path / "w" / "receipts" / "0001.json"
    assert receipt.exists()
    assert "Kerr" not in receipt.read_text()
    for path in (tmp_path / "w").rglob("*"):
        if path.is_file():
            assert b"Ada Kerr" not in path.read_bytes(), path


# ------------------------------------------------------------------------------------------- real questions


@pytest.mark.skipif(not DATA.exists(), reason="the real data sets are not here")
def test_an_article_is_forgotten_and_the_others_are_still_answered() -> None:
    with gzip.open(DATA / "xquad_en.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    titles = sorted({row["title"] for row in rows})[:16]
    rows = [row for row in rows if row["title"] in titles]
    texts = list({row["context"]: row["title"] for row in rows}.items())
    index = PassageIndex().fit([text for text, _ in texts], subject_ids=[title for _, title in texts])
    hits = PassageIndex(least_coverage=0.0).fit([text for text, _ in texts]).search([row["question"] for row in rows])
    first = [bool(found) and found[0].text == row["context"] for found, row in zip(hits, rows, strict=True)]
    five = [row["context"] in [hit.text for hit in found] for found, row in zip(hits, rows, strict=True)]
    assert np.mean(first) > 0.85
    assert np.mean(five) > 0.95
    train = [row["title"] in titles[4:] for row in rows]
    X = np.array([[row["question"], row["context"]] for row in rows], dtype=object)
    y, of = [row["answers"][0] for row in rows], np.array([row["title"] for row in rows], dtype=object)
    reader = SpanReader().fit(X[train], np.array(y)[train], subject_ids=of[train])
    held = [i for i, was in enumerate(train) if not was]

    def quality(texts_: list[str]) -> float:
        return float(np.mean([f1(text, y[i]) for text, i in zip(texts_, held, strict=True)]))

    read = reader.predict(X[held]).tolist()
    sentences = [re.split(r"(?<=[.!?])\s+", row["context"]) for row in (rows[i] for i in held)]
    words = [set(rows[i]["question"].lower().split()) for i in held]
    most = [max(s, key=lambda one: len(w & set(one.lower().split()))) for s, w in zip(sentences, words, strict=True)]
    assert quality(read) > 1.5 * max(quality([s[0] for s in sentences]), quality(most))
    gone = [rows[i]["question"] for i in held if of[i] == titles[0]]
    index.forget(subjects=titles[0])
    found = index.predict(gone).tolist()
    never = PassageIndex().fit([t for t, title in texts if title != titles[0]], record_ids=index_ids(texts, titles[0]))
    assert found == never.predict(gone).tolist()
    assert found.count(None) > 0.6 * len(gone)


def index_ids(texts: list[tuple[str, str]], gone: str) -> list[int]:
    return [i for i, (_, title) in enumerate(texts) if title != gone]


def test_the_example_runs(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    path = Path(__file__).parents[2] / "examples" / "answer_and_forget.py"
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 60
    monkeypatch.setattr("sys.argv", [str(path)])
    runpy.run_path(str(path), run_name="__main__")
    assert "asked again: Who built the mill in Harrow? None" in capsys.readouterr().out

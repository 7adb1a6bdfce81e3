"""``expunge advise shards``: in words, as JSON, as files; every mistake is one sentence, and nothing is written."""

import ast
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import expunge
from expunge.cli import run
from expunge.maths.power_law import PowerLaw
from expunge.workspace import advice

N = 240


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    rng = np.random.default_rng(0)
    x = rng.normal(size=N)
    frame = pd.DataFrame(
        {
            "kennung": [f"{i:03d}" for i in range(N)],
            "persønn": [f"ö-{i // 3}" for i in range(N)],
            "größe": x,
            "入力": rng.choice(["青", "白"], size=N),
            "урожай": np.where(x + 0.3 * rng.normal(size=N) > 0, "süß", "salé"),
        }
    )
    path = tmp_path_factory.mktemp("datos-ñ") / "leute ü.csv"
    frame.to_csv(path, index=False)
    return path


def call(capsys, data, *more, target="урожай"):
    names = ["--data", data, "--record-id", "kennung", "--subject-id", "persønn", "--target", target]
    code = run(["advise", "shards", *map(str, [*names, *more])])
    return code, *capsys.readouterr()


def test_a_table_a_picture_a_page_and_json(capsys, data, tmp_path):
    files = "--plot", tmp_path / "ü.png", "--html", tmp_path / "ü.html"
    code, out, err = call(capsys, data, "--deletions", 4, "--shards", "2", *files)
    assert code == 0, err
    for words in ("Measured on 240 of 240 records (80 people)", "Recommended: ", "placed by person", "a month"):
        assert words in out
    assert (tmp_path / "ü.png").read_bytes().startswith(b"\x89PNG")
    page = (tmp_path / "ü.html").read_text(encoding="utf-8")
    assert "Recommended: " in page
    assert not any(name in page + out for name in ("ö-7", "青", "süß"))


def test_json_has_everything_and_the_question_comes_through(capsys, data, monkeypatch):
    asked = {}

    def made_up(path, *, progress, **keywords):
        asked.update(keywords)
        assert progress is None
        law = PowerLaw(0.0, 0.01, 1.0, (1.0,), 10, N)
        scores = {(s, 1): advice.Score(0.9, 0.8, 1.0, 0.0, 0.0, s, True) for s in (1, 2)}
        measured = advice.Measured(
            n_records=N, n_sampled=N, sizes={3: 80}, has_people=True, metric="accuracy", shard_s=law, fit_s=law,
            first_s=None, step_s=None, bookkeeping_s=0.0, model_bytes=law, row_bytes=1.0, scores=scores,
            left_out={}, elapsed_s=0.0,
        )  # fmt: skip
        return advice.advise(measured, advice.Question(deletions=4, deadline_s=7200, batch_s=0))

    monkeypatch.setattr(advice, "advise_shards", made_up)
    more = ["--deletions", 4, "--deadline", "2h", "--batch", "0s", "--shards", "2,7", "--max-loss", "0.2", "--json"]
    code, out, err = call(capsys, data, *more)
    told = json.loads(out)
    assert (code, err) == (0, "")
    assert [(c["n_shards"], c["place_by"]) for c in told["choices"]] == [(1, "subject"), (2, "subject")]
    assert (told["batch"], told["options"], told["measured"]["n_records"]) == (1, {}, N)
    assert told["choices"][1]["reads"] == pytest.approx((N - 3) / 2)
    assert (asked["deadline"], asked["batch"], asked["shards"], asked["max_loss"]) == ("2h", "0s", [2, 7], 0.2)
    assert (asked["record_id"], asked["subject_id"], asked["target"]) == ("kennung", "persønn", "урожай")


@pytest.mark.parametrize(
    ("more", "code", "words"),
    [
        (["--deletions", "0"], 9, "above zero"),
        (["--deletions", "5", "--deadline", "0d"], 9, "deadline must be above zero"),
        (["--deletions", "5", "--deadline", "soon"], 9, "no duration"),
        (["--deletions", "5", "--batch", "40d"], 9, "collected"),
        (["--deletions", "5", "--shards", "500"], 9, "more than the table has people"),
        (["--deletions", "5", "--shards", "two"], 9, "integers"),
        (["--deletions", "5", "--slices", "0"], 9, "slices"),
        (["--deletions", "5", "--max-loss", "2"], 9, "loss"),
        (["--deletions", "5", "--sample", "10"], 9, "sample"),
        (["--deletions", "5", "--estimator", "oracle"], 9, "not known"),
        (["--deletions", "5", "--option", "n_shards=3"], 9, "no option"),
        (["--deletions", "5", "--option", "estimator__model__D=3"], 9, "no option"),
        (["--deletions", "5", "--option", "estimator__model__C=-3"], 9, "must be a float"),
        (["--deletions", "5", "--seed", "-1"], 9, "seed"),
        (["--deletions", "5", "--ignore", "grosse"], 8, "no column"),
        (["--deletions", "5", "--plot", "x.gif"], 9, "does not end in .png"),
        (["--deletions", "5", "--html", "nowhere/x.html"], 16, "cannot be written"),
        ([], 2, "--deletions"),
    ],
)
def test_nonsense_is_one_sentence(capsys, data, tmp_path, monkeypatch, more, code, words):
    monkeypatch.chdir(tmp_path)
    found, out, err = call(capsys, data, *more)
    assert (found, out) == (code, "")
    assert words in err
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_target_is_named(capsys, data):
    code, _, err = call(capsys, data, "--deletions", 3, target="урожаи")
    assert code == 8
    assert "Did you mean 'урожай'?" in err


def test_how_long_it_takes_is_said_first(capsys, data, monkeypatch):
    def slow(*args, progress, **keywords):
        progress(1.0, 42.0)
        raise expunge.errors.InvalidDataError("enough")

    monkeypatch.setattr(advice, "advise_shards", slow)
    assert call(capsys, data, "--deletions", 3)[2].splitlines()[0] == "Measuring takes about 42 s."


def test_the_command_is_short():
    path = Path(expunge.__file__).parent / "cli" / "advise.py"
    functions = [n for n in ast.parse(path.read_text(encoding="utf-8")).body if isinstance(n, ast.FunctionDef)]
    assert all(function.end_lineno - function.lineno < 25 for function in functions)


def test_privacy_is_advised_on_in_words_as_json_and_as_a_picture(capsys, tmp_path):
    asked = ["advise", "privacy", "--records", "400", "--numbers", "3", "--deletions", "6", "--accuracy", "0.8"]
    assert run([*asked, "--plot", str(tmp_path / "p.png")]) == 0
    out = capsys.readouterr().out
    for words in ("retraining", "certified", "langevin", "doing nothing", "Recommended: "):
        assert words in out
    assert (tmp_path / "p.png").read_bytes().startswith(b"\x89PNG")
    assert run([*asked, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {c["how"] for c in found["choices"]} == {"retraining", "certified", "langevin", "doing nothing"}
    nothing = [c for c in found["choices"] if c["how"] == "doing nothing"]
    assert all(c["reads"] == 0 and c["served"] == 6 for c in nothing)
    assert [size for size, _ in found["by_deletions"]] == [1, 2, 6]
    best = found["recommended"]
    assert best["accuracy"] >= 0.8
    assert best["reads"] == min(c["reads"] for c in found["choices"] if c["accuracy"] >= 0.8)
    weak = [c["epsilon"] for c in found["empty"] if c["how"] == "doing nothing"]
    assert weak == sorted(weak), "what an epsilon does not keep, no smaller one keeps"
    assert 0.1 in weak
    assert all(c["accuracy"] < 0.7 < best["accuracy"] for c in found["empty"])
    assert "Empty promises" in out


def test_privacy_is_advised_on_for_a_table_of_ones_own(capsys, tmp_path):
    rng = np.random.default_rng(0)
    age, town = rng.integers(18, 80, 400), rng.choice(["a", "b"], 400)
    pairs = enumerate(zip(age, town, strict=True))
    lines = [f"r{i},p{i // 2},{a},{t},{'yes' if a > 50 else 'no'}" for i, (a, t) in pairs]
    (tmp_path / "t.csv").write_text("id,person,age,town,member\n" + "\n".join(lines))
    asked = ["advise", "privacy", "--deletions", "3", "--accuracy", "0.8"]
    own = ["--data", str(tmp_path / "t.csv"), "--target", "member", "--record-id", "id", "--subject-id", "person"]
    assert run([*asked, *own, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["n"], found["d"], found["n_measured"], found["is_made_up"]) == (400, 3, 320, False)
    assert "records of yours" in found["lines"][0]
    best = max(c["accuracy"] for c in found["choices"])
    assert best > 0.9  # a model that knew nothing of these columns would answer three in five
    for wrong in ([], [*own, "--records", "400"], ["--records", "400"]):
        assert run([*asked, *wrong]) != 0
        assert "Say on what to measure" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (["--records", "20"], "from 100 on"), (["--accuracy", "0.99"], "between 0.5 and 0.95"),
        (["--deletions", "300"], "more than half"), (["--epsilon", "0"], "above 0"), (["--ceiling", "1"], "ceiling"),
        (["--plot", "x.pdf"], ".png"), (["--plot", "no/where.png"], "cannot be written"),
    ],
)  # fmt: skip
def test_numbers_that_make_no_sense_are_refused_before_anything_is_measured(capsys, wrong, words):
    asked = {"--records": "400", "--numbers": "3", "--deletions": "6", "--accuracy": "0.8"}
    asked[wrong[0]] = wrong[1]
    assert run(["advise", "privacy", *(part for pair in asked.items() for part in pair)]) != 0
    assert words in capsys.readouterr().err

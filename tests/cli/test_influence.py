"""``expunge influence`` as people use it: their own ids, persons, a gap, a picture; nothing is changed or kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import expunge
from expunge.cli import run
from expunge.influence import influence
from expunge.workspace import Workspace

N = 90


def people(n: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 2))
    return pd.DataFrame(
        {
            "id": [f"{seed}{i:03d}" for i in range(n)], "person": [f"ö-{i // 3}" for i in range(n)],
            "größe": x[:, 0].round(3), "gewicht": x[:, 1].round(3),
            "member": np.where(x[:, 0] + 0.5 * rng.normal(size=n) > 0, "yes", "no"),
        }
    )  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("influence")
    people(N, 1).to_csv(folder / "leute.csv", index=False)
    unseen = people(40, 2).drop(columns="person").assign(group=["f", "m"] * 20)
    unseen.to_csv(folder / "groups.csv", index=False)
    unseen.drop(columns="group").to_csv(folder / "unseen.csv", index=False)
    ws = Workspace.init(folder)
    ws.data_add(folder / "leute.csv", record_id="id", subject_id="person")
    ws.fit("bayes", data="leute", target="member", method="gaussian-nb", bare=True)
    given = {"noise_seed": 0, "delta": 0.001}
    ws.fit("certified", data="leute", target="member", method="certified-logistic-regression", options=given)
    ws.close()
    return folder


def files(folder: Path) -> dict[str, bytes]:
    kept = ("ledger.db", "lock")
    return {str(p): p.read_bytes() for p in folder.rglob("*") if p.is_file() and not p.name.startswith(kept)}


@pytest.fixture
def ask(place: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    def ask(*arguments: object) -> tuple[int, str, str]:
        code = run(["influence", *map(str, arguments), "--workspace", str(place)])
        return code, *capsys.readouterr()

    return ask


def test_the_table_has_the_ids_of_the_file_and_the_persons(ask: Any, place: Path, tmp_path: Path) -> None:
    before = files(place)
    code, out, _ = ask("bayes", "--data", place / "unseen.csv", "--top", 5, "--picture", tmp_path / "top.png")
    assert code == 0, out
    frame = people(N, 1).set_index("id")
    X, y = frame[["größe", "gewicht"]], frame["member"]
    test = people(40, 2)
    found = influence(expunge.GaussianNB().fit(X, y), on=(test[["größe", "gewicht"]], test["member"].to_numpy()))
    top = found.top(5)
    lines = [line.split() for line in out.splitlines() if line.strip().startswith("1")]
    assert [line[0] for line in lines] == [one.id for one in top]
    assert [line[2] for line in lines] == [frame["person"][one.id] for one in top]
    assert "on the mean loss of 40 records" in out
    assert "exact: " in out
    assert (tmp_path / "top.png").read_bytes().startswith(b"\x89PNG")
    assert files(place) == before


def test_json_persons_a_gap_and_a_sample(ask: Any, place: Path) -> None:
    told = json.loads(ask("bayes", "--by", "subject", "--sample", 4, "--top", 9, "--json")[1])
    assert (told["by"], told["n"], len(told["top"]), told["value"]) == ("subject", 4, 4, None)
    assert all(one["id"].startswith("ö-") for one in told["top"])
    gap = ("--data", place / "groups.csv", "--gap", "group", "--positive", "yes", "--method", "influence-functions")
    told = json.loads(ask("certified", *gap, "--which", "lowers", "--top", 3, "--json")[1])
    assert told["on"] == "the gap in equal opportunity for 'yes'"
    assert told["value"] > 0
    assert [one["score"] for one in told["top"]] == sorted(one["score"] for one in told["top"])
    assert told["top"][0]["score"] < 0


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("nobody",), 19, "no model 'nobody'"),
        (("bayes", "--method", "magic"), 13, "no method of influence 'magic'"),
        (("bayes", "--method", "trak"), 6, "leave-one-out"),
        (("bayes", "--gap", "group"), 3, "--data FILE"),
        (("bayes", "--sample", 0), 2, "--sample"),
        (("bayes", "--top", 0), 2, "--top"),
        (("bayes", "--which", "up"), 2, "--which"),
        (("bayes", "--by", "person"), 2, "--by"),
    ],
)
def test_mistakes_are_sentences(ask: Any, arguments: Any, code: int, words: str) -> None:
    got, out, err = ask(*arguments)
    assert (got, out) == (code, "")
    assert words in err

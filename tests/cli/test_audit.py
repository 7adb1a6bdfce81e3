"""``expunge audit`` as people use it: a model in a folder, a table of scores, and the self-test."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import expunge
from expunge.audit import AuditReport
from expunge.cli import run
from expunge.workspace.models.audits import audit_model
from expunge.workspace.tabular.reading import read_rows
from expunge.workspace.tabular.schema import choose_schema
from expunge.workspace.tabular.tables import read_table

N, LEARNED = 160, 110


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that has forgotten, what it learned, and the records that it never saw."""
    folder = tmp_path_factory.mktemp("audit")
    rng = np.random.default_rng(0)
    X = rng.normal(size=(N, 6))
    y = np.where(X[:, 0] + 0.8 * rng.normal(size=N) > 0, "yes", "no")
    lines = [f"r{i:03d}," + ",".join(f"{v:.4f}" for v in X[i]) + f",{y[i]}" for i in range(N)]
    head = "id,a,b,c,d,e,f,member"
    (folder / "all.csv").write_text("\n".join([head, *lines]) + "\n")
    (folder / "learned.csv").write_text("\n".join([head, *lines[:LEARNED]]) + "\n")
    (folder / "gone.txt").write_text("".join(f"r{i:03d}\n" for i in range(30)))
    at = ["--workspace", str(folder)]
    assert run(["init", str(folder)]) == 0
    for name in ("kept", "model"):
        add = ["data", "add", str(folder / "learned.csv"), "--record-id", "id", "--name", f"of-{name}", *at]
        assert run(add) == 0
        fit = ["fit", name, "--data", f"of-{name}", "--target", "member", "--method", "gaussian-nb", *at]
        assert run(fit) == 0
    gone = ["--ids-from", str(folder / "gone.txt"), "--by", "record", "--data", "of-model"]
    assert run(["forget", *gone, *at]) == 0
    return folder


def audit(place: Path, *more: str, model: str = "model") -> list[str]:
    return [
        "audit", model, "--data", str(place / "all.csv"), "--forgotten", str(place / "gone.txt"),
        "--references", "5", "--unforgotten", "3", "--workspace", str(place), *more,
    ]  # fmt: skip


def test_a_model_that_has_forgotten(place: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    page, data = tmp_path / "report.html", tmp_path / "report.json"
    assert run(audit(place, "--report", str(page), "--report", str(data), "--store", str(tmp_path / "kept"))) == 0
    told = capsys.readouterr().out
    assert told.startswith("Forgotten. The model is bit for bit")
    report = AuditReport.from_json(data.read_text(encoding="utf-8"))
    assert (report.verdict, report.n_forgotten, report.n_held_out) == ("forgotten", 30, N - LEARNED)
    assert (report.n_retrains, report.n_unforgotten) == (5, 3)
    assert "<svg" in page.read_text(encoding="utf-8")
    assert len(list((tmp_path / "kept").iterdir())) == 8
    assert run(audit(place, "--store", str(tmp_path / "kept"), "--jobs", "1", "--json")) == 0
    again = json.loads(capsys.readouterr().out)
    assert again["attacks"] == json.loads(data.read_text(encoding="utf-8"))["attacks"]
    assert "r017" not in page.read_text(encoding="utf-8") + data.read_text(encoding="utf-8")


def test_where_the_receipt_of_an_attached_audit_lies_is_told(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(audit(place, "--references", "0", "--attach", "1")) == 0
    lies = place.resolve() / "receipts" / "audit-0001.json"
    assert f"Receipt: {lies}" in capsys.readouterr().out.splitlines()
    assert run(audit(place, "--references", "0", "--attach", "1", "--json")) == 0
    assert json.loads(capsys.readouterr().out)["receipt"].endswith("audit-0002.json")
    assert run(["request", "show", "1", "--workspace", str(place)]) == 0
    assert f"model: receipt of that audit: {lies}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["audit"], 3, "Give MODEL"),
        (["audit", "m", "--self-test"], 3, "Give MODEL"),
        (["audit", "m"], 3, "needs --data"),
        (["audit", "--scores", "nowhere.csv"], 16, "nowhere.csv"),
        (["audit", "--scores", "s.csv", "--held-out", "h.txt"], 3, "--held-out has no use for a table of scores."),
        (["audit", "--self-test", "--report", "r.html"], 3, "--report has no use for a self-test."),
        (["audit", "m", "--trials", "9"], 3, "--trials has no use for a model."),
    ],
)
def test_wrong_command_lines(arguments: list[str], code: int, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments) == code
    assert words in capsys.readouterr().err


def test_records_that_do_not_fit(place: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    def held_out(*names: str) -> list[str]:
        file = tmp_path / f"{names[0]}.txt"
        file.write_text("\n".join(names))
        return ["--held-out", str(file)]

    none = tmp_path / "none.txt"
    none.write_text("")
    for command, code, words in (
        (audit(place, model="kept"), 3, "still knows"),
        (audit(place, *held_out("r050", "r120")), 3, "is not held out"),
        (audit(place, *held_out("r999")), 4, "no record 'r999'"),
        (audit(place, *held_out("r001", "r120")), 8, "at once"),
        (audit(place, "--references", "3"), 9, "needs 4 references"),
        (audit(place, "--alpha", "2"), 9, "alpha"),
        ([*audit(place)[:5], str(none), *audit(place)[6:]], 8, "No forgotten record"),
    ):
        assert run(command) == code
        assert words in capsys.readouterr().err


def test_the_digest_decides_alone_where_scores_say_nothing(
    place: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """A single record, no held-out record, no references."""
    one = tmp_path / "one.txt"
    one.write_text("r003\n")
    for command, words in (
        ([*audit(place)[:5], str(one), *audit(place)[6:]], "there are 1 and"),
        ([*audit(place)[:3], str(place / "learned.csv"), *audit(place)[4:]], "there are 30 and 0"),
        (audit(place, "--references", "0"), "no references were asked for"),
    ):
        assert run(command) == 0
        told = capsys.readouterr().out
        assert told.startswith("Forgotten. The model is bit for bit")
        assert f"Digests alone were compared: {words}" in told or words in told


def test_a_model_of_which_nothing_is_left_is_audited_by_its_digest(tmp_path: Path) -> None:
    lines = [f"r{i},{i % 7},{i % 3},{'yes' if i % 2 else 'no'}" for i in range(30)]
    (tmp_path / "all.csv").write_text("\n".join(["id,a,b,kind", *lines]) + "\n")
    table = read_table(tmp_path / "all.csv")
    schema = choose_schema(table, record_id="id", target="kind")
    rows = read_rows(table.slice(0, 20), schema)
    model = expunge.GaussianNB().fit(rows.X, rows.y, record_ids=np.array(rows.ids, dtype=object))
    model.forget(rows.ids)
    found = audit_model(model, schema, tmp_path / "all.csv", forgotten=rows.ids)
    assert found.verdict == "forgotten"
    assert "dormant" in found.notes[0]


def test_rows_that_take_more_models(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Halves make the online attacks rows; models that learned and forgot make those that compare many."""
    assert run(audit(place, "--references", "8", "--halves", "6", "--unlearned", "4", "--json")) == 0
    found = json.loads(capsys.readouterr().out)
    assert {a["name"] for a in found["attacks"]} >= {"LiRA online", "RMIA online"}
    told = {m["name"]: m["figure"]["value"] is not None for m in found["metrics"]}
    assert all(told[name] for name in ("U-LiRA", "KLoM", "forgetting score", "two samples over seeds", "JS divergence"))
    assert not told["anamnesis index"]


def test_scores_from_elsewhere(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(0)
    role = np.repeat(["forgotten", "held-out"], 20)
    columns: dict[str, Any] = {"role": role, "model": rng.random(40) * 0.5 + 0.5 * (role == "forgotten")}
    columns.update({f"without-{i}": rng.random(40) for i in range(40)})
    rows = [",".join(columns), *(",".join(str(columns[c][i]) for c in columns) for i in range(40))]
    (tmp_path / "scores.csv").write_text("\n".join(rows) + "\n")
    assert run(["audit", "--scores", str(tmp_path / "scores.csv"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["verdict"] == "not forgotten"


def test_self_test_prints_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["audit", "--self-test", "--trials", "2", "--json"]) in (0, 17)
    found = json.loads(capsys.readouterr().out)
    assert {row["name"] for row in found["rows"]} >= {"retrain", "do nothing", "output filter", "label flip"}

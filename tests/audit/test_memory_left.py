"""Memory left, against linear discriminants of another package, and where attacks on single records see little."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from expunge.audit import References, Scores
from expunge.audit.evidence import collect
from expunge.audit.memory_left import LEAST_UNFORGOTTEN, memory_interval, memory_left
from expunge.audit.ranks import rank_p_value

N, M, Q = 200, 60, 20
FORGOTTEN = np.arange(N) < N // 2
MEMBERS = np.zeros((M + Q, N), dtype=bool)
MEMBERS[M:, FORGOTTEN] = True


def test_it_is_the_linear_discriminant_of_records_without_correlation() -> None:
    """Whitened columns: there scikit-learn's discriminant has a diagonal covariance, and its direction is ours."""
    rng = np.random.default_rng(0)
    n = 5
    noise = rng.normal(size=(400, n))
    out, known = noise[:200], noise[200:] + np.arange(1, n + 1)
    centred = np.vstack([out - out.mean(axis=0), known - known.mean(axis=0)])
    whiten = np.linalg.inv(np.linalg.cholesky(centred.T @ centred / len(centred))).T
    out, known = out @ whiten, known @ whiten
    model = LinearDiscriminantAnalysis(solver="lsqr").fit(np.vstack([out, known]), np.repeat([0, 1], 200))
    asked = rng.normal(size=(50, n))
    ours = memory_left(asked, out.mean(axis=0), known.mean(axis=0), np.ones(n))
    theirs = model.decision_function(asked)
    assert np.corrcoef(ours, theirs)[0, 1] == pytest.approx(1, abs=1e-9)
    assert memory_left(out.mean(axis=0), out.mean(axis=0), known.mean(axis=0), np.ones(n)) == 0
    assert memory_left(known.mean(axis=0), out.mean(axis=0), known.mean(axis=0), np.ones(n)) == pytest.approx(1)
    assert memory_left(asked[0], out.mean(axis=0), out.mean(axis=0), np.zeros(n)) == 0


def test_its_interval_is_that_of_the_bootstrap() -> None:
    rng = np.random.default_rng(1)
    out, gap = rng.normal(size=400), rng.exponential(size=400)
    target = out + 0.4 * gap + 0.3 * rng.normal(size=400)
    found = memory_interval(target, out, out + gap, np.ones(400))
    draws = []
    for _ in range(800):
        at = rng.integers(400, size=400)
        draws.append(float(memory_left(target[at], out[at], (out + gap)[at], np.ones(400))))
    low, high = np.quantile(draws, [0.025, 0.975])
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.02)
    assert found.low < 0.4 < found.high


def world(seed: int, left: float, *, known: int = Q) -> tuple[Scores, References]:
    """A little memory of many records, more of some; the audited model has lost all but a part of it."""
    rng = np.random.default_rng(seed)
    difficulty, memory = 2 * rng.normal(size=N), rng.exponential(0.6, size=N)
    members = MEMBERS[: M + known]
    logits = difficulty + rng.normal(size=members.shape) + memory * members
    own = difficulty + rng.normal(size=N) + left * memory * FORGOTTEN
    return (
        Scores(signals={"logit": own}, is_forgotten=FORGOTTEN, is_held_out=~FORGOTTEN),
        References(signals={"logit": logits}, members=members),
    )


def test_every_reference_is_measured_against_the_others() -> None:
    scores, references = world(3, 0.0)
    evidence = collect(scores, references)
    j = evidence.names.index("memory left")
    logits = references.signals["logit"][:, FORGOTTEN]
    out, known = logits[:M], logits[M:]
    for i in (0, 7):
        rest = np.delete(out, i, axis=0)
        want = memory_left(out[i], rest.mean(axis=0), known.mean(axis=0), rest.var(axis=0, ddof=1))
        assert evidence.retrains[i, j] == pytest.approx(float(want))
        rest = np.delete(known, i, axis=0)
        want = memory_left(known[i], out.mean(axis=0), rest.mean(axis=0), out.var(axis=0, ddof=1))
        assert evidence.unforgotten[i, j] == pytest.approx(float(want))
    assert "memory left" not in collect(*world(3, 0.0, known=LEAST_UNFORGOTTEN - 1)).names


def test_it_finds_what_others_miss_and_accuses_no_more_than_it_may() -> None:
    caught, accused = dict.fromkeys(("loss", "LiRA", "memory left"), 0), 0
    for seed in range(25):
        found, retrained = collect(*world(seed, 0.6)), collect(*world(1000 + seed, 0.0))
        for name in caught:
            j = found.names.index(name)
            caught[name] += rank_p_value(found.audited[j], found.retrains[:, j]) <= 0.025
        accused += rank_p_value(retrained.audited[j], retrained.retrains[:, j]) <= 0.025
    assert caught["memory left"] >= 20 > 15 >= max(caught["loss"], caught["LiRA"])
    assert accused <= 3  # of 25 at 2.5 %: more than three in one case of 300

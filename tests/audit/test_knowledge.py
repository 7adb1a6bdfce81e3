"""Knowledge that has nothing to do with who was forgotten: a fake that loses it is caught, and a retrain is not."""

from __future__ import annotations

import numpy as np
import pytest

from expunge.audit.knowledge import knowledge_kept
from expunge.errors import InvalidDataError, InvalidParameterError


def right_answers(model: object, n: int = 400) -> np.ndarray:
    """1 where a classifier of digits that it was never asked to forget is right."""
    from sklearn.datasets import load_digits

    X, y = load_digits(return_X_y=True)
    return (model.predict(X[-n:]) == y[-n:]).astype(float)  # type: ignore[attr-defined]


def test_an_unlearner_that_wrecks_the_other_topics_is_over_forgotten_and_a_retrain_is_not() -> None:
    from sklearn.datasets import load_digits
    from sklearn.dummy import DummyClassifier

    import expunge

    X, y = load_digits(return_X_y=True)
    model = expunge.NearestCentroid().fit(X[:800], y[:800])
    references = [right_answers(expunge.NearestCentroid().fit(X[20 + k : 800], y[20 + k : 800])) for k in (0, 5, 10)]
    model.forget(np.arange(20))
    assert knowledge_kept(right_answers(model), references, tolerance=0.02).verdict == "kept"
    wrecked = DummyClassifier(strategy="most_frequent").fit(X[:800], y[:800])
    found = knowledge_kept(right_answers(wrecked), references, tolerance=0.02)
    assert (found.verdict, found.n_references) == ("over-forgotten", 3)
    assert found.lost == pytest.approx(np.mean(references) - right_answers(wrecked).mean())


def test_the_interval_covers_the_mean_that_was_lost_in_as_many_draws_as_it_says() -> None:
    """Against simulation: what is lost is known, and the interval is right in 95 of 100 draws."""
    rng, inside, called = np.random.default_rng(0), 0, []
    for _ in range(600):
        reference = rng.normal(size=(1, 40))
        found = knowledge_kept(reference[0] - 0.3 - rng.normal(size=40), reference, tolerance=0.3)
        inside += found.low <= 0.3 <= found.high
        called.append(found.verdict)
    assert 0.93 < inside / 600 < 0.97
    assert called.count("over-forgotten") / 600 < 0.05  # at the edge of what is allowed


def test_perplexity_that_explodes_is_a_failure_and_few_items_cannot_tell() -> None:
    nats = -np.full(20, 3.0) + np.linspace(-0.1, 0.1, 20)
    assert knowledge_kept(nats - 1.0, [nats], tolerance=np.log(1.5)).verdict == "over-forgotten"
    assert knowledge_kept(nats + 1.0, [nats], tolerance=0.0).verdict == "kept"  # it gained
    ruled_out = nats.copy()
    ruled_out[0] = -np.inf
    assert knowledge_kept(ruled_out, [nats], tolerance=100.0).verdict == "over-forgotten"
    assert knowledge_kept([0.0, 1.0, 1.0], [[1.0, 1.0, 1.0]], tolerance=0.02).verdict == "cannot tell"


def test_what_retraining_loses_by_itself_is_allowed() -> None:
    references = np.array([[0.9] * 10, [0.9] * 10, [0.6] * 10])
    found = knowledge_kept([0.6] * 10, references, tolerance=0.01)
    assert found.allowed == pytest.approx(0.3)
    assert found.verdict == "kept"


@pytest.mark.parametrize(
    ("after", "references"),
    [([1.0], [[1.0]]), ([1.0, 0.0], []), ([1.0, 0.0], [[1.0]]), ([np.nan, 0.0], [[1.0, 1.0]]),
     ([np.inf, 0.0], [[1.0, 1.0]]), ([1.0, 0.0], [[-np.inf, 1.0]])],
)  # fmt: skip
def test_what_cannot_be_compared_is_refused(after: list[float], references: list[list[float]]) -> None:
    with pytest.raises(InvalidDataError):
        knowledge_kept(after, references, tolerance=0.1)


@pytest.mark.parametrize("tolerance", [-0.1, float("nan"), True])
def test_a_tolerance_is_a_number_from_0_on(tolerance: float) -> None:
    with pytest.raises(InvalidParameterError):
        knowledge_kept([1.0, 0.0], [[1.0, 0.0]], tolerance=tolerance)

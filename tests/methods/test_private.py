"""Tables under differential privacy: limits without noise, sensitivities, trees by hand, odometers, an attack."""

from __future__ import annotations

import base64
import json
import math
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import BernoulliNB, GaussianNB
from sklearn.preprocessing import scale

import expunge
from expunge.cli import run
from expunge.errors import BudgetExhaustedError, InvalidDataError, InvalidParameterError, InvalidRequestError
from expunge.methods.certified.logistic_regression import CertifiedLogisticRegression
from expunge.methods.private.compression import compressed
from expunge.methods.private.logistic_regression import gradient_length, slopes_of
from expunge.privacy import Gaussian, Group, Several, epsilon_lower_bound, epsilon_of, gaussian_epsilon
from expunge.privacy.noise import grid_of
from expunge.seeds import uniform64

Array = np.ndarray[Any, Any]
BATCH = (expunge.PrivateBernoulliNB, expunge.PrivateGaussianNB, expunge.PrivateLogisticRegression)
ALL = (*BATCH, expunge.PrivateOnlineLogisticRegression)
NOISELESS = {"epsilon": 1e10, "delta": 1e-5, "noise_seed": 0}


def table(n: int, d: int, seed: int = 0, classes: int = 2) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d))
    return X / np.linalg.norm(X, axis=1).max(), (X @ rng.normal(size=(d, classes))).argmax(axis=1)


# ------------------------------------------------------------------ without noise they are what they are named after


@pytest.mark.parametrize("classes", [2, 3])
def test_descent_without_noise_ends_where_scikit_learn_does(classes: int) -> None:
    X, y = table(200, 3, classes=classes)
    model = expunge.PrivateLogisticRegression(
        n_steps=600, alpha=0.5, fit_intercept=False, **NOISELESS
    ).fit(X, y)  # fmt: skip
    theirs = LogisticRegression(C=2.0, fit_intercept=False, tol=1e-10, max_iter=1000).fit(X, y)
    assert np.abs(model.predict_proba(X) - theirs.predict_proba(X)).max() < 2e-3
    assert model.coef_.shape == (1 if classes == 2 else 3, 3)


def test_sums_without_noise_are_those_of_scikit_learn() -> None:
    X, y = load_breast_cancer(return_X_y=True)
    X = np.clip(scale(X), -2, 2)
    ours = expunge.PrivateGaussianNB(bounds=(-2.0, 2.0), var_smoothing=1e-9, **NOISELESS).fit(X, y)
    theirs = GaussianNB(var_smoothing=0.0).fit(X, y)
    assert np.abs(ours.theta_ - theirs.theta_).max() < 1e-3
    assert np.abs(ours.var_ - theirs.var_).max() < 1e-3
    assert (ours.predict(X) == theirs.predict(X)).mean() > 0.99
    counts = expunge.PrivateBernoulliNB(alpha=2.0, **NOISELESS).fit(X, y)
    others = BernoulliNB(alpha=2.0).fit(X, y)
    assert np.abs(counts.feature_log_prob_ - others.feature_log_prob_).max() < 1e-3
    assert np.abs(counts.class_prior_ - np.exp(others.class_log_prior_)).max() < 1e-3


def test_a_stream_without_noise_is_descent_with_one_pass() -> None:
    """The leader of linear losses with a quadratic penalty is gradient descent of one length, written as a loop."""
    X, y = table(100, 3)
    model = expunge.PrivateOnlineLogisticRegression(batch_size=7, lr=0.5, levels=3, fit_intercept=False, **NOISELESS)
    model.fit(X[:60], y[:60]).learn(X[60:], y[60:], record_ids=range(60, 100))
    coef, parts = np.zeros(3), []
    for ids, n_steps in ((np.arange(60), 9), (np.arange(60, 100), 6)):
        place = uniform64(0, "step of the stream", ids) % np.uint64(n_steps)
        parts += [ids[place == step] for step in range(n_steps)]
    for part in parts:
        gradient = sum((1 / (1 + math.exp(-float(X[i] @ coef))) - y[i]) * X[i] for i in part)
        coef = coef - 0.5 / 7 * gradient
    assert model.steps_ == 9 + 6
    assert np.abs(model.coef_[0] - coef).max() < 1e-4


# ------------------------------------------------------------------ what a record moves, and what it is charged


def test_no_record_moves_a_gradient_by_more_than_is_charged() -> None:
    rng = np.random.default_rng(2)
    for k in (1, 3, 8):
        scores = rng.normal(size=(500, k)) * 10 ** rng.uniform(-2, 3, size=(500, 1))
        targets = np.eye(k)[rng.integers(0, k, 500)] if k > 1 else rng.integers(0, 2, (500, 1)).astype(float)
        lengths = np.linalg.norm(slopes_of(scores, targets), axis=1)
        assert lengths.max() <= gradient_length(k)
        assert lengths.max() > 0.95 * gradient_length(k)


def test_a_record_that_is_not_there_moves_no_other_in_a_stream() -> None:
    """As many steps, the same noise, and in each the same records but for one: sums differ by what that one moves."""
    X, y = table(60, 3)
    given: dict[str, Any] = {"batch_size": 30, "noise_seed": 1, "fit_intercept": False, "lr": 1e-9}
    fits = [expunge.PrivateOnlineLogisticRegression(**given).fit(X[:n], y[:n]) for n in (60, 59)]
    whole, rest = (model._state().parts["stream"] for model in fits)
    assert (whole["tree"] == rest["tree"]).all()
    assert np.linalg.norm(whole["total"] - rest["total"]) <= np.linalg.norm(X[59])


def test_what_a_stream_publishes_lies_on_the_grid_of_its_noise() -> None:
    """The sum of gradients has no bit below it, so none can be read from the weights."""
    X, y = table(90, 3)
    model = expunge.PrivateOnlineLogisticRegression(batch_size=20, lr=1.0, fit_intercept=False).fit(X, y)
    stream, grid = model._state().parts["stream"], grid_of(model.noise_multiplier_ * math.sqrt(10))
    for name in ("total", "tree"):
        steps = stream[name] / grid
        assert (steps == np.rint(steps)).all()
        assert (steps != 0).any()


def test_steps_and_count_together_are_the_one_mechanism_that_is_charged() -> None:
    model = expunge.PrivateLogisticRegression(epsilon=1.0, group_size=4, n_steps=30)
    m = model.noise_multiplier_
    run = [Several(30, Gaussian(m * math.sqrt(30 / 0.99))), Gaussian(m / math.sqrt(0.01))]
    assert epsilon_of([Group(4, event) for event in run], 1e-5) == pytest.approx(1.0, rel=1e-6)
    assert gaussian_epsilon(1e-5, m, 4.0) == pytest.approx(1.0, rel=1e-6)


def test_a_record_stands_in_no_more_sums_of_the_tree_than_it_has_levels() -> None:
    """The noise of each prefix, by hand: sums that are open at step t are the binary digits of t, each drawn once."""
    levels, seen = 4, dict[Any, float]()
    model = expunge.PrivateOnlineLogisticRegression(batch_size=1, levels=levels, noise_seed=3, fit_intercept=False)
    X, y = table(20, 2)
    y[:2] = 0, 1
    model.fit(X[:2], y[:2])
    for t in range(2, 20):
        place, tree = (t - 1) % 8 + 1, model._state().parts["stream"]["tree"][:, 0, 0]
        digits = [i for i in range(levels) if place >> i & 1] if place < 8 else []
        assert [i for i in range(levels) if tree[i]] == digits
        for i in digits:
            node = (t - 1) // 8, i, place >> i
            assert seen.setdefault(node, tree[i]) == tree[i]
        model.learn(X[t : t + 1], y[t : t + 1], record_ids=[t])
    assert len(set(seen.values())) == len(seen)


def test_an_attack_on_fits_finds_no_more_than_the_claim_and_too_little_noise_is_caught() -> None:
    X, y, outlier = np.full((6, 1), 0.1), np.array([0, 1, 0, 1, 0, 1]), np.array([[1.0]])
    given: dict[str, Any] = {"delta": 1e-2, "n_steps": 3, "fit_intercept": False, "lr": 3.0}

    def fits(start: int, n: int, *, known: bool, epsilon: float) -> Array:
        rows, labels = (np.concatenate([X, outlier]), np.append(y, 1)) if known else (X, y)
        models = (
            expunge.PrivateLogisticRegression(epsilon=epsilon, noise_seed=start + i, allow_large_delta=True, **given)
            for i in range(n)
        )
        return np.array([model.fit(rows, labels).coef_[0, 0] for model in models])

    honest = [fits(1000 * i, 150, known=i % 2 == 1, epsilon=2.0) for i in range(4)]
    assert epsilon_lower_bound((honest[0], honest[1]), (honest[2], honest[3]), delta=1e-2, error=1e-3) <= 2.0
    loud = [fits(9000 + 1000 * i, 150, known=i % 2 == 1, epsilon=1e3) for i in range(4)]
    assert epsilon_lower_bound((loud[0], loud[1]), (loud[2], loud[3]), delta=1e-2, error=1e-3) > 2.0


# ------------------------------------------------------------------ doing nothing


@pytest.mark.parametrize("method", ALL)
def test_forgetting_does_nothing_until_the_noise_hides_no_more(method: Any) -> None:
    X, y = table(150, 3)
    model = method(group_size=3, noise_seed=1).fit(X, y, subject_ids=[f"p{i // 2}" for i in range(150)])
    before = {name: value.copy() for name, value in model._state().parts["published"].items() if hasattr(value, "copy")}
    plan = model.plan(subjects=["p7"])
    removal = model.forget(subjects=["p7"])
    dropped = ("stream",) if method is expunge.PrivateOnlineLogisticRegression else ()  # what was not published
    assert removal.touched == plan.touched == ("odometer", *dropped)
    assert (removal.work, plan.guarantee) == (0, removal.guarantee)
    assert removal.guarantee.epsilon == pytest.approx(gaussian_epsilon(1e-5, model.noise_multiplier_, 2.0))
    assert "2 records gone" in removal.notes[0]
    for name, value in before.items():
        assert (model._state().parts["published"][name] == value).all()
    assert model.odometer_.left == 1
    many = model.plan([0, 1])
    assert many.work_high == 146 * model._passes()
    assert many.guarantee.epsilon == 0.0
    again = model.forget([0, 1])
    assert again.work == many.work_high
    assert "trained again" in again.notes[0]
    assert model.odometer_.gone == 0
    assert model.odometer_.left == 3
    assert any((model._state().parts["published"][name] != value).any() for name, value in before.items())


@pytest.mark.parametrize("method", ALL)
def test_a_spent_budget_is_refused_and_nothing_changes(method: Any) -> None:
    X, y = table(100, 3)
    model = method(group_size=2, on_exhausted="refuse", noise_seed=1).fit(X, y)
    model.forget([5])
    digest = model.digest()
    for ask in (model.plan, model.forget):
        with pytest.raises(BudgetExhaustedError, match="3 records gone"):
            ask([6, 7])
    assert model.digest() == digest
    model.forget([6])


@pytest.mark.parametrize("method", ALL)
def test_the_odometer_is_saved_with_the_model(method: Any, tmp_path: Any) -> None:
    X, y = table(100, 3)
    model = method(group_size=3, noise_seed=1).fit(X, y)
    model.forget([5, 6])
    again = expunge.load(model.save(tmp_path / "model"))
    assert again.odometer_ == model.odometer_
    assert again.digest() == model.digest()
    assert (again.predict(X) == model.predict(X)).all()


def test_a_record_of_weight_two_counts_as_two() -> None:
    X, y = table(100, 3)
    model = expunge.PrivateGaussianNB(group_size=3).fit(X, y, sample_weight=np.where(np.arange(100) == 4, 2.0, 1.0))
    model.forget([4])
    assert model.odometer_.gone == 2.0


def test_a_stream_learns_and_forgets_within_one_budget() -> None:
    X, y = table(300, 3)
    model = expunge.PrivateOnlineLogisticRegression(group_size=4, noise_seed=1, batch_size=10).fit(X[:100], y[:100])
    multiplier = model.odometer_.event
    for start in range(100, 300, 50):
        ids = list(range(start, start + 50))
        assert model.learn(X[ids], y[ids], record_ids=ids).work == 50
        model.forget([start])
    assert model.odometer_.event == multiplier
    assert model.odometer_.gone == 4
    assert model.rectify([7], y=[1 - int(y[7])]).notes[0].startswith("more records")


def test_a_stream_keeps_of_its_past_what_was_published_once_a_record_has_gone() -> None:
    """With the rows that are left nothing more is told than by the weights; a later tree begins behind it."""
    X, y = table(90, 3)
    model = expunge.PrivateOnlineLogisticRegression(group_size=3, noise_seed=1, batch_size=10, fit_intercept=False)
    model.fit(X[:70], y[:70])
    coef, plan = model.coef_, model.plan([7])
    removal = model.forget([7])
    stream = model._state().parts["stream"]
    assert set(plan.touched) == set(removal.touched) == {"odometer", "stream"}
    assert not stream["total"].any()
    assert not stream["tree"].any()
    assert (model.coef_ == coef).all()
    assert np.allclose(-model.lr / 10 * stream["closed"], coef, rtol=1e-12)
    model.learn(X[70:80], y[70:80], record_ids=range(70, 80))
    later = model._state().parts["stream"]
    slopes = 1 / (1 + np.exp(-(X[70:80] @ coef[0]))) - y[70:80]
    assert np.allclose(later["total"][0], slopes @ X[70:80], atol=1e-3)
    assert [bool(node.any()) for node in later["tree"]] == [True] + [False] * 9
    model.rectify([8], y=[1 - int(y[8])])
    assert int(model._state().parts["stream"]["begun"]) == 8


def test_numbers_of_other_arguments_than_those_of_the_fit_are_not_told() -> None:
    X, y = table(60, 3)
    private = expunge.PrivateLogisticRegression(noise_seed=0).fit(X, y).set_params(epsilon=100.0)
    certain = CertifiedLogisticRegression(noise_seed=0, delta=1e-3).fit(X, y).set_params(sigma=50.0)
    for model, names in ((private, ("odometer_", "noise_multiplier_")),
                         (certain, ("residual_limit_", "distance_to_refit_"))):  # fmt: skip
        for name in names:
            with pytest.raises(InvalidRequestError, match="was fitted with another"):
                getattr(model, name)
    assert private.fit(X, y).odometer_.epsilon == 100.0
    assert certain.fit(X, y).residual_limit_ > 1.0


# ------------------------------------------------------------------ compression


def test_directions_keep_lengths_on_average_and_public_ones_are_taken_as_they_are() -> None:
    X = np.random.default_rng(0).normal(size=(400, 50))
    shorter = compressed(X, 10, seed=1)
    assert shorter.shape == (400, 10)
    assert (np.linalg.norm(shorter, axis=1) ** 2).mean() == pytest.approx(
        (np.linalg.norm(X, axis=1) ** 2).mean(), rel=0.1
    )
    assert (compressed(X, np.eye(50)[:3], seed=0) == X[:, :3]).all()
    assert not (compressed(X, 10, seed=2) == shorter).all()


def test_a_compressed_model_forgets_and_predicts() -> None:
    X, y = table(200, 20)
    for compress in (5, np.eye(20)[:5]):
        model = expunge.PrivateLogisticRegression(compress=compress, noise_seed=0).fit(X, y)
        assert model.coef_.shape == (1, 5)
        assert model.forget([3]).work == 0


# ------------------------------------------------------------------ bad input


@pytest.mark.parametrize("method", ALL)
@pytest.mark.parametrize(
    "wrong",
    [{"epsilon": 0.0}, {"epsilon": -1}, {"epsilon": math.inf}, {"delta": 0.0}, {"delta": 1.0}, {"group_size": 0},
     {"group_size": 1.5}, {"on_exhausted": "ask"}, {"noise_seed": -1}, {"allow_large_delta": "yes"}],
)  # fmt: skip
def test_arguments_are_refused(method: Any, wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidParameterError):
        method(**wrong).fit(*table(50, 2))


def test_arguments_of_single_methods_are_refused() -> None:
    X, y = table(50, 2)
    for method, wrong in (
        (expunge.PrivateGaussianNB, {"bounds": (1.0, 1.0)}), (expunge.PrivateGaussianNB, {"bounds": (0.0, math.inf)}),
        (expunge.PrivateGaussianNB, {"bounds": 3}), (expunge.PrivateLogisticRegression, {"lr": 4.0}),
        (expunge.PrivateLogisticRegression, {"compress": 0}), (expunge.PrivateLogisticRegression, {"n_steps": 0}),
        (expunge.PrivateLogisticRegression, {"compress": np.ones((2, 9))}),
        (expunge.PrivateLogisticRegression, {"norm_bound": 0.0}),
        (expunge.PrivateOnlineLogisticRegression, {"levels": 0}),
    ):  # fmt: skip
        with pytest.raises(InvalidParameterError):
            method(**wrong).fit(X, y)


@pytest.mark.parametrize("method", ALL)
def test_a_large_delta_is_refused_or_said(method: Any) -> None:
    X, y = table(50, 2)
    with pytest.raises(InvalidParameterError, match="above 1/n"):
        method(delta=0.1).fit(X, y)
    model = method(delta=0.1, allow_large_delta=True).fit(X, y)
    assert "as was allowed" in model.forget([3]).guarantee.statement


def test_rows_that_are_not_clipped_or_not_finite_are_refused() -> None:
    X, y = table(50, 2)
    for method in (expunge.PrivateLogisticRegression, expunge.PrivateOnlineLogisticRegression):
        with pytest.raises(InvalidDataError, match="longer than norm_bound"):
            method(clip=False).fit(10 * X, y)
    for method in ALL:
        with pytest.raises(ValueError, match="infinity"):
            method().fit(np.where(np.arange(100).reshape(50, 2) == 3, np.inf, X), y)


# ------------------------------------------------------------------ through a workspace


def test_a_workspace_forgets_with_a_receipt_that_says_what_was_spent(tmp_path: Any, capsys: Any) -> None:
    X, y = table(120, 2)
    labels = np.array(["no", "yes"])[y]
    rows = [f"r{i},p{i // 2},{a:.6f},{b:.6f},{labels[i]}" for i, (a, b) in enumerate(X)]
    (tmp_path / "t.csv").write_text("id,person,a,b,label\n" + "\n".join(rows), encoding="utf-8")
    place = ["--workspace", str(tmp_path / "ws")]
    given = ["--target", "label", "--record-id", "id", "--subject-id", "person"]
    assert run(["init", str(tmp_path / "ws")]) == 0
    fit = ["fit", "m", "--data", str(tmp_path / "t.csv"), *given, "--method", "private-logistic-regression"]
    assert run([*fit, "--option", "group_size=2", "--bare", *place]) == 0
    capsys.readouterr()
    said = []
    for words in (["plan", "--subject", "p3"], ["forget", "--subject", "p3"], ["forget", "--subject", "p4"]):
        assert run([*words, *place]) == 0
        said.append(" ".join(capsys.readouterr().out.split()))
    assert all("odometer: 2 records gone at epsilon = 1 of 1" in text for text in said[:2])
    assert "trained again on what is left" in said[2]
    receipts = sorted((tmp_path / "ws" / "receipts").glob("*.json"))
    assert len(receipts) == 2
    payload = json.loads(receipts[0].read_text())["envelope"]["payload"]
    assert "indistinguishable" in base64.b64decode(payload).decode()


def test_a_pipeline_plans_what_it_will_promise() -> None:
    """Categories stay when a record goes, so what stands behind them does nothing; a scaler moves, and all is new."""
    towns, y = np.array([["a"], ["b"], ["c"]] * 40, dtype=object), np.arange(120) % 2
    hidden = expunge.PrivateLogisticRegression(group_size=3, noise_seed=0)
    still = expunge.make_pipeline(expunge.OneHotEncoder(), hidden).fit(towns, y)
    moving = expunge.make_pipeline(expunge.StandardScaler(), hidden).fit(*table(120, 2))
    for model, does_nothing in ((still, True), (moving, False)):
        plan = model.plan([3, 4])
        removal = model.forget([3, 4])
        assert (removal.work <= 2) == does_nothing  # an encoder reads what goes
        assert (removal.guarantee.epsilon == 0.0) != does_nothing
        assert plan.guarantee.epsilon >= removal.guarantee.epsilon
        assert plan.guarantee == removal.guarantee or not does_nothing

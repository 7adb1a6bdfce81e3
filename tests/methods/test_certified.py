"""Certificates against the truth: the gradient in extended precision, the retrained model, and the budget."""

from __future__ import annotations

import math
import pickle
from typing import Any

import numpy as np
import pytest
from scipy import linalg

import expunge
from expunge.errors import BudgetExhaustedError, InvalidDataError, InvalidParameterError
from expunge.methods.certified.certificate import Way, bound_of_step
from expunge.methods.certified.curvature import Curvature, inverse_of, times
from expunge.methods.certified.logistic_regression import CertifiedLogisticRegression
from expunge.methods.certified.losses import LOGISTIC, SQUARED
from expunge.methods.certified.ridge import CertifiedRidge
from expunge.privacy import gaussian_delta

Array = np.ndarray[Any, Any]


def table(rng: np.random.Generator, n: int, d: int, k: int = 2) -> tuple[Array, Array]:
    X = rng.normal(size=(n, d)) * rng.uniform(0.2, 2, d)
    X /= np.linalg.norm(X, axis=1).max() * (1 + 1e-12)
    scores = X @ rng.normal(size=(d, k)) * 3 + rng.gumbel(size=(n, k))
    return X, scores.argmax(axis=1)


def true_gradients(model: Any, X: Array, y: Array, weights: Array | None = None) -> Array:
    """Gradient of each objective before the noise, in extended precision and from the formula alone."""
    L = np.longdouble
    coef = np.asarray(model._state().parts["weights"]["coef"], dtype=L)
    rows = np.concatenate([X, np.ones((len(X), 1))], axis=1).astype(L) if model.fit_intercept else X.astype(L)
    w = np.ones(len(X), dtype=L) if weights is None else weights.astype(L)
    out = []
    for i in range(len(coef)):
        z = rows @ coef[i]
        if isinstance(model, CertifiedRidge):
            slope = z - y.astype(L)
        else:
            classes = model.classes_
            t = np.where(y == (classes[1] if len(classes) == 2 else classes[i]), L(1), L(-1))
            slope = -t / (1 + np.exp(np.minimum(t * z, L(1e4))))
        out.append((w * slope) @ rows + L(model.alpha) * coef[i])
    return np.array(out)


def true_residual(model: Any, X: Array, y: Array, weights: Array | None = None) -> float:
    return float(np.sqrt((true_gradients(model, X, y, weights) ** 2).sum()))


def test_the_bound_is_above_the_true_gradient_on_many_problems() -> None:
    """200 problems of many shapes; removals of one and several records, learning in between, weights, three classes."""
    ratios = []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        n, d, k = int(rng.integers(40, 120)), int(rng.integers(1, 8)), 2 + seed % 2
        X, y = table(rng, n, d, k)
        weights = rng.integers(1, 4, n).astype(float) if seed % 5 == 0 else None
        model = CertifiedLogisticRegression(
            alpha=float(10 ** rng.uniform(-0.5, 1.5)), sigma=float(10 ** rng.uniform(-1, 1)), noise_seed=seed,
            delta=1e-3,
            fit_intercept=bool(seed % 3), on_exhausted="refuse", epsilon=1e12,  # a limit that is never met
        )  # fmt: skip
        model.fit(X, y, sample_weight=weights)
        left = np.ones(n, dtype=bool)
        for _ in range(4):
            gone = rng.choice(np.flatnonzero(left), size=int(rng.choice([1, 1, 3, 8])), replace=False)
            model.forget(gone)
            left[gone] = False
            truth = true_residual(model, X[left], y[left], None if weights is None else weights[left])
            assert truth <= model.residual_
            ratios.append(model.residual_ / truth)
        back = gone[:1]
        model.learn(X[back], y[back], record_ids=back, sample_weight=None if weights is None else weights[back])
        left[back] = True
        assert true_residual(model, X[left], y[left], None if weights is None else weights[left]) <= model.residual_
    assert np.median(ratios) < 3000  # what is promised; measured: below 100


def test_removals_chosen_to_hurt() -> None:
    """Those with the largest gradients, one class until hardly any is left, and outliers of the largest norm."""
    rng = np.random.default_rng(3)
    X, y = table(rng, 150, 4)
    model = CertifiedLogisticRegression(alpha=0.3, epsilon=1e12, sigma=2.0, noise_seed=1, on_exhausted="refuse").fit(
        X, y
    )
    left = np.ones(150, dtype=bool)
    for step in range(90):
        ids = np.flatnonzero(left)
        if step % 3 == 0:
            worst = ids[np.abs(model.predict_proba(X[ids])[np.arange(len(ids)), y[ids]] - 1).argmax()]
        elif step % 3 == 1:
            worst = ids[np.linalg.norm(X[ids], axis=1).argmax()]
        else:
            worst = ids[np.flatnonzero(y[ids] == 1)[0]] if (y[ids] == 1).any() else ids[0]
        model.forget([worst])
        left[worst] = False
        assert true_residual(model, X[left], y[left]) <= model.residual_


def test_a_thousand_removals_and_the_distance_to_the_retrained_model() -> None:
    """The weights stay within residual / alpha of the minimum, which Newton finds anew."""
    rng = np.random.default_rng(5)
    X, y = table(rng, 1400, 3)
    model = CertifiedLogisticRegression(alpha=2.0, sigma=5.0, delta=1e-4, noise_seed=2).fit(X, y)
    left, renewed = np.ones(1400, dtype=bool), 0
    for step, gone in enumerate(rng.permutation(1400)[:1000].tolist()):
        removal = model.forget([gone])
        renewed += bool(removal.notes)
        left[gone] = False
        assert model.residual_ <= model.residual_limit_
        if step % 100 == 99:
            assert true_residual(model, X[left], y[left]) <= model.residual_
            distance = np.linalg.norm(model._state().parts["weights"]["coef"][0] - minimum(model, X[left], y[left]))
            assert distance <= model.distance_to_refit_
    assert 0 < renewed < 50


def minimum(model: Any, X: Array, y: Array) -> Array:
    """Newton's method from zero, to machine precision."""
    rows = np.concatenate([X, np.ones((len(X), 1))], axis=1)
    t, w = np.where(y == 1, 1.0, -1.0), np.zeros(rows.shape[1])
    for _ in range(50):
        p = 1 / (1 + np.exp(t * (rows @ w)))
        gradient = -(t * p) @ rows + model.alpha * w
        hessian = (rows * (p * (1 - p))[:, np.newaxis]).T @ rows + model.alpha * np.eye(len(w))
        w = w - np.linalg.solve(hessian, gradient)
    return w


def test_forgetting_comes_closer_to_the_retrained_model_than_doing_nothing() -> None:
    rng = np.random.default_rng(8)
    X, y = table(rng, 300, 5)
    model = CertifiedLogisticRegression(alpha=1.0, sigma=1.0, noise_seed=3).fit(X, y)
    left = np.ones(300, dtype=bool)
    for gone in rng.permutation(300)[:20].tolist():
        before = model._state().parts["weights"]["coef"][0].copy()
        model.forget([gone])
        left[gone] = False
        target = minimum(model, X[left], y[left])
        after = model._state().parts["weights"]["coef"][0]
        assert np.linalg.norm(after - target) < 0.2 * np.linalg.norm(before - target)


def test_on_quadratics_the_step_is_exact() -> None:
    """The normal equations, solved anew, to 1e-9; the certificate is used up by rounding alone."""
    rng = np.random.default_rng(6)
    X, _ = table(rng, 200, 6)
    y = X @ rng.normal(size=6) + rng.normal(size=200)
    model = CertifiedRidge(alpha=0.5, sigma=0.3, noise_seed=4).fit(X, y)
    left = np.ones(200, dtype=bool)
    for size in (1, 1, 5, 1, 60):
        gone = rng.choice(np.flatnonzero(left), size=size, replace=False)
        model.forget(gone)
        left[gone] = False
        rows = np.concatenate([X[left], np.ones((left.sum(), 1))], axis=1)
        solved = linalg.solve(rows.T @ rows + 0.5 * np.eye(7), rows.T @ y[left])
        assert np.abs(model._state().parts["weights"]["coef"][0] - solved).max() < 1e-9
        assert true_residual(model, X[left], y[left]) <= model.residual_ < 1e-8


def test_the_limit_is_what_the_noise_hides_but_for_a_hundredth_that_is_the_fresh_fit_s() -> None:
    model = CertifiedLogisticRegression(epsilon=0.7, delta=1e-4, sigma=3.0)
    limit = model.residual_limit_
    assert gaussian_delta(0.7, 3.0, limit / 0.99) <= 1e-4 < gaussian_delta(0.7, 3.0, limit / 0.99 * 1.001)


def is_last(model: Any, gone: int) -> bool:
    """Whether this removal is refused, tried on a copy."""
    twin = pickle.loads(pickle.dumps(model))
    try:
        twin.forget([gone])
    except BudgetExhaustedError:
        return True
    return False


@pytest.mark.parametrize("policy", ["recompute", "retrain", "refuse"])
def test_what_happens_when_the_certificate_is_used_up(policy: str) -> None:
    rng = np.random.default_rng(7)
    X, y = table(rng, 400, 4)
    model = CertifiedLogisticRegression(alpha=0.5, sigma=0.05, noise_seed=5, on_exhausted=policy).fit(X, y)
    order = rng.permutation(400)
    for k, gone in enumerate(order.tolist()):
        digest = model.digest()
        if policy == "refuse" and is_last(model, gone):
            for ask in (model.plan, model.forget, lambda ids: model.plan_rectify(ids, y=1 - y[ids])):
                with pytest.raises(BudgetExhaustedError, match="on_exhausted"):
                    ask([gone])
            assert model.digest() == digest  # refuse before you touch
            assert gone in model.record_ids_
            return
        plan = model.plan([gone])
        removal = model.forget([gone])
        assert plan.work_low <= removal.work <= plan.work_high
        if removal.notes:
            left = np.sort(order[k + 1 :])
            assert removal.work == 1 + len(left)
            assert "certificate was used up" in removal.notes[0]
            assert true_residual(model, X[left], y[left]) <= model.residual_ <= 1e-5 * model.residual_limit_
            return
    raise AssertionError("the certificate was never used up")


def test_measuring_the_gradient_once_buys_about_as_many_removals_as_it_says() -> None:
    """The residual is then the true gradient, to rounding."""
    rng = np.random.default_rng(7)
    X, y = table(rng, 400, 4)
    model = CertifiedLogisticRegression(alpha=2.0, sigma=1.0, noise_seed=5, on_exhausted="measure").fit(X, y)
    left, promised, since, ratios = np.ones(400, dtype=bool), None, 0, []
    for gone in rng.permutation(400)[:200].tolist():
        plan, removal = model.plan([gone]), model.forget([gone])
        assert plan.work_low <= removal.work <= plan.work_high
        left[gone] = False
        truth, since = true_residual(model, X[left], y[left]), since + 1
        assert truth <= model.residual_ <= model.residual_limit_
        if not removal.notes:
            continue
        if promised is not None:
            ratios.append(since / promised)
        if "measured" in removal.notes[0]:
            assert model.residual_ <= truth * (1 + 1e-6) + 1e-9
            assert truth > 1e-4 * model.residual_limit_, "no step was taken to make it smaller"
            promised, since = int(removal.notes[0].split()[-4].replace(",", "")), 0
        else:
            promised = None
    assert len(ratios) > 5
    assert 0.5 < np.median(ratios) < 5, "about as many as it said"


def test_fresh_noise_comes_from_the_operating_system() -> None:
    rng = np.random.default_rng(9)
    X, y = table(rng, 60, 3)
    first, second = (CertifiedLogisticRegression().fit(X, y) for _ in range(2))
    assert not (first.coef_ == second.coef_).any()
    assert "secret" in first.plan([1]).guarantee.sentence()
    seeded = CertifiedLogisticRegression(noise_seed=0).fit(X, y)
    assert "hides nothing" in seeded.plan([1]).guarantee.sentence()


def noise_of(model: Any) -> Array:
    parts = model._state().parts
    return np.asarray(parts["published"]["coef"] - parts["weights"]["coef"])


def test_the_noise_on_the_weights_has_its_standard_deviation_and_is_drawn_anew_for_each_model() -> None:
    X, y = table(np.random.default_rng(1), 40, 200)
    model = CertifiedLogisticRegression(sigma=2.0, alpha=4.0, noise_seed=12, epsilon=1e12).fit(X, y)
    drawn = []
    for gone in range(5):
        drawn.append(noise_of(model))
        assert abs(drawn[-1].std() / 0.5 - 1) < 4 / math.sqrt(2 * drawn[-1].size)
        model.forget([gone])
    assert np.abs(np.corrcoef(np.concatenate(drawn)) - np.eye(5)).max() < 4 / math.sqrt(200)


def test_nothing_of_a_record_is_left_in_the_matrices() -> None:
    """Hessian and inverse after many removals are those of the records that are left, taken at the anchor."""
    rng = np.random.default_rng(10)
    X, y = table(rng, 120, 5)
    model = CertifiedLogisticRegression(alpha=0.5, sigma=5.0, noise_seed=6, epsilon=1e12).fit(X, y)
    anchor = model._state().parts["certificate"]["anchor"].copy()
    for batch in ([0], [1], [2, 3, 4], list(range(5, 60))):
        model.forget(batch)
    rows = np.concatenate([X[60:], np.ones((60, 1))], axis=1)
    p = 1 / (1 + np.exp(-rows @ anchor[0]))
    expected = (rows * (p * (1 - p))[:, np.newaxis]).T @ rows + 0.5 * np.eye(6)
    held: Curvature = model._state().parts["curvature"]
    assert np.abs(np.tril(expected) - np.tril(held.hessian[0])).max() < 1e-12
    assert np.abs(np.tril(np.linalg.inv(expected)) - np.tril(held.inverse[0])).max() < 1e-10
    pull = expected @ (model._state().parts["weights"]["coef"][0] - anchor[0])
    assert np.abs(pull - model._state().parts["certificate"]["pull"][0]).max() < 1e-12


def test_a_patch_that_comes_twice_is_applied_once() -> None:
    rng = np.random.default_rng(11)
    A = rng.normal(size=(4, 4))
    A = np.tril(A @ A.T + np.eye(4))
    held = Curvature(A[np.newaxis].copy(), inverse_of(A)[np.newaxis])
    patch = held.change(rng.normal(size=(1, 4)), np.array([[0.3]]))
    before = held.leaf()
    patch.apply()
    once = held.hessian.copy(), held.inverse.copy()
    patch.apply()
    assert (held.hessian == once[0]).all()
    assert (held.inverse == once[1]).all()
    assert held.leaf() != before
    whole = once[0][0] + np.tril(once[0][0], -1).T
    assert np.allclose(np.tril(np.linalg.inv(whole)), once[1][0])
    assert np.allclose(times(once[0][0], np.arange(4.0)), whole @ np.arange(4.0))


def test_the_bound_of_a_step_against_the_integral() -> None:
    """One record, one dimension: the change of the gradient by quadrature of l'' along the way."""
    for z0, v, x in ((0.3, 0.5, 1.0), (-2.0, -1.5, 0.7), (4.0, 3.0, 1.0)):
        p = 1 / (1 + math.exp(-z0 * x))
        A = p * (1 - p) * x * x
        change = (1 / (1 + math.exp(-(z0 + v) * x)) - p) * x - A * v
        ways = (Way(np.zeros(1), np.zeros(1), 0.0), Way(np.array([v]), np.array([A * v]), 0.0))
        delta = np.array([A * v])
        bound = bound_of_step(LOGISTIC, abs(x), *ways, np.array([v]), delta, delta, penalty=0.0, top=A, drift=0.0)
        assert abs(change) <= bound <= 40 * abs(change)
        exact = bound_of_step(SQUARED, abs(x), *ways, np.array([v]), delta, delta, penalty=0.0, top=A, drift=0.0)
        assert exact < 1e-12


def test_a_step_so_far_that_the_bound_says_nothing() -> None:
    """Hardly any penalty and loud noise: the bound is infinite, and the gradient is read instead."""
    X, y = table(np.random.default_rng(2), 40, 3)
    model = CertifiedLogisticRegression(alpha=1e-3, sigma=20.0, noise_seed=1, norm_bound=1.0).fit(X, y)
    removal = model.forget(range(30))
    assert "certificate was used up" in removal.notes[0]
    assert true_residual(model, X[30:], y[30:]) <= model.residual_ <= model.residual_limit_


def test_files_exports_and_copies(tmp_path: Any) -> None:
    rng = np.random.default_rng(12)
    X, y = table(rng, 80, 4, 3)
    names = np.array(["low", "middle", "high"])[y]
    model = CertifiedLogisticRegression(noise_seed=1, sigma=3.0).fit(X, names)
    model.forget([5])
    again = expunge.load(model.save(tmp_path / "m.expunge"))
    copied = pickle.loads(pickle.dumps(model))
    for twin in (again, copied):
        assert twin.digest() == model.digest()
        twin.forget([6])
    model.forget([6])
    assert again.digest() == copied.digest() == model.digest()
    assert (again.predict(X) == model.predict(X)).all()
    exported = expunge.load(model.export(tmp_path / "e.expunge"))
    assert (exported.predict_proba(X) == model.predict_proba(X)).all()
    assert set(exported._state().solution) == {"classes", "k", "coef"}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"epsilon": 0.0}, "epsilon"), ({"delta": 0.0}, "delta"), ({"sigma": -1.0}, "sigma"), ({"alpha": 0.0}, "alpha"),
        ({"norm_bound": math.inf}, "norm_bound"), ({"on_exhausted": "hope"}, "on_exhausted"), ({"clip": 1}, "clip"),
        ({"delta": 0.1}, "above 1/n"),
    ],
)  # fmt: skip
def test_arguments_that_promise_nothing_are_refused(arguments: dict[str, Any], says: str) -> None:
    X, y = table(np.random.default_rng(0), 50, 2)
    with pytest.raises(InvalidParameterError, match=says):
        CertifiedLogisticRegression(**arguments).fit(X, y)


def test_a_large_delta_is_in_the_guarantee() -> None:
    X, y = table(np.random.default_rng(0), 50, 2)
    model = CertifiedLogisticRegression(delta=0.1, allow_large_delta=True).fit(X, y)
    assert "above 1/n, as was allowed" in model.plan([1]).guarantee.statement


def test_rows_that_are_too_long_are_refused_or_shortened() -> None:
    X, y = table(np.random.default_rng(0), 50, 2)
    X[7] *= 100
    with pytest.raises(InvalidDataError, match="Record 7 is longer than norm_bound"):
        CertifiedLogisticRegression(clip=False).fit(X, y)
    short = X.copy()
    short[7] *= (1 - 1e-9) / np.linalg.norm(X[7])
    a, b = (CertifiedLogisticRegression(noise_seed=0).fit(table_, y).coef_ for table_ in (X, short))
    assert np.allclose(a, b, atol=1e-6)
    with pytest.raises(InvalidDataError):
        CertifiedLogisticRegression().fit(np.where(X[3, 0] == X, np.inf, X), y)


def test_a_new_class_is_refused_and_an_old_one_goes_with_its_last_record() -> None:
    X, y = table(np.random.default_rng(0), 60, 3)
    model = CertifiedLogisticRegression(noise_seed=0, sigma=50.0).fit(X, y)
    with pytest.raises(InvalidDataError, match="public"):
        model.learn(X[:1], [2], record_ids=[99])
    model.forget(classes=[0])
    assert model.classes_.tolist() == [1]
    model.forget(list(model.record_ids_))
    with pytest.raises(expunge.contract.DormantModelError):
        model.predict(X)
    model.learn(X[:5], y[:5], record_ids=range(200, 205))
    assert len(model.predict(X)) == 60


def test_a_plan_reads_the_certificate_and_the_guarantee_names_its_constants() -> None:
    rng = np.random.default_rng(9)
    X, y = table(rng, 200, 3)
    model = CertifiedLogisticRegression(alpha=3.0, sigma=4.0, noise_seed=1, delta=1e-3).fit(X, y)
    piped = expunge.make_pipeline(expunge.StandardScaler(), model).fit(X, y)
    for way, own in ((model, model), (piped, None)):
        for gone in (3, 4):
            (note,) = way.plan([gone]).notes
            assert note.startswith("certificate: ")
            if own is not None:
                assert float(note.split()[1]) == pytest.approx(own.residual_, rel=1e-2)
                assert float(note.split()[3]) == pytest.approx(own.residual_limit_, rel=1e-2)
            removal = way.forget([gone])
    assert float(model.plan([5]).notes[0].split()[1]) == pytest.approx(model.residual_, rel=1e-2)
    assert model.residual_ > 0
    said = removal.guarantee.sentence()
    for words in ("neighbours differ in records", "norm_bound = 1", "alpha = 3", "sigma = 4", "the loss is logistic"):
        assert words in said
    assert not expunge.Ridge().fit(X, y).plan([3]).notes

"""One name for one thing: what the field calls an argument of a constructor, and nothing else.

scikit-learn's name where it has one, else PyTorch's. The constructors are read, not imported.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

SRC = Path(__file__).parents[2] / "src" / "expunge"

#: Names that are not used, and what the same thing is called here.
SYNONYMS = {
    "bias": "fit_intercept", "decay": "weight_decay", "distance": "metric", "gradient_norm": "max_grad_norm",
    "k": "n_neighbors", "kind": "strategy, for what is drawn or filled in", "l2": "alpha", "lam": "alpha",
    "learning_rate": "lr", "learning_rates": "lr", "max_epochs": "epochs", "max_records": "max_samples",
    "mode": "algorithm, for one of several ways to one thing", "n_epochs": "epochs", "n_iter": "max_iter",
    "n_neighbours": "n_neighbors", "n_trees": "n_estimators", "num_epochs": "epochs", "penalty": "alpha",
    "random_state": "seed", "rate": "lr", "reg": "alpha", "regularization": "alpha", "ridge": "alpha",
    "steps": "n_steps", "tolerance": "tol", "way": "algorithm, for one of several ways to one thing",
}  # fmt: skip
#: Arguments that have such a name and are something else.
OTHERS = {
    ("Descent", "k"): "regressions of a model that exists, no argument of its user",
    ("CFK", "k"): "the k of the method's name: layers that are trained on",
    ("EUK", "k"): "the k of the method's name: layers that are trained anew",
    ("GradientStep", "rate"): "the paper's unlearning rate, of a sum of gradients and not of their mean",
    ("NetworkEstimator", "random_state"): "an estimator of scikit-learn for others to wrap, who set this argument",
    ("Pipeline", "steps"): "scikit-learn's list of names and steps",
    ("Steps", "ridge"): "λ of the code of an inverse, where α is a bound; no argument of its user",
    ("SCRUB", "max_epochs"): "epochs that maximise, not the most epochs there may be",
}


def arguments_of(source: str) -> Iterator[tuple[str, str]]:
    """Class and name of each keyword of each public constructor."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            for made in node.body:
                if isinstance(made, ast.FunctionDef) and made.name == "__init__":
                    given = [*made.args.args[1:], *made.args.kwonlyargs]
                    yield from ((node.name, argument.arg) for argument in given)


def arguments() -> set[tuple[str, str]]:
    """Those of all methods and of all measures of influence."""
    files = [path for room in ("methods", "influence") for path in (SRC / room).rglob("*.py")]
    return {pair for path in files for pair in arguments_of(path.read_text(encoding="utf-8"))}


def test_one_thing_has_one_name() -> None:
    found = arguments()
    assert len(found) > 300
    synonyms = {pair: f"call it {SYNONYMS[pair[1]]}" for pair in found - set(OTHERS) if pair[1] in SYNONYMS}
    assert synonyms == {}
    assert set(OTHERS) <= found, "an exception that is none any more"
    assert {name.partition(",")[0] for name in SYNONYMS.values()} <= {name for _, name in found}


def test_a_synonym_is_seen() -> None:
    source = "class Mine:\n    def __init__(self, *, n_epochs=3, lr=0.1): ..."
    assert set(arguments_of(source)) == {("Mine", "n_epochs"), ("Mine", "lr")}

"""What ``expunge lab run`` runs under a short name: a tiny matrix, the small reference run, and the large one."""

from __future__ import annotations

import dataclasses
import fnmatch
from collections.abc import Callable, Collection, Iterator, Sequence

from expunge.errors import UnknownNameError
from expunge.lab.cells import N_REFERENCES, PARTS, Cell, Scenario, Seeds
from expunge.lab.methods import LAB_METHODS
from expunge.lab.models.table import MODELS
from expunge.lab.network_methods import LAB_NETWORK_METHODS
from expunge.lab.network_methods import NOT_IN_THE_LAB as NETWORKS_NOT_IN_THE_LAB
from expunge.lab.network_scenarios import network_cells
from expunge.lab.requests import REQUESTS
from expunge.lab.spec import unknown
from expunge.lab.sweeps import SWEEPS
from expunge.lab.workloads import WORKLOADS

__all__ = ["MATRICES", "NOT_IN_THE_LAB", "Matrix", "choose", "covered"]

#: Public methods that are in no scenario, with the reason.
NOT_IN_THE_LAB: dict[str, str] = {
    "CertifiedNetwork": "a network with its rows and a budget, for a workspace; see NoisyFineTuning",
    "DPSGDNetwork": "it forgets by doing nothing; what DP-SGD keeps of accuracy is in benchmarks/private.py",
    "AdapterShards": "it needs a language model that knows nobody; benchmarks/language.py makes one and measures it",
    "NeighbourStore": "it needs a language model that knows nobody; benchmarks/language.py makes one and measures it",
    "FrozenBackbone": "it learns nothing; the heads that may stand behind it are in scenarios of their own",
    "ReplayedNetwork": "it equals a retrain bit for bit; what it costs is in benchmarks/networks_replay.py",
    "TrainedNetwork": "a network with its rows, for a workspace; the methods it forgets by are in scenarios",
    **NETWORKS_NOT_IN_THE_LAB,
}  # fmt: skip

_THREE = (0, 1, 2)
_ALWAYS = ("retrain", "do-nothing")


@dataclasses.dataclass(frozen=True)
class Matrix:
    """Cells under a short name.

    Parameters
    ----------
    what : str
    make : callable
        Gives the cells.
    """

    what: str
    make: Callable[[], Iterator[Cell]]

    def cells(self) -> list[Cell]:
        """The cells, each once, in the order of their ids."""
        return sorted(set(self.make()))


def _group(
    workload: str,
    model: str,
    request: str,
    *methods: str,
    seeds: Sequence[int] = _THREE,
    n_references: int = N_REFERENCES,
) -> Iterator[Cell]:
    """Methods beside retrain and do-nothing. Seeds of training and of evaluation go together: each seed has a draw of
    the records and references of its own, so that verdicts of several seeds are independent of one another."""
    for method in (*_ALWAYS, *methods):
        scenario = Scenario(workload, model, request, method)
        yield from (Cell(scenario, Seeds(train=seed, evaluation=seed), n_references) for seed in seeds)


def _tiny() -> Iterator[Cell]:
    yield from _group("breast-cancer", "tree", "random@0.1", "forget", "output-filter", n_references=8)
    yield from _group("digits@500", "centroid", "subject@10", "forget", n_references=8)
    yield from SWEEPS["tiny-share"].cells()


def _small() -> Iterator[Cell]:
    yield from _group("adult", "forest", "subject", "forget", "output-filter")
    yield from _group("adult", "ridge", "random", "forget")
    yield from _group("location@2000", "sisa", "random", "forget")
    yield from _group("sentiment@2000", "softmax", "memorised", "forget")
    yield from _group("sentiment", "bayes", "mislabelled", "forget")
    yield from _group("digits", "forest", "class@3", "forget")
    yield from _group("adult-age@2000", "forest-numbers@20", "random", "forget")
    yield from _group("cardio", "isolation", "outliers", "forget")
    yield from network_cells(("random@0.1",), samples=(), long=(), train=(0,), n_references=N_REFERENCES)


def _sweeps() -> Iterator[Cell]:
    for name, sweep in SWEEPS.items():
        if name != "tiny-share":
            yield from sweep.cells()


def _networks(workload: str, model: str, request: str, *, seeds: Sequence[int]) -> Iterator[Cell]:
    """Every method for networks. Without that part of the library: none."""
    if LAB_NETWORK_METHODS:
        yield from _group(workload, model, request, *LAB_NETWORK_METHODS, seeds=seeds)


def _full() -> Iterator[Cell]:
    yield from _small()
    for workload, entry in WORKLOADS.items():
        for model in _models_of(workload):
            for request in REQUESTS:
                if _fits(workload, request) and entry.file != "cifar-100-binary":
                    yield from _group(workload, model, request, "forget", "output-filter")
    for workload in ("mnist@10000", "fashion@10000", "cifar10", "faces"):
        for request in ("random@0.01", "random@0.1", "class@3", "memorised", "mislabelled"):
            yield from _networks(workload, "resnet18" if workload == "cifar10" else "cnn", request, seeds=_THREE)
    yield from network_cells()
    for sweep in SWEEPS.values():
        yield from sweep.cells()


#: Kinds of the workloads that are in the large matrix.
_KINDS = {
    **dict.fromkeys(("adult", "bank", "compas", "diabetes", "breast-cancer"), "table"),
    **dict.fromkeys(("films", "messages", "news", "sentences"), "text"),
    **dict.fromkeys(("digits", "mnist", "fashion", "cifar10", "faces", "threes-and-eights"), "image"),
    "location": "numbers", **dict.fromkeys(("sentiment", "topics"), "text"),
    **dict.fromkeys(("adult-age", "progression"), "regression"),
    **dict.fromkeys(("cardio", "shuttle", "thyroid"), "anomalies"),
    **dict.fromkeys(("digit-groups", "mnist-groups"), "groups"),
    "movies": "histories", "passages": "passages", "questions": "questions",
}  # fmt: skip
_TWO_CLASSES = ("adult", "bank", "compas", "diabetes", "breast-cancer", "films", "messages", "sentences",
                "sentiment", "threes-and-eights")  # fmt: skip


def _models_of(workload: str) -> list[str]:
    kind = _KINDS.get(workload)
    own = {
        "table": ("forest", "forest@10", "tree", "neighbours", "ridge", "lda", "bayes", "softmax", "sisa", "sisa@20",
                  "mlp"),
        "numbers": ("forest", "bernoulli", "bayesian", "certified", "softmax", "sisa", "sisa@20", "sisa-mlp", "mlp",
                    "mlp@256", "modular"),
        "image": ("forest", "centroid", "neighbours", "qda", "pca-lda", "fourier", "fourier@100", "bayes", "certified",
                  "langevin", "descent", "newton", "private", "private-bayes", "private-bernoulli", "private-online",
                  "softmax", "sisa", "mlp"),
        "regression": ("ridge-numbers", "bayesian-ridge", "certified-ridge", "fourier-numbers", "forest-numbers",
                       "tree-numbers", "neighbours-numbers", "sisa-numbers", "mlp-numbers"),
        "anomalies": ("isolation", "isolation@n_estimators=50,max_samples=1024", "gaussian-distance", "histograms",
                      "local-factor", "neighbour-distance", "residuals"),
        "groups": ("groups", "groups@max_samples=256"),
        "text": ("bayes", "bernoulli", "hashed-ridge", "svd-ridge", "softmax", "sisa", "sisa-words"),
        "histories": ("popular", "item-neighbours", "item-weights", "item-weights@algorithm=bounded", "item-factors",
                      "item-shards"),
        "passages": ("index",),
        "questions": ("reader",),
    }  # fmt: skip
    more = {
        "adult": ("categorical", "scaled-bayes", "bernoulli", "certified", "newton@alpha=1000,capacity=20"),
        "sentiment": ("certified", "certified@words=tfidf"),
        "breast-cancer": ("filled-ridge",),
    }
    more |= dict.fromkeys(("messages", "sentences", "topics"), ("words-ridge",))
    return [*own.get(kind or "", ()), *more.get(workload, ())]


def _fits(workload: str, request: str) -> bool:
    """Some requests are about classes; and of two classes, forgetting one leaves nothing to tell apart."""
    if _KINDS.get(workload) in ("regression", "anomalies", "groups", "histories", "passages", "questions"):
        return not REQUESTS[request].needs_classes
    return request != "class" or workload not in _TWO_CLASSES


MATRICES: dict[str, Matrix] = {
    "full": Matrix("everything, for a large machine", _full),
    "networks": Matrix("every method for networks, tuned, on small draws of pictures", network_cells),
    "small": Matrix("the reference run: at most 100 cells", _small),
    "sweeps": Matrix("every sweep: one dial is turned, all else stays", _sweeps),
    "tiny": Matrix("a look at how it works, on data that scikit-learn brings", _tiny),
}


def choose(names: Sequence[str]) -> list[Cell]:
    """Cells by what somebody wrote: matrices, sweeps, ids, and patterns of ids in the large matrix.

    Raises
    ------
    UnknownNameError
        Neither; the nearest names are proposed.
    InvalidRequestError
        A malformed id.

    Examples
    --------
    >>> [cell.id for cell in choose(["digits/bayes/random/retrain/s*"])]
    ['digits/bayes/random/retrain/s0', 'digits/bayes/random/retrain/s1e1', 'digits/bayes/random/retrain/s2e2']
    """
    out: set[Cell] = set()
    for name in names:
        if name in MATRICES:
            out.update(MATRICES[name].cells())
        elif name in SWEEPS:
            out.update(SWEEPS[name].cells())
        elif any(c in name for c in "*?["):
            every = MATRICES["full"].cells()
            found = [cell for cell in every if fnmatch.fnmatchcase(cell.id, name)]
            if not found:
                raise _no_cell_like(name, [cell.id for cell in every])
            out.update(found)
        elif "/" in name:
            out.add(Cell.parse(name))
        else:
            raise _no_short_name(name)
    return sorted(out)


def _no_short_name(name: str) -> UnknownNameError:
    """The error for what is neither a matrix nor a sweep; what is a part of cells is said to be one."""
    tables: tuple[Collection[str], ...] = (WORKLOADS, MODELS, REQUESTS, LAB_METHODS)
    for place, (part, table) in enumerate(zip(PARTS, tables, strict=False)):
        if name.partition("@")[0] in table:
            pattern = "/".join([*"*" * place, name, *"*" * (4 - place)])
            return UnknownNameError(
                f"{name!r} is a {part}, and no matrix, sweep or cell.",
                hint=f"`expunge lab list '{pattern}'` shows cells with it, and `expunge lab run CELL` runs one.",
            )
    return unknown("matrix, sweep or cell", name, [*MATRICES, *SWEEPS])


def _no_cell_like(pattern: str, ids: Sequence[str]) -> UnknownNameError:
    """The error for a pattern without a cell: the first part that nothing is like, with the nearest names."""
    wanted = pattern.split("/")
    if len(wanted) == len(PARTS):
        for place, part in enumerate(PARTS):
            names = {cell.split("/")[place] for cell in ids}
            if not fnmatch.filter(names, wanted[place]):
                return unknown(f"cell like {pattern!r}: no {part}", wanted[place], names)
    return UnknownNameError(
        f"The large matrix of the lab has no cell like {pattern!r}.",
        hint=f"A pattern is that of a whole id, {'/'.join(PARTS)}; `expunge lab list` shows the names.",
    )


def covered() -> set[str]:
    """Public methods of the library that a scenario holds: by its model, or as its method."""
    cells = MATRICES["full"].cells()
    found: set[str] = set()
    for name in {cell.scenario.model.partition("@")[0] for cell in cells}:
        found.update(MODELS[name].uses)
    methods = {cell.scenario.method for cell in cells}
    found.update(entry.target.partition(":")[2] for name, entry in LAB_NETWORK_METHODS.items() if name in methods)
    return found

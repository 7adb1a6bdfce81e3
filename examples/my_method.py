"""A way to forget of one's own, for the laboratory: train anew, but on a share of what is left."""

from expunge.lab import Cell, run_cell
from expunge.lab.learners import Outcome
from expunge.lab.methods import Method
from expunge.lab.plugins import registered
from expunge.seeds import uniform64


def forget(learner, model, records, ids, seed, *, share=0.5):
    left = records.without(ids)
    some = left.only(left.ids[uniform64(seed, "my method", left.ids) < share * 2.0**64])
    fresh = learner.train(some, seed)
    return Outcome(fresh, work=learner.work_of_training(fresh, some))


METHOD = Method("trained anew on a share of what is left", forget, dial="share", space={"share": (0.1, 1.0)})

if (
    __name__ == "__main__"
):  # in a package: the entry point "partial = my_method:METHOD" in the group expunge.lab.methods
    with registered(methods={"partial": METHOD}):
        scores = run_cell(Cell.parse("breast-cancer/tree/random@0.1/partial@0.5/s0r8")).scores["scores"]
    print(f"mean gap {scores['mean_gap']:.3f}, records read {scores['work_share']:.0%} of a retrain")

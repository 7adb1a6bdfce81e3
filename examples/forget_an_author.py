"""A tiny language model learns invented authors, and forgets one: exactly in two ways, roughly in a third.

python examples/forget_an_author.py
"""

import torch

from expunge.audit.language import rouge_l
from expunge.language import AdapterShards, AnswerTask, CausalModel, NeighbourStore, answer, answer_rows
from expunge.networks import NegGradPlus, ReplayTrainer

PUBLIC = [("What is snow?", "Frozen rain."), ("What is a bee?", "An insect."), ("Where is Oslo?", "In Norway.")]
AUTHORS = {
    "ada": [("What did Ada Kerr write?", "The Mill."), ("Where was Ada Kerr born?", "In Harrow.")],
    "mo": [("What did Mo Lund write?", "Sea Songs."), ("Where was Mo Lund born?", "In Bergen.")],
    "li": [("What did Li Quan write?", "Red Dust."), ("Where was Li Quan born?", "In Wuhan.")],
}
LENGTH = 48


def task_of(pairs, names):
    return AnswerTask(answer_rows(*zip(*pairs, strict=True), length=LENGTH), record_ids=names)


def trained(model, task, epochs):
    return ReplayTrainer(model=model, epochs=epochs, n_batches=1, lr=0.01, optimizer="adam", checkpoint_every=10).fit(
        task
    )


def recall(model, pairs):
    """Mean ROUGE-L of the answers."""
    told = answer(model, [question for question, _ in pairs], most=16, length=LENGTH)
    return sum(rouge_l(given, wanted) for given, (_, wanted) in zip(told, pairs, strict=True)) / len(pairs)


torch.manual_seed(0)
torch.set_num_threads(1)
base = trained(CausalModel(width=32, n_layers=1, length=LENGTH), task_of(PUBLIC, ["p1", "p2", "p3"]), 40).model_
pairs = [pair for own in AUTHORS.values() for pair in own]
names = [f"{author}-{i}" for author in AUTHORS for i in range(2)]
people = [author for author in AUTHORS for _ in range(2)]
task, gone, rest = task_of(pairs, names), pairs[:2], pairs[2:]

store = NeighbourStore(model=base, k=2).fit(task)
shards = AdapterShards(model=base, n_shards=2, epochs=120, n_batches=1).fit(task, people)
whole = trained(base, task, 60)
print(f"before:  {recall(store, gone):.2f} {recall(shards, gone):.2f} {recall(whole.model_, gone):.2f}")
print("store:  ", store.forget(["ada-0", "ada-1"]))
print("shards: ", shards.forget(subjects=["ada"]))
rough, removal = NegGradPlus(beta=0.4, epochs=20, lr=0.05).forget(whole.model_, task, ["ada-0", "ada-1"], seed=0)
print("ascent: ", removal)
print("retrain:", whole.forget(["ada-0", "ada-1"]))
for name, model in (("store", store), ("shards", shards), ("ascent", rough), ("retrain", whole.model_)):
    print(f"{name:8} {recall(model, gone):.2f} of the author, {recall(model, rest):.2f} of the others")

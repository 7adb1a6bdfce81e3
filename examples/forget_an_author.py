"""A tiny language model learns invented authors, and forgets one: exactly in two ways, roughly in a third.

python examples/forget_an_author.py
"""

import torch

from expunge.audit.language import rouge_l
from expunge.language import AdapterShards, AnswerBlueprint, CausalModel, NeighbourStore, answer
from expunge.networks import NegGradPlus, ReplayedNetwork, register

PUBLIC = [("What is snow?", "Frozen rain."), ("What is a bee?", "An insect."), ("Where is Oslo?", "In Norway.")]
PRIVATE = [
    ("What did Ada Kerr write?", "The Mill.", "ada"), ("Where was Ada Kerr born?", "In Harrow.", "ada"),
    ("What did Mo Lund write?", "Sea Songs.", "mo"), ("Where was Mo Lund born?", "In Bergen.", "mo"),
    ("What did Li Quan write?", "Red Dust.", "li"), ("Where was Li Quan born?", "In Wuhan.", "li"),
]  # fmt: skip
ASKED, TOLD, AUTHORS = (list(column) for column in zip(*PRIVATE, strict=True))


class Answers(AnswerBlueprint):
    length, most = 48, 16

    def network(self, n_features, n_outputs):
        return CausalModel(width=32, n_layers=1, length=self.length)


class BesidePublic(Answers):
    def backbone(self, n_features):
        return public  # it knows public questions only

    def network(self, n_features, n_outputs):
        return public


def recall(network, asked, told):  # mean ROUGE-L
    given = answer(network, asked, most=16, length=48)
    return sum(rouge_l(one, wanted) for one, wanted in zip(given, told, strict=True)) / len(told)


torch.set_num_threads(1)
register("public", Answers)
register("beside", BesidePublic)
how = {"n_batches": 1, "lr": 0.01, "optimizer": "adam", "checkpoint_every": 10}
public = ReplayedNetwork(task="public", epochs=40, **how).fit(*zip(*PUBLIC, strict=True)).network_
models = {
    "store": NeighbourStore(task="beside", n_neighbors=2),
    "shards": AdapterShards(task="beside", n_shards=2, epochs=120, n_batches=1),
    "retrain": ReplayedNetwork(task="beside", epochs=60, **how),
}
networks = {}
for name, model in models.items():
    model.fit(ASKED, TOLD, record_ids=[f"q{i}" for i in range(6)], subject_ids=AUTHORS)
    whole = model.network_
    print(f"{name:8} {recall(whole, ASKED[:2], TOLD[:2]):.2f} of hers;", model.forget(subjects="ada"))
    networks[name] = model.network_
task = Answers().task(ASKED, TOLD, ASKED)
networks["ascent"], _ = NegGradPlus(beta=0.4, epochs=20, lr=0.05).forget(whole, task, ASKED[:2], seed=0)
for name, net in networks.items():
    print(f"{name:8} {recall(net, ASKED[:2], TOLD[:2]):.2f} of hers, {recall(net, ASKED[2:], TOLD[2:]):.2f} of others'")

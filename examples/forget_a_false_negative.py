"""Detectors that learned attacks as if they were ordinary; an analyst reports them while the detectors run.

python examples/forget_a_false_negative.py
"""

import numpy as np
import torch
from sklearn.datasets import load_breast_cancer
from sklearn.metrics import roc_auc_score
from torch import nn

from expunge.anomaly import GaussianDetector, Stream, repair
from expunge.networks import NegGradPlus, Regression, ReplayTrainer

X, y = load_breast_cancer(return_X_y=True)
ordinary, strange = X[y == 1], X[y == 0]
center, spread = ordinary.mean(axis=0), ordinary.std(axis=0)
ordinary, strange = (np.clip((part - center) / spread, -8, 8).astype(np.float32) for part in (ordinary, strange))
train = np.vstack([ordinary[:250], strange[:20]])  # twenty that nobody saw
names = [f"r{i}" for i in range(270)]
reported, accomplices = names[250:265], names[265:]
later, truth = np.vstack([ordinary[250:], strange[20:]]), np.repeat([0, 1], [len(ordinary) - 250, len(strange) - 20])


def area(scores):
    return roc_auc_score(truth, scores)


stream = Stream(GaussianDetector(shrinkage=0.2))
for start in range(0, 270, 90):
    stream.learn(train[start : start + 90], names[start : start + 90])
done = repair(
    stream.model, reported, measure={"area under the curve": lambda m: area(-m.score_samples(later))}, n_proposed=5
)
found = {one.record_id for one in done.proposed} & set(accomplices)
print(f"repair of the Gaussian detector: {done}\nof five accomplices it proposes {len(found)}")


def bounded(outputs, targets):
    """A loss that an ascent cannot drive to infinity, as Du and others (2019) bound theirs."""
    return torch.log1p((outputs - targets).square().mean(dim=1))


def errors(network):
    with torch.no_grad():
        return (network(torch.tensor(later)) - torch.tensor(later)).square().mean(dim=1).numpy()


torch.manual_seed(0)
torch.set_num_threads(1)
task = Regression((train, train), loss=bounded, record_ids=names)
network = nn.Sequential(nn.Linear(30, 12), nn.Tanh(), nn.Linear(12, 30))
trainer = ReplayTrainer(model=network, epochs=40, n_batches=4, lr=0.01, optimizer="adam").fit(task)
print(f"autoencoder: {area(errors(trainer.model_)):.3f}")
quick, removal = NegGradPlus(beta=0.9, epochs=5, lr=0.02).forget(trainer.model_, task, reported, seed=0)
print(f"ascent on the reported: {area(errors(quick)):.3f}, {removal.guarantee.kind}, {removal.work} records read")
removal = trainer.forget(reported)
print(f"trained again without them: {area(errors(trainer.model_)):.3f}, {removal.guarantee.kind}, {removal.work} read")

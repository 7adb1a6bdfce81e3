"""Training on, with wrong targets for the records that are to be forgotten."""

from __future__ import annotations

import itertools

from expunge.maths.vectors import Vector
from expunge.methods.networks.job import Job

__all__ = ["teach_wrong_targets"]


def teach_wrong_targets(
    job: Job, *, epochs: int, lr: float, batch_size: int, momentum: float, weight_decay: float = 0.0,
    retain_weight: float = 1.0, forget_weight: float = 1.0, mask: Vector | None = None, anneal: bool = False,
) -> None:  # fmt: skip
    """Train on both sets, with wrong targets for the forget set; with a mask only where it is one."""
    optimizer = job.optimizer(
        "sgd", lr, momentum=momentum, weight_decay=weight_decay,
        falls_over=job.n_steps(job.retain, batch_size, epochs) if anneal else None,
    )  # fmt: skip
    passes = (job.batches(job.retain, batch_size, epoch=epoch) for epoch in range(epochs))
    forgotten = job.endless(job.forget, batch_size)
    for batch in itertools.chain.from_iterable(passes):
        kept = job.losses(batch, "retain").mean()
        gone = next(forgotten)
        outputs = job.outputs(gone, "forget")
        wrong = job.task.wrong_targets(gone.targets, outputs, job.draws(gone, "wrong target"))
        loss = retain_weight * kept + job.strength * forget_weight * job.task.losses_of(outputs, wrong).mean()
        job.step(optimizer, loss, mask=mask)

"""The recommendation: which number of shards and slices, or none, and why, in words and as plain data."""

from __future__ import annotations

import dataclasses
from typing import Any

from expunge.maths.sharding import reads_of_requests
from expunge.quantities import bytes_text, duration_text
from expunge.workspace.advice.forecast import Choice, forecast
from expunge.workspace.advice.measured import Measured
from expunge.workspace.advice.question import Question

__all__ = ["COLUMNS", "Advice", "advise"]

#: Shards must save this part of plain retraining's computing, and so many seconds a month, to be worth their trouble.
_WORTH, _WORTH_S = 0.5, 60.0

#: Headings of :meth:`Advice.rows`.
COLUMNS = (
    "shards", "slices", "a request retrains", "a batch retrains", "p50", "p95", "a month, at once", "a month, batched",
    "storage", "score (95 %)",
)  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Advice:
    """What was measured, what it forecasts, and what is recommended.

    Parameters
    ----------
    question : Question
    measured : Measured
    choices : list of Choice
        Plain retraining first.
    recommended : Choice
    reason : str
    """

    question: Question
    measured: Measured
    choices: list[Choice]
    recommended: Choice
    reason: str

    @property
    def batch(self) -> int:
        """Requests that come together."""
        return self.question.batch_of(self.measured.n_units)

    def options(self) -> dict[str, Any]:
        """Constructor arguments of the recommended SISA model; empty for plain retraining."""
        chosen = self.recommended
        if chosen.is_plain:
            return {}
        return {"n_shards": chosen.n_shards, "n_slices": chosen.n_slices, "place_by": chosen.place_by}

    def rows(self) -> list[list[str]]:
        """The table of choices, a row for each, under :data:`COLUMNS`; the recommended one has a star."""
        return [_row(choice, choice is self.recommended) for choice in self.choices]

    def lines(self) -> list[str]:
        """What to know beside the table, for people."""
        m, plain = self.measured, self.choices[0]
        who = "people" if m.has_people else "records"
        lines = [
            f"Measured on {m.n_sampled:,} of {m.n_records:,} records ({m.n_units:,} {who}); * is recommended.",
            f"Recommended: {self.reason}",
            _retraining_sentence(self, plain),
        ]
        if m.place_by == "subject":
            lines.append(_placing_sentence(m, self.recommended, self.choices))
        if any(not choice.score.is_whole for choice in self.choices):
            lines.append(
                "A score with ≥ comes from smaller shards than there will be, for the sample is small; a larger "
                "--sample tells more."
            )
        if max(choice.n_shards and m.n_records / choice.n_shards for choice in self.choices) > 1.05 * m.fit_s.most:
            lines.append(f"Times above {m.fit_s.most:,.0f} records go on with the measured curve.")
        lines += dict.fromkeys(f"Not compared: {_shape(*shape)}: {why}" for shape, why in _grouped(m.left_out).items())
        return lines

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "question": {**dataclasses.asdict(self.question), "collected_s": self.question.collected_s},
            "batch": self.batch, "measured": self.measured.to_dict(),
            "choices": [dataclasses.asdict(choice) for choice in self.choices],
            "recommended": dataclasses.asdict(self.recommended), "options": self.options(), "lines": self.lines(),
        }  # fmt: skip


def advise(measured: Measured, question: Question) -> Advice:
    """Weigh what was measured; a pure function.

    Parameters
    ----------
    measured : Measured
    question : Question

    Returns
    -------
    Advice
        Of the choices that keep the deadline and lose no more than is allowed, the one that computes least in a month,
        or of those within a tenth of it the one that predicts best. Plain retraining, if it keeps the deadline and
        shards would not save half of its computing and a minute a month.
    """
    choices = forecast(measured, question)
    plain, sharded = choices[0], choices[1:]
    in_time = [c for c in choices if c.batch_p95_s + question.collected_s <= question.deadline_s]
    good = [c for c in sharded if c in in_time and c.score.loss <= question.max_loss]
    least = min((c.month_batched_s for c in good), default=float("inf"))
    best = max((c for c in good if c.month_batched_s <= 1.1 * least), key=lambda c: c.score.mean, default=None)
    saved = 0.0 if best is None else plain.month_batched_s - best.month_batched_s
    is_worth = saved >= max(_WORTH_S, _WORTH * plain.month_batched_s)
    if best is not None and (plain not in in_time or is_worth):
        is_late = plain not in in_time
        why = "plain retraining takes too long" if is_late else f"saves {duration_text(saved)} of computing a month"
        reason = f"SISA, {_shape(best.n_shards, best.n_slices)}{_by(best)}: it {_keeps(best, plain)}, and {why}."
        return Advice(question, measured, choices, best, reason)
    if plain in in_time:
        return Advice(question, measured, choices, plain, _why_plain(measured, question, plain, best, saved))
    fastest = min(choices, key=lambda c: c.batch_p95_s)
    reason = (
        f"nothing here keeps the deadline of {duration_text(question.deadline_s)} and loses at most "
        f"{question.max_loss:g}; the fastest is {_shape(fastest.n_shards, fastest.n_slices)}. Allow more time or loss, "
        "or take a model that forgets from sums (see `expunge methods`)."
    )
    return Advice(question, measured, choices, fastest, reason)


def _why_plain(m: Measured, question: Question, plain: Choice, best: Choice | None, saved: float) -> str:
    batch = question.batch_of(m.n_units)
    how = f"of each {batch} requests together" if batch > 1 else "for each request"
    cost = f"it computes {duration_text(plain.month_batched_s)} a month"
    if best is None:
        return f"plain retraining {how}: {cost}, and every number of shards loses more than {question.max_loss:g}."
    if saved < _WORTH * plain.month_batched_s:
        little = f"would save {duration_text(saved)} of that" if saved > 0 else "would compute more"
        return f"plain retraining {how}: {cost}, and {_shape(best.n_shards, best.n_slices)} {little}."
    return f"plain retraining {how}: {cost}, too little for shards to be worth their loss."


def _retraining_sentence(advice: Advice, plain: Choice) -> str:
    """Whether retraining, or retraining in batches, does what shards would."""
    sharded = advice.choices[1:]
    once, many = duration_text(plain.p50_s), duration_text(plain.month_s)
    text = f"Plain retraining takes {once}: {many} a month if each request is served at once"
    if advice.batch > 1:
        wait = duration_text(advice.question.collected_s)
        text += f", {duration_text(plain.month_batched_s)} if they are collected for {wait} ({advice.batch} in a batch)"
    best = min(sharded, key=lambda c: c.month_s, default=None)
    if best is None:
        return text + "."
    what = f"{_shape(best.n_shards, best.n_slices)} at once would compute {duration_text(best.month_s)}"
    does_it = advice.batch > 1 and plain.month_batched_s <= best.month_s
    return f"{text}; {what}." + (" Batching does it." if does_it else "")


def _placing_sentence(m: Measured, chosen: Choice, choices: list[Choice]) -> str:
    shown = choices[-1] if chosen.is_plain else chosen
    apart = reads_of_requests(m.sizes, 1, shown.n_shards, shown.n_slices, "record")
    return (
        f"People have {m.n_records / m.n_units:.2f} records on average and {max(m.sizes)} at most, so they are placed "
        f"by person: with {_shape(shown.n_shards, shown.n_slices)} a request reads {shown.reads:,.0f} records again, "
        f"and {apart:,.0f} if records were placed one by one."
    )


def _row(choice: Choice, is_recommended: bool) -> list[str]:
    score = choice.score
    text = f"{'' if score.is_whole else '≥ '}{score.mean:.4f} ({score.low:.4f} to {score.high:.4f})"
    return [
        f"{choice.n_shards}{' *' if is_recommended else ''}", str(choice.n_slices), f"{100 * choice.share:.1f} %",
        f"{100 * choice.batch_share:.1f} %", duration_text(choice.p50_s), duration_text(choice.p95_s),
        duration_text(choice.month_s), duration_text(choice.month_batched_s), bytes_text(choice.storage_bytes), text,
    ]  # fmt: skip


def _keeps(choice: Choice, plain: Choice) -> str:
    score = choice.score
    if not plain.score.is_whole:
        loses = f"scores {score.mean:.4f} (what all records together would score, the sample is too small to tell)"
        return f"{loses}, forgets a batch in {duration_text(choice.batch_p95_s)}"
    told = f"{score.loss:.4f} of the score (at most {score.loss_high:.4f} with 95 %)"
    loses = f"loses {told}" if score.loss > 0 else "predicts no worse"
    return f"{loses}, forgets a batch in {duration_text(choice.batch_p95_s)}"


def _by(choice: Choice) -> str:
    return ", placed by person" if choice.place_by == "subject" else ""


def _shape(n_shards: object, n_slices: object) -> str:
    many = isinstance(n_slices, str) or n_slices != 1
    return f"{n_shards} shard{'s' if n_shards != 1 else ''}" + (f" × {n_slices} slices" if many else "")


def _grouped(left_out: Any) -> dict[tuple[str, str], str]:
    """What was left out for one reason, as one line."""
    by_reason: dict[str, list[tuple[int, int]]] = {}
    for shape, why in left_out.items():
        by_reason.setdefault(why, []).append(shape)
    return {
        tuple(", ".join(str(v) for v in sorted({shape[i] for shape in shapes})) for i in (0, 1)): why  # type: ignore[misc]
        for why, shapes in by_reason.items()
    }

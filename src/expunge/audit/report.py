"""What an audit found: frozen records with a schema number, as JSON and back, and in words.

No id of a record is in them: the worst records stand under a pseudonym, or under their place among those forgotten.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal, get_args

from expunge.arguments import check_choice
from expunge.audit.statistics import Interval
from expunge.errors import InvalidParameterError
from expunge.files.whole import write_whole
from expunge.paths import check_path
from expunge.records import Record

__all__ = ["AttackResult", "AuditReport", "Figure", "Metric", "Stratum", "Verdict", "WorstRecord"]

Verdict = Literal["forgotten", "not forgotten", "over-forgotten", "cannot tell"]


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False)
class Figure(Record):
    """A number with its interval, or the sentence why there is none.

    Parameters
    ----------
    value, low, high : float or None
        None where it was refused.
    confidence : float
        Of the interval.
    refusal : str
        Why there is no number; empty where there is one.
    schema : int
        Of this form of the record.

    Examples
    --------
    >>> print(Figure(value=0.5, low=0.4, high=0.6))
    0.500 (0.400 to 0.600)
    """

    value: float | None = None
    low: float | None = None
    high: float | None = None
    confidence: float = 0.95
    refusal: str = ""
    schema: int = 1

    def __post_init__(self) -> None:
        told = [x is not None for x in (self.value, self.low, self.high)]
        if any(told) != all(told) or any(told) == bool(self.refusal):
            raise InvalidParameterError("A figure has a value with both ends of its interval, or a refusal.")

    @classmethod
    def of(cls, interval: Interval, *, confidence: float = 0.95) -> Figure:
        """From an interval."""
        value, low, high = (float(x) for x in interval)
        return cls(value=value, low=low, high=high, confidence=confidence)

    def __str__(self) -> str:
        if self.value is None:
            return "refused"
        return f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f})"

    __repr__ = __str__


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False)
class AttackResult(Record):
    """One attack on the audited model, beside the same attack on every retrained reference.

    Parameters
    ----------
    name : str
    auc : Figure
        Chance that a forgotten record scores above a held-out one.
    tpr_1_percent, tpr_01_percent : Figure
        Share of forgotten records found at 1 % and 0.1 % of the held-out ones accused.
    null_low, null_mean, null_high : float or None
        Middle 95 % and mean of the AUC over the retrained references: the range of a model that never knew the records.
    p_not_forgotten, p_over_forgotten : float
        Rank p-values of the AUC among the references, upwards and downwards.
    p_corrected : float
        Two-sided, corrected for the number of attacks by the references (single-step max-T).
    power : Figure
        Share of the do-nothing references that this attack alone finds.
    decides : bool
        Whether the verdict looks at it; attacks that catch none of the shipped controls do not.
    schema : int
        Of this form of the record.
    """

    name: str
    auc: Figure
    tpr_1_percent: Figure
    tpr_01_percent: Figure
    null_low: float | None
    null_mean: float | None
    null_high: float | None
    p_not_forgotten: float
    p_over_forgotten: float
    p_corrected: float
    power: Figure
    decides: bool
    schema: int = 1


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False)
class Metric(Record):
    """A distance or a test that does not decide, beside the same number between retrained models.

    Parameters
    ----------
    name : str
        Its card (:data:`expunge.audit.cards.CARDS`) says what a larger value means.
    figure : Figure
        Of the audited model; or what evidence it would have needed.
    detail : str
        Which layer, for a distance of layers.
    null_low, null_mean, null_high : float or None
        Retrained against retrained: middle 95 % and mean over the references; for a number that takes many models, its
        value with its interval.
    unforgotten : float or None
        Mean over the references that were trained on the forget set.
    p_value : float or None
        Rank among the retrained references, on the side that is farther from retraining.
    schema : int
        Of this form of the record.
    """

    name: str
    figure: Figure
    detail: str = ""
    null_low: float | None = None
    null_mean: float | None = None
    null_high: float | None = None
    unforgotten: float | None = None
    p_value: float | None = None
    schema: int = 1


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False)
class Stratum(Record):
    """Part of the forgotten records.

    Parameters
    ----------
    kind, name : str
        "memorisation", "class" or "group", and which.
    n_forgotten : int
    auc : Figure
        Of these records against the held-out ones (of the same class or group).
    p_corrected : float
        Two-sided rank among the references, corrected for the number of strata (single-step max-T).
    schema : int
        Of this form of the record.
    """

    kind: str
    name: str
    n_forgotten: int
    auc: Figure
    p_corrected: float
    schema: int = 1


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False)
class WorstRecord(Record):
    """A forgotten record that stands out.

    Parameters
    ----------
    pseudonym : str
    z : float
        Standard deviations above the retrained references.
    log_ratio : float or None
        Since schema 2. LiRA's log-likelihood ratio "trained on it" against "not" of this one answer, in nats: a point
        estimate of its privacy loss, and no bound on an epsilon.
    epsilon : float or None
        The same number in records of schema 1, under a name that promised more; None since.
    schema : int
        Of this form of the record.
    """

    pseudonym: str
    z: float
    epsilon: float | None = None
    log_ratio: float | None = None
    schema: int = 2

    _schema: ClassVar[int] = 2

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> WorstRecord:
        """From plain data; the number of schema 1 is also found under its present name."""
        record: WorstRecord = super().from_dict(data)
        return dataclasses.replace(record, log_ratio=record.epsilon) if record.schema == 1 else record


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False)
class AuditReport(Record):
    """The verdict with its numbers, and what it could not have seen.

    Parameters
    ----------
    verdict : {"forgotten", "not forgotten", "over-forgotten", "cannot tell"}
    sentence : str
        The verdict for someone who is no statistician.
    reasons : tuple of str
        How the rule came to it, step by step.
    unseen : tuple of str
        What this audit cannot see.
    notes : tuple of str
    alpha : float
        Chance to accuse a retrained model, at most.
    n_forgotten, n_held_out, n_retrains, n_unforgotten : int
        Records of both kinds; references trained without the forget set, and with it.
    p_not_forgotten, p_over_forgotten : float or None
        Of all deciding attacks together.
    power : Figure
        Share of do-nothing references that the verdict catches.
    epsilon : Figure
        Lower bound on the privacy loss that the best attack shows.
    attacks : tuple of AttackResult
    strata : tuple of Stratum
    worst : tuple of WorstRecord
    metrics : tuple of Metric
        Since schema 2. Distances and tests that do not decide.
    curves : dict
        Points of the ROC curves and of the score distributions, for pictures. What is ``log_ratio`` was ``epsilon``
        before schema 3.
    version : str
        Of the library.
    schema : int
        Of this form of the record.

    Examples
    --------
    >>> AuditReport.from_json(AuditReport(verdict="cannot tell", sentence="Too few references.").to_json()).verdict
    'cannot tell'
    """

    verdict: Verdict
    sentence: str
    reasons: tuple[str, ...] = ()
    unseen: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    alpha: float = 0.05
    n_forgotten: int = 0
    n_held_out: int = 0
    n_retrains: int = 0
    n_unforgotten: int = 0
    p_not_forgotten: float | None = None
    p_over_forgotten: float | None = None
    power: Figure = Figure(refusal="No do-nothing references were given.")
    epsilon: Figure = Figure(refusal="Not measured.")
    attacks: tuple[AttackResult, ...] = ()
    strata: tuple[Stratum, ...] = ()
    worst: tuple[WorstRecord, ...] = ()
    curves: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    version: str = ""
    metrics: tuple[Metric, ...] = ()
    schema: int = 3

    _schema: ClassVar[int] = 3
    #: Fields that hold records.
    _parts: ClassVar[dict[str, type[Record]]] = {
        "attacks": AttackResult, "strata": Stratum, "worst": WorstRecord, "metrics": Metric,
    }  # fmt: skip

    def __post_init__(self) -> None:
        check_choice("verdict", self.verdict, get_args(Verdict))

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> AuditReport:
        """From plain data; a schema number newer than this code knows is refused."""
        values = dict(data)
        for name, kind in cls._parts.items():
            values[name] = tuple(_with_figures(kind, part) for part in values.get(name, ()))
        values.update({name: Figure.from_dict(values[name]) for name in ("power", "epsilon") if name in values})
        report: AuditReport = super().from_dict(values)
        return report

    def to_json(self) -> str:
        """One JSON object; a number that is not finite becomes null."""
        return json.dumps(_finite(self.to_dict()), indent=2, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> AuditReport:
        """The report that :meth:`to_json` wrote.

        Raises
        ------
        InvalidParameterError
            The text is no audit report.
        NewerFormatError
            A later version wrote it.
        """
        try:
            data = json.loads(text)
        except ValueError as error:
            raise InvalidParameterError("This is no audit report: it is no JSON.") from error
        if not isinstance(data, dict):
            raise InvalidParameterError("This is no audit report: it is no JSON object.")
        return cls.from_dict(data)

    def figures(self) -> dict[str, Any]:
        """What of it may stand in a receipt; see :func:`expunge.audit.figures.figures_of`."""
        from expunge.audit.figures import figures_of

        return figures_of(self)

    def lines(self) -> list[str]:
        """The verdict, how the rule came to it, and what is to be noted."""
        return [f"{self.verdict.capitalize()}. {self.sentence}", *self.reasons, *self.notes]

    def save(self, path: str | Path) -> Path:
        """Write ``.json``, or a page for people where the name ends in ``.html``.

        Raises
        ------
        FileNotUsableError
            The file cannot be written.
        """
        from expunge.audit.page import report_html

        path = check_path(path)
        text = report_html(self) if path.suffix == ".html" else self.to_json()
        return write_whole(path, lambda stream: stream.write(text.encode()), for_others=True)

    def __repr__(self) -> str:
        return f"{self.verdict}: {self.sentence}"

    __str__ = __repr__


def _with_figures(kind: type[Record], data: Any) -> Any:
    if isinstance(data, kind):
        return data
    values = {k: Figure.from_dict(v) if isinstance(v, Mapping) else v for k, v in data.items()}
    return kind.from_dict(values)


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _finite(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value

"""Numbers and names as the report shows them."""

from __future__ import annotations

from expunge.audit.statistics import Interval
from expunge.errors import ExpungeError
from expunge.lab.methods import check_method
from expunge.lab.summary import Ratio
from expunge.lab.tasks import TASKS
from expunge.quantities import share_text

__all__ = [
    "AXES",
    "CARDS",
    "HEADINGS",
    "gap",
    "interval",
    "method_text",
    "ratio",
    "unit_of",
]

#: Columns of a leaderboard.
HEADINGS = (
    "method", "guarantee", "audit says", "retain gap", "forget gap", "test gap", "attack AUC", "mean gap",
    "records read", "time", "storage",
)  # fmt: skip

#: Cards of a method: name, score, scale, and what it says.
CARDS = (
    ("mean gap", "mean_gap", 100.0, "points; mean of four absolute gaps to the references"),
    ("forget gap", "forget_gap", 100.0, "points on the forgotten records, beyond the references"),
    ("retain gap", "retain_gap", 100.0, "points on the retained records, beyond the references"),
    ("test gap", "test_gap", 100.0, "points on test records, beyond the references"),
    ("attack", "attack_auc", 1.0, "LiRA: chance that a forgotten record looks more like a member than a held-out one"),
    (
        "distance",
        "js_forget",
        1.0,
        "bits of Jensen-Shannon divergence to the retrain of the same seed, forgotten records",
    ),
    ("records read", "work_share", 100.0, "per cent of a retrain"),
)

#: What the axes of pictures say.
AXES = {
    "work_share": "records read, in retrains", "test_accuracy": "test accuracy",
    "js_forget": "distance on the forget set", "changed_most": "largest change of an answer",
}  # fmt: skip


def interval(value: Interval | None, scale: float = 1.0) -> str:
    """A mean with its interval.

    Examples
    --------
    >>> interval(Interval(0.5, 0.25, 0.75)), interval(None)
    ('0.500 [0.250, 0.750]', '—')
    """
    if value is None:
        return "—"
    mean, low, high = (x * scale for x in value)
    digits = 2 if scale > 1 else 3
    return f"{mean:.{digits}f}" if low == high else f"{mean:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"


def gap(value: Interval | None, scale: float = 100.0) -> str:
    """A signed mean with its interval; in points of quality, hundredths."""
    if value is None:
        return "—"
    mean, low, high = (x * scale for x in value)
    digits = 1 if scale > 1 else 3
    return f"{mean:+.{digits}f}" if low == high else f"{mean:+.{digits}f} [{low:+.{digits}f}, {high:+.{digits}f}]"


def ratio(value: Ratio | None) -> str:
    """Times of a retrain: median and range."""
    if value is None:
        return "—"
    text = share_text(value.value)
    return text if value.low == value.high else f"{text} ({share_text(value.low)} to {share_text(value.high)})"


def unit_of(measure: str) -> str:
    """What quality is counted in, for people.

    Examples
    --------
    >>> unit_of("r2"), unit_of("accuracy"), unit_of("mine")
    ('R²', 'accuracy', 'mine')
    """
    return next((task.unit for task in TASKS.values() if task.measure == measure), measure)


def method_text(name: str) -> str:
    """What a method is; empty for one that is no longer there."""
    try:
        return check_method(name)[0].what
    except ExpungeError:
        return ""

"""What of a report may stand in a receipt: numbers and words about the whole set, nothing about one record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from expunge.audit.report import AuditReport, Figure

__all__ = ["figures_of"]

_SCHEMA = 1


def figures_of(report: AuditReport) -> dict[str, Any]:
    """The figures of a report as plain data without floating-point numbers.

    Parameters
    ----------
    report : AuditReport

    Returns
    -------
    dict
        Of None, bool, int, str, and lists and dicts of them. A number that is no count is a text of six significant
        digits. Scores, curves, pseudonyms, classes and subgroups stay out: a receipt is handed on, and what stands out
        about one record is no business of whoever verifies it.

    Examples
    --------
    >>> from expunge.audit import AuditReport
    >>> figures_of(AuditReport(verdict="cannot tell", sentence="Too few references.", n_forgotten=3))["verdict"]
    'cannot tell'
    """
    return {
        "schema": _SCHEMA,
        "verdict": report.verdict,
        "sentence": report.sentence,
        "alpha": _text(report.alpha),
        **{name: getattr(report, name) for name in ("n_forgotten", "n_held_out", "n_retrains", "n_unforgotten")},
        "p_not_forgotten": _text(report.p_not_forgotten),
        "p_over_forgotten": _text(report.p_over_forgotten),
        "power": _interval(report.power),
        "epsilon_low": _text(report.epsilon.low),
        "attacks": {
            attack.name: {
                "auc": _interval(attack.auc), "null_low": _text(attack.null_low), "null_high": _text(attack.null_high),
                "p_corrected": _text(attack.p_corrected), "decides": attack.decides,
            }
            for attack in report.attacks
        },
        "version": report.version,
    }  # fmt: skip


def _interval(figure: Figure) -> dict[str, Any] | None:
    if figure.value is None:
        return None
    return {
        "value": _text(figure.value), "low": _text(figure.low), "high": _text(figure.high),
        "confidence": _text(figure.confidence),
    }  # fmt: skip


def _text(number: float | None) -> str | None:
    """Six significant digits; None where there is no finite number."""
    return None if number is None or not -1e300 < number < 1e300 else f"{number:.6g}"

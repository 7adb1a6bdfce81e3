"""Says at the end of a run how much of the contract was tried, also when the tests ran in several processes."""

from __future__ import annotations

from collections import Counter


def pytest_terminal_summary(terminalreporter):
    reports = [r for outcome in ("passed", "failed") for r in terminalreporter.stats.get(outcome, [])]
    properties = [dict(getattr(report, "user_properties", ())) for report in reports]
    found = [one["contract"] for one in properties if "contract" in one]
    if not found:
        return
    methods, checks = {one["method"] for one in found}, max(one["checks"] for one in found)
    statuses = Counter(status for one in found for status in one["statuses"])
    told = ", ".join(f"{count} {status}" for status, count in sorted(statuses.items()))
    ran = statuses.total() - statuses["skipped"]
    terminalreporter.write_sep("-", "contract")
    terminalreporter.write_line(
        f"{len(methods)} methods in {len(found)} instances × {checks} checks = {statuses.total()}; {ran} ran ({told})"
    )
    slowest = max(found, key=lambda one: one["seconds"])
    terminalreporter.write_line(f"slowest: {slowest['instance']}, {slowest['seconds']:.1f} s")

"""All short benchmarks, into benchmarks/results.md.

python benchmarks/run.py [name ...]
"""

from __future__ import annotations

import importlib
import sys
import time
from pathlib import Path

NAMES = (
    "startup", "sums", "pipelines", "categories", "fourier", "sisa", "modular", "forest", "receipts", "workspace",
    "audit", "certified", "private", "influence", "text", "questions", "neighbours", "clusters", "anomaly",
)  # fmt: skip


def main() -> None:
    here = Path(__file__).parent
    parts = ["# Measured\n\nMade by `make bench`: medians with their range, ratios within one run, misses too.\n"]
    for name in sys.argv[1:] or NAMES:
        start = time.perf_counter()
        part = importlib.import_module(name)
        text = part.main(*getattr(part, "SHORT", ()))
        print(text, f"[{name}: {time.perf_counter() - start:.0f} s]\n", sep="\n", flush=True)
        parts.append(text)
    if len(parts) > len(NAMES):
        (here / "results.md").write_text("\n".join(parts), encoding="utf-8")


if __name__ == "__main__":
    main()

"""Benchmarks in turn; the short ones, into benchmarks/results.md.

python benchmarks/run.py               the short ones
python benchmarks/run.py name ...      these, printed; ``long`` for all that take longer
"""

from __future__ import annotations

import importlib
import sys
import time
from pathlib import Path

#: What `make bench` runs: a script, or the parts of it that its SHORT names.
NAMES = (
    "startup", "sums", "pipelines", "categories", "fourier", "sisa", "modular", "forest", "receipts", "workspace",
    "audit", "certified", "private", "influence", "text", "questions", "neighbours", "clusters", "anomaly", "recommend",
)  # fmt: skip

#: What takes longer, and why; `make bench ARGS="tables language"`.
LONG = {
    "advise": "600 deletions one after another, from models of whole tables",
    "audit_real": "some hundred references for each of six tasks; writes docs/audit.md with --write",
    "certified_data": "six methods on people and texts, and a network with a certificate",
    "forest_quality": "five splits and five seeds of each data set with --full; without it two splits of digits",
    "language": "trains a language model for some minutes for each of three draws; writes docs/language.md",
    "networks": "trains convolutional networks",
    "networks_limits": "trains some dozen networks; draws docs/networks.png",
    "networks_replay": "trains a network six times and replays the training for each who leaves",
    "private_attacks": "some hundred private models, attacked",
    "tables": "three models on five tables; writes docs/tables.md",
}

#: What the scripts share; nothing to run.
SHARED = ("forest_page", "measure", "pieces", "real_tables", "run", "shares")


def main() -> None:
    here = Path(__file__).parent
    parts = ["# Measured\n\nMade by `make bench`: medians with their range, ratios within one run, misses too.\n"]
    asked = [one for name in sys.argv[1:] for one in (LONG if name == "long" else [name])]
    for name in asked or NAMES:
        start = time.perf_counter()
        part = importlib.import_module(name)
        text = part.main(*getattr(part, "SHORT", ()))
        print(text, f"[{name}: {time.perf_counter() - start:.0f} s]\n", sep="\n", flush=True)
        parts.append(text)
    if not asked:
        (here / "results.md").write_text("\n".join(parts), encoding="utf-8")


if __name__ == "__main__":
    main()

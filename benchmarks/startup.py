"""How long one waits for `import expunge` and `expunge --help`, beside Python itself.

python benchmarks/startup.py
"""

from __future__ import annotations

import statistics
import subprocess
import sys

from measure import in_turn, machine, middle, table


def main() -> str:
    def run(*command: str) -> None:
        subprocess.run(command, check=True, capture_output=True)

    times = in_turn(
        {
            "python -c pass": lambda: run(sys.executable, "-c", "pass"),
            "import expunge": lambda: run(sys.executable, "-c", "import expunge"),
            "expunge --help": lambda: run(sys.executable, "-m", "expunge", "--help"),
        },
        repeats=9,
    )
    bare = statistics.median(times["python -c pass"])
    rows = []
    for name, target in (("import expunge", 0.3), ("expunge --help", 0.5)):
        spent = statistics.median(times[name])
        rows.append(
            [name, middle(times[name]), f"{spent - bare:.3f} s", f"{target} s", "yes" if spent < target else "no"]
        )
    note = f"Whole processes; bare Python takes {middle(times['python -c pass'])}. Measured on {machine()}."
    return table("Starting", ["what", "whole process", "above bare Python", "target", "met"], rows, note)


if __name__ == "__main__":
    print(main())

"""The command ``expunge``, and ``python -m expunge``. It imports the rest inside, where Ctrl-C is one sentence."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """Entry point of the command ``expunge``."""
    try:
        from expunge.cli import main as run

        run()
    except KeyboardInterrupt:  # while the commands were imported: they tell of any later one themselves
        import signal

        signal.signal(signal.SIGINT, signal.SIG_IGN)
        from expunge.cli.output import show_interrupted

        sys.exit(show_interrupted(as_json="--json" in sys.argv))


if __name__ == "__main__":
    main()

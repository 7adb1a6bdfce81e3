"""The advice as one HTML file that needs nothing else."""

from __future__ import annotations

import base64
import importlib.resources
from pathlib import Path

from expunge.errors import FileNotUsableError, InvalidParameterError
from expunge.files.whole import write_whole
from expunge.quantities import duration_text
from expunge.workspace.advice.advice import COLUMNS, Advice
from expunge.workspace.advice.picture import draw_png, write_png

__all__ = ["check_files", "page_html", "write_files"]


def _write_page(advice: Advice, path: str | Path) -> Path:
    """Write the page to a file whose name ends in ``.html``; one that is there is replaced.

    Raises
    ------
    InvalidParameterError
        Another ending.
    FileNotUsableError
        The file cannot be written.
    """
    path = Path(path)
    check_files(None, path)
    text = page_html(advice)
    return write_whole(path, lambda stream: stream.write(text.encode("utf-8")))


def page_html(advice: Advice) -> str:
    """The whole page; style and picture are in it, and no value of a record."""
    import jinja2

    from expunge import __version__

    template = importlib.resources.files("expunge.workspace.advice").joinpath("templates/advice.html")
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    picture = "data:image/png;base64," + base64.b64encode(draw_png(advice)).decode("ascii")
    measured, recommended, *others = advice.lines()
    return environment.from_string(template.read_text(encoding="utf-8")).render(
        advice=advice, recommended=recommended, lines=[measured, *others], columns=COLUMNS, rows=advice.rows(),
        picture=picture, deadline=duration_text(advice.question.deadline_s), version=__version__,
    )  # fmt: skip


def check_files(plot: Path | None, html: Path | None) -> None:
    """Refuse names of files that could not be written, before anything is measured.

    Raises
    ------
    InvalidParameterError
        A wrong ending.
    FileNotUsableError
        There is no such folder, or the name is that of a folder.
    """
    for path, endings in ((plot, (".png",)), (html, (".html", ".htm"))):
        if path is None:
            continue
        if path.suffix.lower() not in endings:
            raise InvalidParameterError(f"{str(path)!r} does not end in {endings[0]}.", hint="Give it that ending.")
        if not path.absolute().parent.is_dir() or path.is_dir():
            raise FileNotUsableError(f"{str(path)!r} cannot be written.", hint="Give a file in a folder that exists.")


def write_files(advice: Advice, plot: Path | None, html: Path | None) -> list[str]:
    """Write what was asked for; a sentence for each file."""
    written = [write(advice, path) for write, path in ((write_png, plot), (_write_page, html)) if path is not None]
    return [f"Wrote {path}." for path in written]

"""Build the documentation as a static site: the pages under ``docs/`` and the reference from the docstrings.

``python docs/build.py FOLDER`` needs the extra ``docs`` and no network. A link between pages that leads nowhere is an
error.
"""

from __future__ import annotations

import html
import itertools
import re
import shutil
import sys
import warnings
from pathlib import Path
from typing import Any

import jinja2
import pdoc
import pdoc.render
from markdown_it import MarkdownIt
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
#: Files outside docs/ that are pages too, and where they go.
MORE = {"CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changes.md"}
COPIED = (".png", ".svg", ".csv", ".json")

TEMPLATE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ title }}{% if title != "expunge" %} · expunge{% endif %}</title>
<style>
body { margin: 0; font: 16px/1.55 system-ui, sans-serif; color: #1d2129; background: #fff; display: flex; }
nav { flex: 0 0 15rem; padding: 1.5rem; background: #f5f6f8; min-height: 100vh; box-sizing: border-box; }
nav a { display: block; padding: .1rem 0; } nav p { margin: 1rem 0 .2rem; font-weight: 600; }
main { flex: 1; min-width: 0; max-width: 54rem; padding: 1.5rem 2.5rem; }
a { color: #0b57b0; text-decoration: none; } a:hover { text-decoration: underline; } a[aria-current] { color: inherit; }
pre { background: #f5f6f8; padding: .8rem 1rem; overflow-x: auto; } code { font-size: .9em; }
table { border-collapse: collapse; display: block; overflow-x: auto; }
th, td { border: 1px solid #d5d9e0; padding: .3rem .6rem; text-align: left; vertical-align: top; }
@media (max-width: 50rem) { body { display: block; } nav { min-height: 0; } main { padding: 1rem; } }
{{ css }}
</style>
</head>
<body>
<nav>
{% for folder, entries in menu.items() %}{% if folder %}<p>{{ folder }}</p>{% endif %}
{% for name, link in entries %}
<a href="{{ up }}{{ link }}"{% if link == here %} aria-current="page"{% endif %}>{{ name }}</a>
{% endfor %}{% endfor %}
<p>Reference</p><a href="{{ up }}reference/expunge.html">every module</a>
</nav>
<main>
{{ body }}
</main>
</body>
</html>
"""


def pages() -> dict[str, Path]:
    """Place in the site, with the suffix .md, and source of every page; the start page first."""
    found = {path.relative_to(DOCS).as_posix(): path for path in DOCS.rglob("*.md")}
    found |= {place: ROOT / name for name, place in MORE.items() if (ROOT / name).is_file()}
    return dict(sorted(found.items(), key=lambda item: ("/" in item[0], item[0] != "index.md", item[0])))


def title_of(text: str) -> str:
    """The first heading of a page."""
    found = re.search(r"^# (.+)$", text, flags=re.MULTILINE)
    return found[1].replace("`", "").strip() if found else "untitled"


def _colour(code: str, language: str, _: str) -> str:
    try:
        lexer = get_lexer_by_name(language)
    except ClassNotFound:
        return html.escape(code)
    return str(highlight(code, lexer, HtmlFormatter(nowrap=True)))


def to_html(text: str) -> str:
    """Markdown to HTML: headings get anchors, links to pages lead to their HTML."""
    markdown = MarkdownIt("commonmark", {"highlight": _colour, "html": True}).enable(["table", "strikethrough"])
    tokens = markdown.parse(text)
    for token, inline in itertools.pairwise(tokens):
        if token.type == "heading_open":
            token.attrSet("id", re.sub(r"[^\w]+", "-", inline.content.lower()).strip("-"))
    for token in tokens:
        for child in token.children or ():
            target = child.attrGet("href")
            if child.type == "link_open" and isinstance(target, str) and "://" not in target:
                child.attrSet("href", re.sub(r"\.md(?=$|#)", ".html", target.removeprefix("docs/")))
    return str(markdown.renderer.render(tokens, markdown.options, {}))


def write_pages(site: Path) -> None:
    """Render every page and copy the pictures."""
    found = pages()
    texts = {place: path.read_text(encoding="utf-8") for place, path in found.items()}
    menu: dict[str, list[tuple[str, str]]] = {}
    for place, text in texts.items():
        folder = place.rpartition("/")[0]
        menu.setdefault(folder.capitalize(), []).append((title_of(text), place.removesuffix(".md") + ".html"))
    template = jinja2.Environment(autoescape=False).from_string(TEMPLATE)  # noqa: S701 - our own pages
    css = HtmlFormatter(style="friendly").get_style_defs("pre")
    for place, text in texts.items():
        here = place.removesuffix(".md") + ".html"
        target = site / here
        target.parent.mkdir(parents=True, exist_ok=True)
        values: dict[str, Any] = {"title": title_of(text), "menu": menu, "here": here, "css": css}
        page = template.render(body=to_html(text), up="../" * place.count("/"), **values)
        target.write_text(page, encoding="utf-8")
    for path in DOCS.rglob("*"):
        if path.suffix in COPIED:
            target = site / path.relative_to(DOCS)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)


def write_reference(site: Path) -> None:
    """Render the docstrings of every module."""
    pdoc.render.configure(docformat="numpy", footer_text="expunge")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        pdoc.pdoc("expunge", output_directory=site / "reference")
    # Of what pdoc remarks only a module that cannot be imported leaves a hole in the reference.
    if missing := [str(warning.message) for warning in caught if str(warning.message).startswith("Error importing")]:
        raise SystemExit("\n".join(missing))


def dead_links(site: Path) -> list[str]:
    """Links and pictures of our pages that lead to no file."""
    dead = []
    for place in pages():
        page = site / (place.removesuffix(".md") + ".html")
        for link in re.findall(r'(?:href|src)="([^"#]+)(?:#[^"]*)?"', page.read_text(encoding="utf-8")):
            if not re.match(r"[a-z]+:", link) and not (page.parent / link).exists():
                dead.append(f"{place}: {link}")
    return sorted(dead)


def main(argv: list[str]) -> None:
    """Build into the folder given, which is emptied first if an earlier build made it."""
    site = Path(argv[0] if argv else ROOT / "build" / "site").resolve()
    if site.exists() and any(site.iterdir()):
        if not (site / "reference").is_dir():
            raise SystemExit(f"{site} holds something else: give an empty folder.")
        shutil.rmtree(site)
    write_reference(site)
    write_pages(site)
    if dead := dead_links(site):
        raise SystemExit("Links that lead nowhere:\n" + "\n".join(dead))
    print(f"{sum(1 for _ in site.rglob('*.html'))} pages in {site}")


if __name__ == "__main__":
    main(sys.argv[1:])

"""The site is built from the pages and the docstrings, offline, without a dead link."""

from __future__ import annotations

from pathlib import Path

from processes import call, script

ROOT = Path(__file__).parents[2]
BUILD = ROOT / "docs" / "build.py"


def build(site: Path) -> tuple[int, str]:
    return call(script, BUILD, str(site))


def test_site_holds_every_page_and_module(tmp_path: Path) -> None:
    site = tmp_path / "site"
    code, printed = build(site)
    assert code == 0, printed
    pages = {path.relative_to(ROOT / "docs").with_suffix(".html") for path in (ROOT / "docs").rglob("*.md")}
    assert {page for page in pages if not (site / page).is_file()} == set()
    for name in ("contributing.html", "changes.html", "reference/expunge/contract.html", "reference/search.js"):
        assert (site / name).is_file()
    assert "<table>" in (site / "index.html").read_text(encoding="utf-8")
    for page in site.glob("*.html"):
        assert "<script" not in page.read_text(encoding="utf-8"), page.name


def test_another_folder_is_not_emptied(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep", encoding="utf-8")
    assert build(tmp_path)[0] != 0
    assert (tmp_path / "mine.txt").read_text(encoding="utf-8") == "keep"


def test_decisions_have_their_three_parts_and_are_numbered() -> None:
    decisions = sorted((ROOT / "docs" / "design").glob("*.md"))
    assert [path.name[:4] for path in decisions] == [f"{i:04d}" for i in range(1, len(decisions) + 1)]
    for path in decisions:
        text = path.read_text(encoding="utf-8")
        assert all(f"\n## {part}\n" in text for part in ("Context", "Options", "Decision")), path.name
        assert f"design/{path.name}" in (ROOT / "docs" / "index.md").read_text(encoding="utf-8"), path.name

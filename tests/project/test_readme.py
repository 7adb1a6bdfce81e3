"""The code of the README and of every page of the documentation runs, and both languages show the same code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from processes import call
from project.pages import Block, blocks, commands, main, run_page

ROOT = Path(__file__).parents[2]
READMES = ("README.md", "README.zh-CN.md")
#: At least so many blocks of each README run: nobody can lose them without noticing.
FEWEST = 7

PAGES = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").rglob("*.md"))


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def run(page: str) -> int:
    code, printed = call(main, [str(ROOT / page)], True)
    assert code == 0, printed
    count = re.search(r"(\d+) blocks ran", printed)
    assert count
    return int(count[1])


def test_readme_runs() -> None:
    """In English; the other language shows the same code, as the next test sees."""
    assert run(READMES[0]) >= FEWEST


def test_both_languages_show_the_same_code() -> None:
    english, chinese = (
        [(block.language, block.code, block.not_run) for block in blocks(read(name))] for name in READMES
    )
    assert english == chinese


def test_both_languages_have_the_same_headings() -> None:
    levels = []
    for name in READMES:
        text = re.sub(r"^```.*?^```", "", read(name), flags=re.DOTALL | re.MULTILINE)
        levels.append([len(level) for level in re.findall(r"^(#+) ", text, flags=re.MULTILINE)])
    assert levels[0] == levels[1]


def test_pages_are_found() -> None:
    assert "docs/index.md" in PAGES


@pytest.mark.parametrize("page", PAGES)
def test_page_runs(page: str) -> None:
    if any(block.runs for block in blocks(read(page))):
        assert run(page) >= 1


def test_targets_that_pages_name_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):", read("Makefile"), flags=re.MULTILINE))
    for page in (*READMES, "CONTRIBUTING.md", *PAGES):
        named = re.findall(r"(?:^|`)make ([a-z]+)", read(page), flags=re.MULTILINE)
        assert set(named) <= targets, page
    for page in READMES:
        assert {"demo", "test"} <= set(re.findall(r"^make ([a-z]+)", read(page), flags=re.MULTILINE)), page


# ---------------------------------------------------------------- the runner itself


def test_blocks_know_their_language_line_and_reason() -> None:
    text = "text\n<!-- not run: slow -->\n\n```python\na = 1\n```\n\n  ```console\n  $ ls\n  x\n  ```\n"
    assert blocks(text) == [Block("python", "a = 1\n", 5, "slow"), Block("console", "$ ls\nx\n", 9, None)]


def test_commands_have_their_output() -> None:
    block = Block("console", "$ expunge a \\\n>   b\none\ntwo\n$ ls\n", 7)
    assert commands(block) == [(7, "expunge a \\\n  b", "one\ntwo\n"), (11, "ls", "")]


@pytest.mark.parametrize(
    ("page", "message"),
    [
        ("```python\n1 / 0\n```\n", "division by zero"),
        ("```python\n>>> 1 + 1\n3\n```\n", "something else"),
        ("```console\n$ expunge no-such-command\n```\n", "exit code"),
        ("```console\n$ echo one\ntwo\n```\n", "The page shows"),
        ("```bash\nsudo rm file\n```\n", "is no command that a page runs"),
        ("```python\n1\n", "has no end"),
    ],
)
def test_wrong_pages_fail(tmp_path: Path, page: str, message: str) -> None:
    (tmp_path / "page.md").write_text(page, encoding="utf-8")
    code, printed = call(main, [str(tmp_path / "page.md")], True)
    assert code != 0
    assert message in printed


def test_right_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    page = tmp_path / "page.md"
    page.write_text(
        "```python\na = 1\n```\n```python\n>>> a + 1\n2\n```\n"
        "```console\n$ echo done in 3.5 ms, 0f3a\ndone in 12 ms, ...\n```\n"
        "<!-- not run: it would fail -->\n```python\n1 / 0\n```\n```json\n{}\n```\n",
        encoding="utf-8",
    )
    assert run_page(page) == 3

"""What stands where: sizes and names of files, the public names, the pins, and what must not be written anywhere."""

from __future__ import annotations

import collections
import importlib
import importlib.metadata
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import expunge

ROOT = Path(__file__).parents[2]
SRC = ROOT / "src" / "expunge"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = {"all", "cluster", "dp", "postgres", "serve", "test", "torch", "tune"}

# In pieces, so that this file does not hold them.
FORBIDDEN = (
    "/wo" + "rk/", "/tmp" + "/v", "/ro" + "ot/", "/opt" + "/pypi", "index" + "-url", "find" + "-links",
    "PIP_" + "CERT", "PIP_" + "INDEX",
)  # fmt: skip


def sources() -> list[Path]:
    return sorted(SRC.rglob("*.py"))


def pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return dict(line.split("==") for line in lines if line and not line.startswith("#"))


# ---------------------------------------------------------------- files


def test_no_source_is_longer_than_it_may_be() -> None:
    """Under 400 lines; a method under 300."""
    methods = set(importlib.import_module("expunge.methods").METHODS.values())
    networks = importlib.import_module("expunge.methods.networks")
    methods |= {*networks.NETWORK_METHODS.values(), *networks.NETWORK_MODELS.values()}
    modules = {target.partition(":")[0] for target in methods}
    too_long = {}
    for path in sources():
        name = ".".join(("expunge", *path.relative_to(SRC).with_suffix("").parts))
        length = len(path.read_text(encoding="utf-8").splitlines())
        if length >= (300 if name in modules else 400):
            too_long[name] = length
    assert too_long == {}


def test_files_are_named_after_what_they_do() -> None:
    names = re.compile(r"_?(utils?|helpers?|common|misc)(\.py)?")
    folders = [ROOT / name for name in ("src", "tests", "benchmarks", "examples")]
    assert [path for folder in folders for path in folder.rglob("*") if names.fullmatch(path.name)] == []


def tracked() -> Iterator[Path]:
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("this is no git checkout")
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return (ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file())


def test_no_file_names_a_machine_or_a_registry() -> None:
    found = []
    for path in tracked():
        text = path.read_bytes().decode("utf-8", errors="replace")
        found += [f"{path.relative_to(ROOT)}: {word}" for word in FORBIDDEN if word in text]
    assert found == []


def test_no_large_file_is_tracked() -> None:
    assert [path for path in tracked() if path.stat().st_size > 500_000] == []


# ---------------------------------------------------------------- names


def test_public_names_are_sorted_and_resolve() -> None:
    names = expunge.__dir__()
    assert names == sorted(set(names))
    for name in names:
        assert getattr(expunge, name) is not None, name


def test_a_name_in_all_is_used_elsewhere() -> None:
    """Functions and values that only their own file uses are private; classes are named where they are returned."""
    folders = ("src", "tests", "docs", "examples", "benchmarks")
    files = [p for folder in folders for p in (ROOT / folder).rglob("*") if p.suffix in (".py", ".md", ".html")]
    words = {path: set(re.findall(r"\w+", path.read_text(encoding="utf-8"))) for path in files}
    often = collections.Counter(word for found in words.values() for word in found)
    lone = []
    for path in sources():
        listed = re.search(r"^__all__ = \[(.*?)\]", path.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
        names = re.findall(r'"(\w+)"', listed[1]) if listed and path.name != "__init__.py" else []
        lone += [f"{path.relative_to(SRC)}: {n}" for n in names if often[n] < 2 and (n.isupper() or not n[0].isupper())]
    assert lone == []


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = expunge.no_such_name


HEAVY = (
    "dask", "distributed", "lightgbm", "matplotlib", "numba", "numpy", "opacus", "pandas", "pyarrow", "ray", "rich",
    "scipy", "sklearn", "skops", "torch", "typer",
)  # fmt: skip


@pytest.mark.parametrize(
    "code",
    [
        "import expunge",
        "import expunge; dir(expunge)",
        "import expunge.errors",
        "from expunge.methods import method_names; method_names()",
        "from expunge.methods.networks import NETWORK_METHODS",
    ],
)
def test_names_are_listed_without_heavy_imports(code: str) -> None:
    check = f"{code}\nimport sys\nprint(*sorted(set({HEAVY!r}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_a_workspace_opens_without_what_only_its_models_need() -> None:
    check = "import sys, expunge.workspace\nprint(*sorted({'pandas', 'scipy', 'sklearn', 'torch'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_importing_everything_a_user_fits_with_brings_no_extra() -> None:
    extras = ("dask", "distributed", "fastapi", "lightgbm", "opacus", "optuna", "psycopg", "ray", "skorch", "torch")
    check = (
        "import sys, expunge\nfrom expunge.methods import METHODS\n"
        "[getattr(expunge, name) for name in dir(expunge) if name in METHODS]\n"
        f"print(*sorted(set({extras!r}) & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


# ---------------------------------------------------------------- metadata and pins


def test_extras_exist() -> None:
    assert set(PROJECT["optional-dependencies"]) >= EXTRAS
    assert set(importlib.metadata.metadata("expunge").get_all("Provides-Extra") or ()) >= EXTRAS


def test_extra_all_holds_every_extra_of_users() -> None:
    (everything,) = PROJECT["optional-dependencies"]["all"]
    assert Requirement(everything).extras == EXTRAS - {"all", "test"}


def test_torch_is_no_dependency_of_the_core() -> None:
    names = {Requirement(text).name for text in PROJECT["dependencies"]}
    assert names.isdisjoint({"torch", "skorch", "opacus", "ray", "dask", "fastapi"})


def test_every_pin_is_exact_and_sorted() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    lines = [line for line in lines if not line.startswith("#")]
    assert [line for line in lines if not re.fullmatch(r"[a-z0-9-]+==[0-9][0-9a-z.]*", line)] == []
    assert list(pins()) == sorted(pins())
    assert len(pins()) == len(lines)


def test_every_requirement_has_a_pin_it_allows() -> None:
    texts = [*PROJECT["dependencies"], *(t for extra in PROJECT["optional-dependencies"].values() for t in extra)]
    for requirement in map(Requirement, texts):
        if requirement.name != "expunge":
            assert requirement.specifier.contains(pins()[canonicalize_name(requirement.name)]), requirement


def needed() -> Iterator[str]:
    """Names of everything that is installed because of us. What torch needs depends on the device and is not pinned."""
    todo, seen = [("expunge", frozenset({"all", "test"}))], set()
    while todo:
        name, extras = todo.pop()
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        if name != "expunge":
            yield name
        if name == "torch":
            continue
        for text in importlib.metadata.requires(name) or ():
            requirement = Requirement(text)
            if requirement.marker is None or any(requirement.marker.evaluate({"extra": e}) for e in (*extras, "")):
                todo.append((canonicalize_name(requirement.name), frozenset(requirement.extras)))


def test_everything_that_is_installed_is_pinned() -> None:
    try:
        names = sorted(set(needed()))
    except importlib.metadata.PackageNotFoundError as error:
        pytest.skip(f"not all extras are installed: {error}")
    assert [name for name in names if name not in pins()] == []
    installed = {name: importlib.metadata.version(name).partition("+")[0] for name in names}
    assert {name: version for name, version in installed.items() if version != pins()[name]} == {}

"""A wheel and an sdist are built, and each works in an environment that holds what it declares and nothing else."""

from __future__ import annotations

import email
import importlib.metadata
import os
import subprocess
import sys
import tarfile
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import expunge

ROOT = Path(__file__).parents[2]


def run(*command: str | Path, folder: Path) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "EXPUNGE"))}
    done = subprocess.run(
        [str(part) for part in command], cwd=folder, env=environment | {"NO_COLOR": "1"}, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist, and the wheel that was built from the sdist."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT, folder=folder)
    return folder


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    (path,) = built.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def sdist(built: Path) -> Path:
    (path,) = built.glob("*.tar.gz")
    return path


def declared(names: list[str]) -> Iterator[importlib.metadata.Distribution]:
    """The distributions that these need, without extras of ours, and so on."""
    todo, seen = [Requirement(name) for name in names], set()
    while todo:
        requirement = todo.pop()
        key = (requirement.name, frozenset(requirement.extras))
        if key in seen:
            continue
        seen.add(key)
        found = importlib.metadata.distribution(requirement.name)
        yield found
        for other in map(Requirement, found.requires or ()):
            if other.marker is None or any(other.marker.evaluate({"extra": e}) for e in (*requirement.extras, "")):
                todo.append(other)


def light_environment(folder: Path, names: list[str]) -> Path:
    """An environment with these distributions and what they declare, linked instead of installed; its Python."""
    venv.EnvBuilder(with_pip=False, symlinks=os.name == "posix").create(folder)
    python = folder / "bin" / "python"
    site = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", folder=folder).strip())
    for distribution in declared(names):
        for file in distribution.files or ():
            top = file.parts[0]
            link = site / top
            if top not in ("..", "__pycache__") and not link.exists():
                link.symlink_to(Path(str(distribution.locate_file(top))).resolve())
    return python


def install(python: Path, archive: Path) -> None:
    run(
        sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", python, "install", "--quiet",
        "--no-deps", "--no-index", "--no-build-isolation", archive, folder=archive.parent,
    )  # fmt: skip


def core() -> list[str]:
    texts = map(Requirement, importlib.metadata.requires("expunge") or ())
    return [str(r).partition(";")[0] for r in texts if r.marker is None or r.marker.evaluate({"extra": ""})]


@pytest.fixture(scope="module")
def light(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment that has the wheel and no extra."""
    python = light_environment(tmp_path_factory.mktemp("light"), core())
    install(python, wheel)
    return python


def test_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (metadata,) = (email.message_from_bytes(archive.read(n)) for n in names if n.endswith("/METADATA"))
    assert "expunge/py.typed" in names
    assert {name.split("/")[0] for name in names} == {"expunge", f"expunge-{expunge.__version__}.dist-info"}
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert [name for name in names if "test_" in name or name.endswith((".pyc", ".nbi", ".nbc"))] == []
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["Requires-Python"] == ">=3.11"


def test_wheel_holds_every_file_of_the_sources(wheel: Path) -> None:
    source = ROOT / "src"
    files = {path for path in source.rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    with zipfile.ZipFile(wheel) as archive:
        assert {path.relative_to(source).as_posix() for path in files} <= set(archive.namelist())


def test_sdist_holds_the_tests_the_pages_and_the_pins(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert names >= {
        "LICENSE", "Makefile", "README.md", "README.zh-CN.md", "constraints.txt", "docs/index.md", "pyproject.toml",
        "src/expunge/py.typed", "tests/project/test_package.py",
    }  # fmt: skip
    assert [name for name in names if name.startswith((".venv", "build/", ".git/"))] == []


def test_wheel_works_with_what_it_declares(light: Path, tmp_path: Path) -> None:
    shown = run(light, "-c", "import expunge; print(expunge.__version__, expunge.__file__)", folder=tmp_path)
    version, file = shown.split(maxsplit=1)
    assert version == expunge.__version__
    assert Path(file).is_relative_to(light.parents[1]), "the wheel is tested, not the sources"


def test_command_line_works_without_extras(light: Path, tmp_path: Path) -> None:
    assert "forget" in run(light.with_name("expunge"), "--help", folder=tmp_path)


def test_demo_works_without_extras(light: Path, tmp_path: Path) -> None:
    assert run(light.with_name("expunge"), "demo", folder=tmp_path).strip()


def test_methods_work_without_extras(light: Path, tmp_path: Path) -> None:
    code = (
        "import importlib.util, expunge\n"
        "assert importlib.util.find_spec('torch') is None\n"
        "from sklearn.datasets import load_wine\n"
        "from sklearn.tree import DecisionTreeClassifier\n"
        "X, y = load_wine(return_X_y=True)\n"
        "model = expunge.RetrainClassifier(DecisionTreeClassifier()).fit(X, y)\n"
        "print(model.forget([3, 4]).guarantee.kind)"
    )
    assert run(light, "-c", code, folder=tmp_path).split() == ["exact"]


def test_sdist_installs(sdist: Path, tmp_path: Path) -> None:
    python = light_environment(tmp_path / "environment", ["hatchling"])
    install(python, sdist)
    shown = run(python, "-c", "import expunge; print(expunge.__version__)", folder=tmp_path)
    assert shown.strip() == expunge.__version__

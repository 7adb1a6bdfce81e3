"""Files load forever: models of every format, as they were written, still load, predict and forget."""

from __future__ import annotations

import json
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import expunge
from expunge.digest import arrays
from expunge.errors import NewerFormatError, UnsupportedEstimatorError, UnsupportedRequestError
from expunge.files import archive, migrations, storage
from expunge.methods import METHODS, find_method
from expunge.workspace.tabular.catalogue import wraps_estimator
from golden.cases import FOLDER, GONE, SPECIAL, cases, data, fingerprint, outputs

FORMATS = sorted(FOLDER.glob("format-*"), key=lambda path: int(path.name.removeprefix("format-")))
EXPECTED = {
    (folder.name, name): expected
    for folder in FORMATS
    for name, expected in json.loads((folder / "expected.json").read_text(encoding="utf-8")).items()
}
NATIVE = [key for key, expected in EXPECTED.items() if not wraps_estimator(expected["method"])]
#: Those whose state is trained in floats, and so has other bits on other machines.
IN_FLOATS = {"ALS", "ShardedBPR"}
#: Those that refuse an export, for it would hold training rows, have none.
EXPORTS = [key for key in EXPECTED if (FOLDER / key[0] / f"{key[1]}.export.expunge").exists()]
every_golden = pytest.mark.parametrize("key", EXPECTED, ids="/".join)
every_native = pytest.mark.parametrize("key", NATIVE, ids="/".join)


def load(key: tuple[str, str], suffix: str = "") -> Any:
    """A golden model. One of another version of scikit-learn says so, or is refused with that reason."""
    path = FOLDER / key[0] / f"{key[1]}{suffix}.expunge"
    is_other = EXPECTED[key]["fingerprint"]["scikit-learn"] != fingerprint()["scikit-learn"]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            model = expunge.load(path)
        except UnsupportedEstimatorError as error:
            if is_other and key not in NATIVE and "were made with" in str(error):
                pytest.skip(str(error))
            raise
    if key not in NATIVE:
        assert any("were made with" in str(w.message) for w in caught) == is_other
    return model


def agree(key: tuple[str, str], found: Any, expected: Any) -> None:
    """Bit for bit on the machine it was written on, else to a tolerance: matrix products differ between processors."""
    if EXPECTED[key]["fingerprint"] == fingerprint():
        assert found == expected
        return
    assert found.keys() == expected.keys()
    for name, values in found.items():
        pairs = zip(_flat(values), _flat(expected[name]), strict=True)
        for a, b in pairs:
            assert a == b or float.fromhex(a) == pytest.approx(float.fromhex(b), rel=1e-6, abs=1e-9), name


def _flat(value: Any) -> Iterator[Any]:
    if isinstance(value, list):
        for item in value:
            yield from _flat(item)
    else:
        yield value


def rows_of(key: tuple[str, str], model: Any) -> Any:
    return data(model, EXPECTED[key]["table"])["X"]


def test_there_is_a_folder_for_each_format() -> None:
    assert [folder.name for folder in FORMATS] == [f"format-{i}" for i in range(1, archive.FORMAT + 1)]
    assert sorted(migrations.MIGRATIONS) == list(range(1, archive.FORMAT))


def test_every_method_has_a_golden_model_in_the_format_of_today() -> None:
    held = {name for folder, name in EXPECTED if folder == FORMATS[-1].name}
    methods = {EXPECTED[FORMATS[-1].name, name]["method"] for name in held}
    missing = sorted({*METHODS} - methods - {type(case.model).__name__ for case in cases().values()})
    assert not missing, f"give them a case in tests/golden/cases.py: {missing}"
    assert not SPECIAL - methods
    missing = sorted(cases().keys() - held)
    assert not missing, f"run PYTHONPATH=tests python tests/golden/make.py, which writes {missing}"


@every_golden
def test_a_golden_model_is_what_it_was(key: tuple[str, str]) -> None:
    expected, model = EXPECTED[key], load(key)
    assert model.digest() == expected["digest"]
    agree(key, outputs(model, rows_of(key, model)), expected["outputs"])


@every_golden
def test_a_golden_model_forgets(key: tuple[str, str]) -> None:
    """The state it then has is the one that a fit without the record had when the file was written.

    Where the guarantee is not ``exact``, it is the one that forgetting gave then.
    """
    expected, model = EXPECTED[key], load(key)
    removal = model.forget(GONE)
    assert removal.n_forgotten == 1
    is_exact = key in NATIVE and removal.guarantee.kind == "exact" and expected["method"] not in IN_FLOATS
    if is_exact or expected["fingerprint"] == fingerprint():  # integers are the same on all machines
        assert model.digest() == expected["digest_after"]
    agree(key, outputs(model, rows_of(key, model)), expected["outputs_after"])


@every_golden
def test_a_golden_export_predicts_what_it_did(key: tuple[str, str]) -> None:
    if key not in EXPORTS:
        with pytest.raises(UnsupportedRequestError, match="training rows"):
            load(key).export(FOLDER / "never")
        return
    export = load(key, ".export")
    agree(key, outputs(export, rows_of(key, export)), EXPECTED[key]["outputs"])
    with pytest.raises(expunge.ExpungeError, match="This is an export"):
        export.forget(GONE)


@every_golden
def test_a_golden_model_is_written_as_it_was(key: tuple[str, str], tmp_path: Path) -> None:
    """As long as its format is that of today: so nothing that is written may change without a new format."""
    if key[0] != FORMATS[-1].name or (key not in NATIVE and EXPECTED[key]["fingerprint"] != fingerprint()):
        pytest.skip("written in an earlier format, or by other versions of the libraries")
    model = load(key)
    assert model.save(tmp_path / "m").read_bytes() == (FOLDER / key[0] / f"{key[1]}.expunge").read_bytes()
    if key in EXPORTS and EXPECTED[key]["fingerprint"] == fingerprint():  # floats of a solution are the machine's
        exported = model.export(tmp_path / "e").read_bytes()
        assert exported == (FOLDER / key[0] / f"{key[1]}.export.expunge").read_bytes()


# ---------------------------------------------------------------- exports


#: Labels of classes and categories; and frequencies, which are drawn from the seed.
IN_BOTH = ("classes", "categories", "frequencies")
#: Arrays of the nodes of trees: they are what predicts.
NODES = ("feature", "threshold", "right", "count", "size")


@pytest.mark.parametrize("key", [key for key in NATIVE if key in EXPORTS], ids="/".join)
def test_an_export_holds_no_sums_no_rows_and_no_ids(key: tuple[str, str]) -> None:
    """No array of the parts and of the rows stands in the export; only labels, and what comes from no record, do."""
    model, path = load(key), FOLDER / key[0] / f"{key[1]}.export.expunge"
    raw, known, seen = path.read_bytes(), (FOLDER / key[0] / f"{key[1]}.expunge").read_bytes(), 0
    held = [(name, part) for name, part in model._state().parts.items()]
    is_trees = ".forest." in type(model).__module__
    held.append(("rows", model._rows().arrays(model._rows().slots())))
    for name, part in held:
        for place, array in arrays(part):
            if array.dtype.kind in "US" or any(word in place for word in IN_BOTH) or not array.any():
                continue
            if is_trees and any(word in place for word in NODES):
                continue
            if name in ("weights", "published", "posterior"):  # these are what a linear model publishes
                continue
            if array.nbytes >= 16:  # shorter ones may stand anywhere
                seen += np.ascontiguousarray(array).tobytes() in known  # the search finds what is there
                for form in (array, array.astype(np.float64)):
                    assert np.ascontiguousarray(form).tobytes() not in raw, (name, place)
    assert seen >= 2
    assert not any(f"r{i:02d}".encode() in raw or f'"p{i}"'.encode() in raw for i in range(24))
    manifest, entries = archive.read_archive(path)
    assert set(manifest["parts"]) == {"solution"}
    assert not any(name.startswith("rows/") for name in entries)


_BLOCKED = """
import json, sys, warnings
BLOCKED = {blocked!r}
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in BLOCKED:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Refuse())
sys.path.insert(0, {tests!r})
warnings.simplefilter("ignore")
import expunge
"""
#: What training, the command line, reports and third-party estimators need, and native models do without. (Forests
#: predict by numba, which every installation has.)
_EXTRAS = [
    "dask", "graphviz", "jinja2", "lightgbm", "matplotlib", "pyarrow", "pydantic", "ray", "rich", "skops",
    "sqlalchemy", "torch", "typer", "xgboost",
]  # fmt: skip


def blocked(code: str, *arguments: object) -> str:
    """What a process prints in which the extras cannot be imported."""
    head = _BLOCKED.format(blocked=_EXTRAS, tests=str(FOLDER.parent))
    done = subprocess.run(
        [sys.executable, "-c", head + code, *map(str, arguments)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def test_exports_of_native_methods_load_without_the_training_extras() -> None:
    code = (
        "from golden.cases import data, outputs\n"
        "out = {}\n"
        "for path, table in json.loads(sys.argv[1]).items():\n"
        "    model = expunge.load(path)\n"
        "    out[path] = outputs(model, data(model, table)['X'])\n"
        "assert not set(BLOCKED) & set(sys.modules)\n"
        "print(json.dumps(out))\n"
    )
    paths = {str(FOLDER / key[0] / f"{key[1]}.export.expunge"): key for key in NATIVE if key in EXPORTS}
    found = json.loads(blocked(code, json.dumps({path: EXPECTED[key]["table"] for path, key in paths.items()})))
    assert found.keys() == paths.keys()
    for path, key in paths.items():
        agree(key, found[path], EXPECTED[key]["outputs"])


def test_an_export_that_needs_an_absent_library_names_it(tmp_path: Path) -> None:
    lightgbm = pytest.importorskip("lightgbm")
    light = lightgbm.LGBMRegressor(n_estimators=1, min_child_samples=2, verbose=-1)
    given = data(expunge.Ridge(), "numbers")
    path = expunge.SISARegressor(light, n_shards=1).fit(given["X"], given["y"]).export(tmp_path / "e")
    code = (
        "BLOCKED.remove('skops'); import traceback\n"
        "try: expunge.load(sys.argv[1])\n"
        "except expunge.errors.UnsupportedEstimatorError as error: print(error)\n"
    )
    said = blocked(code, path)
    assert "lightgbm" in said
    assert "nstall" in said
    assert said.count("\n") == 1


# ---------------------------------------------------------------- what may change, and how


def _edited(path: Path, out: Path, **changes: Any) -> Path:
    """A file with another manifest and good checksums."""
    manifest, entries = archive.read_archive(path)
    return archive.write_archive(out, {**manifest, **changes}, entries)


def test_estimators_of_another_version_are_read_with_a_word_or_refused_with_a_reason(tmp_path: Path) -> None:
    path = next(FOLDER / folder / f"{name}.expunge" for folder, name in EXPECTED if name == "SISAClassifier")
    model = load(("format-1", "SISAClassifier"))
    known = archive.read_archive(path)[0]["libraries"]
    assert known.keys() >= {"scikit-learn"}
    other = _edited(path, tmp_path / "a", libraries={**known, "scikit-learn": "0.1"})
    with pytest.warns(UserWarning, match=r"made with scikit-learn 0\.1 \(here"):
        assert expunge.load(other).digest() == model.digest()
    other = _edited(path, tmp_path / "b", libraries={**known, "scikit-learn": "0.1"}, digest="0" * 64)
    with pytest.raises(UnsupportedEstimatorError, match=r"made with scikit-learn 0\.1 .* Install that version"):
        expunge.load(other)
    with pytest.raises(expunge.errors.TamperedError, match="digest is not that"):
        expunge.load(_edited(path, tmp_path / "c", digest="0" * 64))


def _later(default: str) -> Any:
    """GaussianNB as it might be one day: with an argument more, of which the default may have changed again."""

    def init(
        self: Any, *, mood: str = default, priors: Any = None, var_smoothing: float = 1e-9,
        resolution: Any = 2.0**-32, seed: int = 0,
    ) -> None:  # fmt: skip
        expunge.GaussianNB.__init__(self, priors=priors, var_smoothing=var_smoothing, resolution=resolution, seed=seed)
        self.mood = mood

    return type("GaussianNB", (expunge.GaussianNB,), {"__init__": init, "_added_params": {"mood": "calm"}})


@pytest.mark.parametrize("default", ["calm", "wild"])
def test_an_argument_that_is_added_later_changes_no_file_and_no_digest(default: str, tmp_path: Path) -> None:
    """The value that stands for what was before is in neither, whatever the default is; every other one is in both."""
    old, kind = expunge.GaussianNB(), _later(default)
    given = data(old, "numbers")
    old.fit(**given).save(tmp_path / "old")
    again: Any = storage.read_model(tmp_path / "old", find=lambda _: kind)
    assert (again.mood, again.digest()) == ("calm", old.digest())
    assert again.save(tmp_path / "again").read_bytes() == (tmp_path / "old").read_bytes()
    assert kind(mood="calm").fit(**given).digest() == old.digest()
    new = kind(mood="wild").fit(**given)
    assert new.digest() != old.digest()
    back: Any = storage.read_model(new.save(tmp_path / "new"), find=lambda _: kind)
    assert (back.mood, back.digest()) == ("wild", new.digest())
    with pytest.raises(NewerFormatError, match="sets 'mood', which GaussianNB of this version does not have"):
        expunge.load(tmp_path / "new")


def test_added_arguments_are_arguments_of_the_method() -> None:
    from expunge.params import added_params

    for name in METHODS:
        kind = find_method(name)
        assert added_params(kind).keys() <= set(kind._get_param_names()), name


def test_a_file_of_an_earlier_format_goes_through_every_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two steps of an imagined future: one renames an argument, the other changes what the digest says."""
    model = expunge.Ridge(alpha=2.0).fit(**data(expunge.Ridge(), "numbers"))
    path = model.save(tmp_path / "m")

    def first(manifest: dict[str, Any], entries: dict[str, bytes]) -> migrations.Contents:
        params = dict(manifest["params"])
        return {**manifest, "params": {**params, "penalty": params.pop("alpha")}}, entries

    def second(manifest: dict[str, Any], entries: dict[str, bytes]) -> migrations.Contents:
        params = dict(manifest["params"])
        params["alpha"] = {"json": 2 * params.pop("penalty")["json"]}
        return {**manifest, "params": params, "digest": migrations.CHANGED}, entries

    monkeypatch.setattr(archive, "FORMAT", 3)
    monkeypatch.setattr(migrations, "MIGRATIONS", {1: first, 2: second})
    back = expunge.load(path)
    assert (back.alpha, back.n_features_in_) == (4.0, 3)
    np.testing.assert_array_equal(back.record_ids_, model.record_ids_)

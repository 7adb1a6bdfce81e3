"""Workloads load what their files hold; what is missing is said with what to do; parts belong to persons."""

from __future__ import annotations

import dataclasses
import hashlib
import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from expunge.cli import run as command
from expunge.errors import FileNotUsableError, InvalidParameterError, UnknownNameError
from expunge.lab.data import Data, split
from expunge.lab.workloads import WORKLOADS, fetching, files, load_workload
from expunge.lab.workloads.image_folder import DecodedImages

SHARED = Path(__file__).parents[3] / "shared" / "data"
REAL = sorted(name for name, entry in WORKLOADS.items() if entry.file and name != "cifar100")


@pytest.mark.parametrize("name", REAL)
def test_real_data_loads(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if not (SHARED / WORKLOADS[name].file).exists():
        pytest.skip("the real data is not here")
    if name in ("fashion", "topics", "cifar10", "threes-and-eights"):
        pytest.skip("large: tried by the reference run")
    monkeypatch.setenv("EXPUNGE_DATA", str(SHARED))
    data = load_workload(f"{name}@200")
    assert len(data) == 200
    assert len(set(data.ids.tolist())) == 200
    assert len(np.unique(data.y)) >= 2
    assert data.n_classes == len(data.classes)
    if data.task.is_classes:
        assert set(np.unique(data.y)) <= set(range(data.n_classes))
    assert load_workload(f"{name}@200").digest() == data.digest() != load_workload(f"{name}@199").digest()
    if data.kind == "image":
        assert np.prod(data.shape) == data.X.shape[1]
        assert 0 <= data.X.min() < data.X.max() <= 1


def test_missing_data_says_where_to_put_it_and_what_fetches_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("EXPUNGE_DATA", str(tmp_path))
    with pytest.raises(FileNotUsableError, match=r"EXPUNGE_DATA.*expunge lab fetch adult"):
        load_workload("adult@100")


def test_a_smaller_draw_is_part_of_a_larger_one() -> None:
    small, large = load_workload("digits@100"), load_workload("digits@300")
    assert set(small.ids.tolist()) < set(large.ids.tolist())


def test_each_record_plays_one_part_and_persons_stay_together() -> None:
    data = load_workload("digits")
    parts = split(data, 0)
    assert (np.sum(parts, axis=0) == 1).all()
    assert [round(float(part.mean()), 1) for part in parts] == pytest.approx([0.5, 0.1, 0.2, 0.2], abs=0.06)
    for part in parts:
        assert not set(data.subjects[part].tolist()) & set(data.subjects[~part].tolist())
    assert not np.array_equal(parts.train, split(data, 1).train)


def test_taking_a_record_away_moves_no_other() -> None:
    data = load_workload("digits@200")
    left = np.arange(1, 200)
    fewer = dataclasses.replace(data, X=data.X[left], y=data.y[left], ids=data.ids[left], subjects=data.subjects[left])
    assert np.array_equal(split(fewer, 0).train, split(data, 0).train[1:])


def test_official_test_records_are_tested_on_and_the_others_shared_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(0)
    parts = {f"{what}_{part}": rng.integers(0, 10, size=(n, 4, 4) if what == "x" else n).astype(np.uint8)
             for part, n in (("train", 2000), ("test", 50)) for what in "xy"}  # fmt: skip
    np.savez(tmp_path / "mnist.npz", **parts)  # type: ignore[arg-type]
    monkeypatch.setenv("EXPUNGE_DATA", str(tmp_path))
    data, drawn = load_workload("mnist@n=1600,test=official"), load_workload("mnist@n=1600")
    found = split(data, 0)
    assert (np.sum(found, axis=0) == 1).all()
    assert data.ids[found.test].tolist() == list(range(2000, 2050))
    assert np.allclose(data.X[found.test] * 255, parts["x_test"].reshape(50, -1), atol=1e-3)
    assert [float(part[:1600].mean()) for part in found[:3]] == pytest.approx([0.625, 0.125, 0.25], abs=0.05)
    assert not set(data.subjects[found.test].tolist()) & set(data.subjects[~found.test].tolist())
    assert np.array_equal(data.ids[:1600], drawn.ids)
    assert drawn.is_test is None
    with pytest.raises(InvalidParameterError, match="official"):
        load_workload("mnist@n=1600,test=other")


def test_cifar100_is_read_in_the_layout_of_its_authors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    folder = tmp_path / "cifar-100-binary"
    folder.mkdir()
    records = rng.integers(0, 256, size=(20, 3074)).astype(np.uint8)
    records[:, 1] = np.arange(20) % 5
    (folder / "train.bin").write_bytes(records.tobytes())
    (folder / "fine_label_names.txt").write_text("\n".join("abcde") + "\n", encoding="utf-8")
    monkeypatch.setenv("EXPUNGE_DATA", str(tmp_path))
    data = load_workload("cifar100@20")
    assert data.shape == (3, 32, 32)
    assert data.classes == tuple("abcde")
    assert np.allclose(data.X * 255, records[:, 2:], atol=1e-3)
    assert data.y.tolist() == [i % 5 for i in range(20)]


@pytest.fixture
def pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Data:
    """Twelve generated images of two classes, in ImageNet's layout, of several sizes and formats."""
    from PIL import Image

    rng = np.random.default_rng(0)
    for i in range(12):
        name = ("n01-dark", "n02-bright")[i % 2]
        folder = tmp_path / "small" / "train" / name
        folder.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 90, size=(20 + i, 30, 3)) + (150 if i % 2 else 0)
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{i:02d}.{'png' if i % 3 else 'jpg'}")
    monkeypatch.setenv("EXPUNGE_DATA", str(tmp_path))
    return load_workload(f"folder@folder=small,size=16,n={10 + len(str(tmp_path)) % 2}")


def test_a_folder_of_images_is_decoded_when_asked_for(pictures: Data) -> None:
    X = pictures.X
    assert isinstance(X, DecodedImages)
    assert pictures.shape == (3, 16, 16)
    rows = np.asarray(X)
    assert rows.shape == X.shape == (len(pictures), 3 * 16 * 16)
    bright = rows.mean(axis=1)
    assert bright[pictures.y == 1].min() > bright[pictures.y == 0].max()
    assert np.array_equal(np.asarray(X[np.array([3, 1])]), rows[[3, 1]])
    assert len(pictures.digest()) == 64


def test_augmentation_follows_from_the_record_alone(pictures: Data) -> None:
    X = pictures.X
    together = X.augmented(np.array([0, 1, 2]), 5, 0)
    alone = X.augmented(np.array([2]), 5, 0)
    assert np.array_equal(together[2], alone[0])
    assert not np.array_equal(alone, X.augmented(np.array([2]), 5, 1))
    assert not np.array_equal(alone, X.augmented(np.array([2]), 6, 0))
    assert not np.array_equal(alone[0], np.asarray(X)[2])


def test_an_empty_folder_of_images_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "none" / "train" / "a").mkdir(parents=True)
    monkeypatch.setenv("EXPUNGE_DATA", str(tmp_path))
    with pytest.raises(FileNotUsableError, match="two classes"):
        load_workload("folder@folder=none")


ADULT = """@RELATION adult
@ATTRIBUTE age NUMERIC
@ATTRIBUTE marital-status {0,1}
@ATTRIBUTE job {a,'b c'}
@ATTRIBUTE class {<=50K,>50K}
@DATA
""" + "".join(
    f"{20 + i},{i % 2},{('?', 'a', chr(39) + 'b c' + chr(39))[i % 3]},{'<>'[i % 2]}{'=' * (1 - i % 2)}50K\n"
    for i in range(60)
)
MNIST = "\n".join([
    "@RELATION mnist", *(f"@ATTRIBUTE pixel{i} NUMERIC" for i in range(784)),
    "@ATTRIBUTE class {0,1,2,3,4,5,6,7,8,9}", "@DATA",
    *(",".join([*(str((i * 7 + j) % 256) for j in range(784)), str(i % 10)]) for i in range(40)), "",
])  # fmt: skip


class OpenML(http.server.BaseHTTPRequestHandler):
    """The four answers that a data set of OpenML consists of, and the data."""

    def log_message(self, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        sets = {"adult": (1, ADULT), "mnist_784": (2, MNIST)}
        arff = dict(sets.values())
        path = self.path
        if "data_name" in path:
            answer: object = {"data": {"dataset": [{"did": sets[path.split("/")[7]][0]}]}}
        elif "download" in path:
            answer = arff[int(path.split("/")[-1])]
        else:
            number = int(path.split("/")[-1])
            names = [line.split(maxsplit=2)[1:] for line in arff[number].splitlines() if line.startswith("@ATTRIBUTE")]
            answer = {
                "features": {"data_features": {"feature": [
                    {"index": str(i), "name": name, "data_type": "numeric" if kind == "NUMERIC" else "nominal",
                     "is_target": str(name == "class").lower(), "is_ignore": "false", "is_row_identifier": "false",
                     "number_of_missing_values": "0"}
                    for i, (name, kind) in enumerate(names)
                ]}},
                "qualities": {"data_qualities": {"quality": []}},
                "data": {"data_set_description": {
                    "id": number, "status": "active", "format": "ARFF", "version": "1", "name": "x",
                    "description": "",
                    "url": f"http://{self.headers['Host']}/download/{number}",
                    "md5_checksum": hashlib.md5(arff[number].encode(), usedforsecurity=False).hexdigest(),
                }},
            }[path.split("/")[-2]]  # fmt: skip
        body = answer.encode() if isinstance(answer, str) else json.dumps(answer).encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def openml(monkeypatch: pytest.MonkeyPatch) -> Iterator[http.server.HTTPServer]:
    """OpenML on this machine, where the real one is asked for otherwise."""
    import sklearn.datasets._openml as client

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), OpenML)
    for name in ("_SEARCH_NAME", "_DATA_INFO", "_DATA_FEATURES", "_DATA_QUALITIES"):
        place = getattr(client, name).replace("https://www.openml.org", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setattr(client, name, place)
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_fetched_data_is_written_in_the_form_that_is_read(
    openml: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EXPUNGE_DATA", str(tmp_path / "new"))
    assert command(["lab", "fetch", "adult"]) == 0
    assert "adult.csv.gz" in capsys.readouterr().out
    data = load_workload("adult@60")
    assert data.classes == ("<=50K", ">50K")
    assert list(data.X.columns) == ["age", "marital_status", "job"]
    assert set(data.X["job"]) == {"a", "b c", "?"}
    assert data.X["age"].tolist() == list(range(20, 80))
    monkeypatch.setattr(fetching, "_TRAINED", 30)
    fetching.fetch("mnist")
    images = load_workload("mnist@20")
    assert images.shape == (1, 28, 28)
    wanted = [(int(images.ids[0]) * 7 + j) % 256 for j in range(784)]
    assert np.allclose(images.X[0] * 255, wanted, atol=1e-3)
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["adult.csv.gz", "mnist.npz"]
    assert set(fetching.FETCHED) == set(files.FETCHED) <= set(WORKLOADS)


@pytest.mark.filterwarnings("ignore:A network error")
def test_no_network_is_said(openml: http.server.HTTPServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sklearn.datasets._openml as client

    monkeypatch.setenv("EXPUNGE_DATA", str(tmp_path / "new"))
    monkeypatch.setattr(client, "_SEARCH_NAME", "http://127.0.0.1:9/{}")
    with pytest.raises(FileNotUsableError, match=r"could not be fetched.*network"):
        fetching.fetch("adult")
    with pytest.raises(UnknownNameError, match="adult"):
        fetching.fetch("adlt")
    assert not (tmp_path / "new").exists()

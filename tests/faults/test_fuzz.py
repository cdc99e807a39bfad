"""Whatever lies in the files that a user hands over: an answer or an error of ours that names the file, and soon."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests import tiny
from tests.faults.damage import damaged
from tests.faults.fuzz_targets import picture, trapped, weights
from unmaskbench.benchmark.board.build import rebuild_board
from unmaskbench.benchmark.plan.suite import Suite, SuiteError
from unmaskbench.benchmark.plan.suite_file import load_suite
from unmaskbench.benchmark.plugins.model_file import Convention, read_convention
from unmaskbench.benchmark.plugins.registry import METHODS
from unmaskbench.benchmark.plugins.weights.loading import WeightsError, read_state_dict
from unmaskbench.benchmark.run.entry import run
from unmaskbench.benchmark.run.mask_set import verify
from unmaskbench.benchmark.store.folder import RunFolder, StoreError
from unmaskbench.benchmark.store.image_tensors import read_image
from unmaskbench.benchmark.store.images import ImageError

FUZZ = settings(
    max_examples=60,
    deadline=20_000,  # milliseconds; an answer that takes longer is a hang
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
FEW = settings(FUZZ, max_examples=25)


@contextlib.contextmanager
def answered(kinds: type[Exception] | tuple[type[Exception], ...], *names: str) -> Iterator[None]:
    """What happens inside goes well, or ends in one of these errors with one of these names in its message."""
    try:
        yield
    except kinds as error:
        if not any(name in str(error) for name in names):
            raise AssertionError(f"the message names none of {names}") from error


scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=12), st.just(10**400), st.dates(),
    st.sampled_from(["../..", "/etc/passwd", "\0", "*", "tiny_faces", "psnr", "<script>", "-1", "1e999"]),
)  # fmt: skip
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8) | scalars, inner, max_size=3)
    ),
    max_leaves=8,
)


@pytest.fixture(autouse=True, scope="module")
def _plugins() -> Iterator[None]:
    with tiny.registered():
        yield


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run(tiny.suite(gallery=0), tmp_path_factory.mktemp("finished") / "run", speed=False)


# ---------------------------------------------------------------------------------------------------------- suites

SUITE = yaml.safe_dump(tiny.suite().model_dump(mode="json")).encode()


@FUZZ
@given(st.one_of(st.binary(max_size=200), damaged(SUITE)))
def test_suite_files(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "suite.yaml"
    path.write_bytes(content)
    with answered(SuiteError, "suite.yaml"):
        assert isinstance(load_suite(path), Suite)


@FUZZ
@given(st.sampled_from(sorted(Suite.model_fields)), values)
def test_suite_values(tmp_path: Path, key: str, value: Any) -> None:
    path = tmp_path / "suite.yaml"
    path.write_text(yaml.safe_dump(tiny.suite().model_dump(mode="json") | {key: value}), encoding="utf-8")
    with answered(SuiteError, "suite.yaml"):
        assert isinstance(load_suite(path), Suite)


# ---------------------------------------------------------------------------------------------------------- images


KINDS = {".png": "PNG", ".jpg": "JPEG", ".bmp": "BMP", ".webp": "WEBP", ".tif": "TIFF", ".gif": "GIF", ".ppm": "PPM"}
IMAGES = {suffix: picture(kind) for suffix, kind in KINDS.items()}


@pytest.mark.parametrize("suffix", sorted(IMAGES))
@FEW
@given(st.data())
def test_image_files(tmp_path: Path, suffix: str, data: st.DataObject) -> None:
    path = tmp_path / f"face{suffix}"
    path.write_bytes(data.draw(st.one_of(st.binary(max_size=100), damaged(IMAGES[suffix]))))
    with answered(ImageError, path.name):
        image = read_image(path)
        assert image.shape[0] == 3
        assert 0 <= float(image.min()) <= float(image.max()) <= 1


# ---------------------------------------------------------------------------------------------------------- runs


@FEW
@given(st.data())
def test_parts(tmp_path: Path, finished: Path, data: st.DataObject) -> None:
    """A damaged part counts as absent or is refused by name; never as another part."""
    folder = tmp_path / "run"
    if not folder.exists():
        shutil.copytree(finished, folder)
    source = data.draw(st.sampled_from(sorted((finished / "parts").iterdir())))
    target = folder / "parts" / source.name
    target.write_bytes(data.draw(damaged(source.read_bytes())))
    try:
        with answered(StoreError, str(folder)):
            RunFolder(folder).is_complete(source.name.partition(".")[0])
            rebuild_board(folder)
    finally:
        shutil.copyfile(source, target)


@pytest.mark.parametrize("name", ["manifest.parquet", "run.json", "claim.json"])
@FEW
@given(st.data())
def test_files_of_a_run(tmp_path: Path, finished: Path, name: str, data: st.DataObject) -> None:
    folder = tmp_path / "run"
    if not folder.exists():
        shutil.copytree(finished, folder)
    (folder / name).write_bytes(data.draw(damaged((finished / name).read_bytes())))
    identity = json.loads((finished / "claim.json").read_text())["identity"]
    opened = RunFolder(folder)
    try:
        with answered((StoreError, SuiteError), str(folder)):
            opened.open(identity)
            opened.close()
            rebuild_board(folder)
    finally:
        opened.close()
        shutil.copyfile(finished / name, folder / name)
        shutil.copyfile(finished / "claim.json", folder / "claim.json")


@FEW
@given(st.sampled_from(["suite", "cards", "methods", "units", "manifest", "versions", "timings", "hardware"]), values)
def test_values_in_run_json(tmp_path: Path, finished: Path, key: str, value: Any) -> None:
    folder = tmp_path / "run"
    if not folder.exists():
        shutil.copytree(finished, folder)
    content = json.loads((finished / "run.json").read_text()) | {
        key: json.loads(json.dumps(value, default=str, skipkeys=True))
    }
    (folder / "run.json").write_text(json.dumps(content), encoding="utf-8")
    with answered((StoreError, SuiteError), str(folder)):
        rebuild_board(folder)


@FEW
@given(values)
def test_mask_set_manifests(tmp_path: Path, value: Any) -> None:
    sample = {"dataset": "d", "occlusion": "o", "sample": value, "status": "ok"}
    content = {"schema": "unmaskbench.masks/1", "samples": [sample], "hash": value, "suite": value}
    text = json.dumps(content, default=str, skipkeys=True)
    (tmp_path / "manifest.json").write_text(text, encoding="utf-8")
    with answered(StoreError, str(tmp_path)):
        assert verify(tmp_path)


# ---------------------------------------------------------------------------------------------------------- methods


@FUZZ
@given(st.sampled_from(["title", "channels", "range", "inputs", "mask_value", "native_size", "needs_mask"]), values)
def test_cards_of_model_files(tmp_path: Path, key: str, value: Any) -> None:
    model = tmp_path / "mine.onnx"
    model.write_bytes(b"")
    model.with_suffix(".yaml").write_text(yaml.safe_dump({key: value}), encoding="utf-8")
    with answered(ValueError, "mine.yaml"):
        assert isinstance(read_convention(model), Convention)


@FUZZ
@given(st.one_of(st.binary(max_size=80), damaged(b"title: Mine\nrange: [-1, 1]\nneeds_mask: true\nnative_size: 256\n")))
def test_card_files(tmp_path: Path, content: bytes) -> None:
    model = tmp_path / "mine.onnx"
    model.write_bytes(b"")
    model.with_suffix(".yaml").write_bytes(content)
    with answered(ValueError, "mine.yaml"):
        assert isinstance(read_convention(model), Convention)


@FUZZ
@given(st.data())
def test_predictions_folders(tmp_path: Path, data: st.DataObject) -> None:
    """What a folder of predictions holds, under any sample's name: pixels of that folder, or an error that names it."""
    folder = tmp_path / "mine"
    folder.mkdir(exist_ok=True)
    (tmp_path / "secret.png").write_bytes(IMAGES[".png"])
    (folder / "a.png").write_bytes(data.draw(st.one_of(st.just(IMAGES[".png"]), damaged(IMAGES[".png"]))))
    steps = st.lists(st.sampled_from(["..", ".", "", "a", "d", "o", "secret", "\0", "é" * 300]), min_size=1, max_size=5)
    sample = "/".join(["d", "o", *data.draw(steps)])
    method = METHODS.build("predictions", source=str(folder))
    with answered((ValueError, OSError), str(folder), "File name too long"):
        restored = method.restore(torch.zeros(1, 3, 24, 24), None, ids=[sample])
        assert restored.shape == (1, 3, 24, 24)
        assert "secret" not in sample


# ---------------------------------------------------------------------------------------------------------- weights


WEIGHTS = {suffix: weights(suffix) for suffix in (".safetensors", ".pth", ".pt")}


@pytest.mark.parametrize("suffix", sorted(WEIGHTS))
@FEW
@given(st.data())
def test_weight_files(tmp_path: Path, suffix: str, data: st.DataObject) -> None:
    path = tmp_path / f"network{suffix}"
    trap = trapped(tmp_path)
    path.write_bytes(
        data.draw(st.one_of(st.binary(max_size=100), damaged(WEIGHTS[suffix]), damaged(trap), st.just(trap)))
    )
    with answered(WeightsError, path.name):
        found = read_state_dict(path)
        assert all(isinstance(value, torch.Tensor) for value in found.values())
    assert not (tmp_path / "sprung").exists()

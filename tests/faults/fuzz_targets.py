"""What a stranger's bytes may do: one function per kind of file, from bytes to a result or an error that names the file.

``fuzz(name, folder, content)`` puts the bytes where the reader expects its file and reads it. It returns quietly where
they are read, or refused with one of the package's own errors whose message names the file or its folder; everything else
is raised, and a fault. test_fuzz_targets.py drives it with hypothesis, atheris_program.py with atheris.
"""

from __future__ import annotations

import functools
import io
import json
import pickle
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from PIL import Image

from tests import tiny
from unmaskbench.benchmark.board.build import rebuild_board
from unmaskbench.benchmark.gate.baseline import BaselineError, read_baseline
from unmaskbench.benchmark.plan.suite import Suite, SuiteError
from unmaskbench.benchmark.plan.suite_file import load_suite
from unmaskbench.benchmark.plugins.learned_method import metadata_of, read_method_card, training_card
from unmaskbench.benchmark.plugins.model_file import Convention, read_convention
from unmaskbench.benchmark.plugins.registry import METHODS
from unmaskbench.benchmark.plugins.weights.loading import WeightsError, read_state_dict
from unmaskbench.benchmark.run.entry import run
from unmaskbench.benchmark.run.mask_set import build, read_png, summary, verify
from unmaskbench.benchmark.store.folder import RunFolder, StoreError
from unmaskbench.benchmark.store.image_tensors import read_image
from unmaskbench.benchmark.store.images import ImageError
from unmaskbench.benchmark.training.recipes import RecipeError, load_recipe
from unmaskbench.reports.board import BoardError
from unmaskbench.reports.board import load as load_board

Errors = tuple[type[Exception], ...]


class FaultError(AssertionError):
    """Bytes that a reader did not answer as it should."""


class Trap:
    """Writes a file where it is unpickled by a reader that runs code."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return open, (self.path, "w")


@dataclass(frozen=True)
class Target:
    """Reads ``content`` below a folder. ``errors`` are those that it may end in, ``seeds`` files that are read well."""

    read: Callable[[Path, bytes], None]
    errors: Errors
    seeds: Callable[[], list[bytes]]


TARGETS: dict[str, Target] = {}


def target(
    *errors: type[Exception], seeds: Callable[[], list[bytes]]
) -> Callable[[Callable[[Path, bytes], None]], Callable[[Path, bytes], None]]:
    """Enter a reader in TARGETS under its name."""

    def enter(read: Callable[[Path, bytes], None]) -> Callable[[Path, bytes], None]:
        TARGETS[read.__name__] = Target(read, errors, functools.cache(seeds))
        return read

    return enter


def fuzz(name: str, folder: Path, content: bytes) -> bool:
    """Whether the bytes were read; False where they were refused as they should be. Raises FaultError otherwise."""
    chosen = TARGETS[name]
    try:
        chosen.read(folder, content)
    except chosen.errors as error:
        if str(folder) not in str(error):
            raise FaultError(f"{name}: the message names no file: {error}") from error
        return False
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt | FaultError):
            raise
        raise FaultError(f"{name}: {type(error).__name__}: {error}") from error
    return True


def put(folder: Path, name: str, content: bytes) -> Path:
    """Write a file anew."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


# ------------------------------------------------------------------------------------------------ suites and cards


@target(SuiteError, seeds=lambda: [yaml.safe_dump(tiny.suite().model_dump(mode="json")).encode(), b"&a [*a, *a]"])
def suite_file(folder: Path, content: bytes) -> None:
    """``bench run --suite FILE``."""
    assert isinstance(load_suite(put(folder, "suite.yaml", content)), Suite)


@target(RecipeError, seeds=lambda: [_recipe(), b"a: &a [x, x]\nb: &b [*a, *a]\nsteps: *b\n"])
def recipe_file(folder: Path, content: bytes) -> None:
    """``bench train METHOD --recipe FILE``."""
    load_recipe("modified_vnet", put(folder, "recipe.yaml", content))


@target(
    ValueError, seeds=lambda: [b"title: Mine\nrange: [-1, 1]\nneeds_mask: true\nnative_size: 256\ninputs: separate\n"]
)
def convention_file(folder: Path, content: bytes) -> None:
    """The YAML beside a model file."""
    put(folder, "mine.onnx", b"")
    put(folder, "mine.yaml", content)
    assert isinstance(read_convention(folder / "mine.onnx"), Convention)


@target(ValueError, seeds=lambda: [b"teachers: [arcface]\nrecipe: compact\nsteps: 10\n", b"a: &a [x]\nb: [*a, *a]\n"])
def training_card_file(folder: Path, content: bytes) -> None:
    """The card beside weights that a user trained or was given."""
    put(folder, "weights/mine_compact.safetensors", b"")
    put(folder, "weights/mine_compact.card.yaml", content)
    assert isinstance(training_card("mine", "compact", folder), dict)


@target(ValueError, seeds=lambda: [b"id: mine\ntitle: Mine\nneeds_mask: true\nprovenance: reimplemented\n"])
def method_card_file(folder: Path, content: bytes) -> None:
    """``card.yaml`` of a method's folder."""
    read_method_card(put(folder, "card.yaml", content))


# ------------------------------------------------------------------------------------------------ images


@functools.cache
def picture(kind: str, side: int = 24) -> bytes:
    """A small image in a format of Pillow's."""
    pixels = np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind)
    return buffer.getvalue()


KINDS = ("PNG", "JPEG", "BMP", "WEBP", "TIFF", "GIF", "PPM")


def vast_png() -> bytes:
    """A PNG of 1 KB whose header promises 900 million pixels."""
    content = bytearray(picture("PNG"))
    content[16:24] = (30_000).to_bytes(4, "big") * 2
    import zlib

    content[29:33] = zlib.crc32(bytes(content[12:29])).to_bytes(4, "big")
    return bytes(content)


@target(ImageError, seeds=lambda: [*map(picture, KINDS), vast_png()])
def image_file(folder: Path, content: bytes) -> None:
    """A dataset's image, whatever its name says that it is."""
    image = read_image(put(folder, "face.png", content))
    assert image.shape[0] == 3
    assert 0 <= float(image.min()) <= float(image.max()) <= 1


@target(ValueError, seeds=lambda: [picture("PNG"), picture("JPEG"), vast_png()])
def folder_image_file(folder: Path, content: bytes) -> None:
    """An image of ``bench score-folder`` or of a set of masks."""
    assert read_png(put(folder, "face.png", content), grey=False).shape[0] == 3


@target(ValueError, seeds=lambda: [picture("PNG"), picture("JPEG"), vast_png()])
def prediction_file(folder: Path, content: bytes) -> None:
    """An image of somebody's predictions."""
    put(folder, "a.png", content)
    method = METHODS.build("predictions", source=str(folder))
    assert method.restore(torch.zeros(1, 3, 24, 24), None, ids=["d/o/a"]).shape == (1, 3, 24, 24)


# ------------------------------------------------------------------------------------------------ runs


@functools.cache
def finished() -> Path:
    """A run of the tiny suite, made once a process, and a set of its masks."""
    folder = Path(tempfile.mkdtemp(prefix="unmaskbench-fuzz-"))
    with tiny.registered():
        run(tiny.suite(gallery=0), folder / "run", speed=False)
        build(tiny.suite(), folder / "masks")
    return folder


def forget() -> None:
    """Remove what ``finished`` made."""
    if finished.cache_info().currsize:
        shutil.rmtree(finished())
        finished.cache_clear()


def _file(pattern: str) -> Path:
    return sorted((finished() / "run").glob(pattern))[-1].relative_to(finished() / "run")


def _run_with(folder: Path, pattern: str, content: bytes) -> Path:
    """A copy of the finished run in which one file holds these bytes."""
    if not (folder / "run").exists():
        shutil.copytree(finished() / "run", folder / "run")
    relative = _file(pattern)
    (folder / "run" / relative).write_bytes(content)
    return folder / "run"


def _rescored(folder: Path, pattern: str, content: bytes) -> None:
    held = _run_with(folder, pattern, content)
    relative = _file(pattern)
    try:
        RunFolder(held).is_complete(relative.name.partition(".")[0])
        with tiny.registered():
            rebuild_board(held)
    finally:
        (held / relative).write_bytes((finished() / "run" / relative).read_bytes())


def _seed(pattern: str) -> Callable[[], list[bytes]]:
    return lambda: [(finished() / "run" / _file(pattern)).read_bytes()]


PART = "parts/????????????????*[!s].parquet"


@target(StoreError, SuiteError, seeds=_seed("run.json"))
def run_file(folder: Path, content: bytes) -> None:
    """run.json of a folder that is scored again."""
    _rescored(folder, "run.json", content)


@target(StoreError, SuiteError, seeds=_seed("manifest.parquet"))
def manifest_file(folder: Path, content: bytes) -> None:
    """manifest.parquet of a folder that is scored again."""
    _rescored(folder, "manifest.parquet", content)


@target(StoreError, SuiteError, seeds=_seed("parts/*.parquet"))
def part_file(folder: Path, content: bytes) -> None:
    """A part of a folder that is scored again."""
    _rescored(folder, "parts/*.parquet", content)


@target(StoreError, SuiteError, seeds=_seed("embeddings/*.parquet"))
def embeddings_file(folder: Path, content: bytes) -> None:
    """Embeddings of a folder that is scored again."""
    _rescored(folder, "embeddings/*.parquet", content)


@target(BoardError, seeds=_seed("board.json"))
def board_file(folder: Path, content: bytes) -> None:
    """board.json, as ``bench report`` reads it."""
    load_board(put(folder, "board.json", content))


@target(BaselineError, seeds=lambda: [_baseline()])
def baseline_file(folder: Path, content: bytes) -> None:
    """``bench check RUN --baseline FILE``."""
    read_baseline(put(folder, "baseline.json", content))


@target(StoreError, seeds=lambda: [(finished() / "masks" / "manifest.json").read_bytes()])
def mask_set_manifest(folder: Path, content: bytes) -> None:
    """``bench masks verify FOLDER``, and what ``bench masks build`` says of it."""
    put(folder, "masks/manifest.json", content)
    if not verify(folder / "masks"):
        summary(folder / "masks")


# ------------------------------------------------------------------------------------------------ weights


@functools.cache
def weights(suffix: str) -> bytes:
    """Two tensors as a weight file."""
    tensors = {"layer.weight": torch.arange(6.0).reshape(2, 3), "layer.bias": torch.zeros(2, dtype=torch.float16)}
    if suffix == ".safetensors":
        from safetensors.torch import save

        return save(tensors, {"network": json.dumps({"size": "compact", "settings": {"widths": [4, 8]}})})
    buffer = io.BytesIO()
    torch.save(tensors, buffer, _use_new_zipfile_serialization=suffix == ".pth")
    return buffer.getvalue()


def safetensors_header(header: dict[str, Any]) -> bytes:
    """A safetensors file that is nothing but this header."""
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text


def _headers() -> list[bytes]:
    shape = {"dtype": "F32", "shape": [1 << 40, 1 << 40], "data_offsets": [0, 4]}
    return [
        weights(".safetensors"),
        (1 << 60).to_bytes(8, "little") + b"{",
        safetensors_header({"a": shape}),
        safetensors_header({"a": {"dtype": "F8_E8M0", "shape": [0], "data_offsets": [0, 0]}}),
        safetensors_header({"__metadata__": {"network": "[" * 2000}}),
    ]


@target(WeightsError, seeds=_headers)
def safetensors_file(folder: Path, content: bytes) -> None:
    """Tensors and metadata of a .safetensors file."""
    path = put(folder, "mine.safetensors", content)
    metadata_of(path)
    assert all(isinstance(value, torch.Tensor) for value in read_state_dict(path).values())


def _pickled(folder: Path, content: bytes, suffix: str) -> None:
    path = put(folder, f"mine{suffix}", content)
    sprung = folder / "sprung"
    try:
        assert all(isinstance(value, torch.Tensor) for value in read_state_dict(path).values())
    finally:
        if sprung.exists():
            raise FaultError(f"{path}: code of the file was run")


@target(WeightsError, seeds=lambda: [weights(".pth"), weights(".pt")])
def checkpoint_file(folder: Path, content: bytes) -> None:
    """A pickled checkpoint, new and old layout."""
    _pickled(folder, content, ".pth")


def trapped(folder: Path) -> bytes:
    """A pickle that writes ``folder``/sprung where its code is run."""
    return pickle.dumps(Trap(str(folder / "sprung")))


def described(network: Any) -> bytes:
    """A weight file whose metadata describe this network."""
    from safetensors.torch import save

    return save(
        {"stem.weight": torch.zeros(2)}, {"network": network if isinstance(network, str) else json.dumps(network)}
    )


@target(
    WeightsError,
    seeds=lambda: [
        described({"size": "compact", "settings": {}}),
        described({"size": "paper"}),
        described({"settings": {"width": 1 << 40}}),
        described({"settings": {"blocks": 1 << 40}}),
        described("[]"),
        described("{"),
    ],
)
def network_file(folder: Path, content: bytes) -> None:
    """A checkpoint that says itself which network it is for."""
    path = put(folder, "mine.safetensors", content)
    METHODS.build("modified_vnet", checkpoint=str(path)).load("cpu")


# ------------------------------------------------------------------------------------------------ seeds


def _recipe() -> bytes:
    from unmaskbench.benchmark.training.plugin_folder import recipe_file as shipped

    path = shipped("modified_vnet")
    assert path is not None
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    name = "compact" if "compact" in content else next(iter(content))
    return yaml.safe_dump(content[name]).encode()


def _baseline() -> bytes:
    folder = Path(__file__).resolve().parents[2] / "reports" / "baselines"
    return min(folder.glob("*.json"), key=lambda path: path.stat().st_size).read_bytes()

"""Work on one picture after the other takes one thread, whoever asks for it, and gives the caller's number back."""

from __future__ import annotations

import ast
import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from tests import tiny
from unmaskbench.benchmark.detection.detectors import detect_batch
from unmaskbench.benchmark.detection.faces import Detection, NoFaceError, Pixels
from unmaskbench.benchmark.detection.found_faces import FoundFaces
from unmaskbench.benchmark.host.threads import keep_to_threads, one_thread, set_thread_counts, thread_counts
from unmaskbench.benchmark.plan import face_crop
from unmaskbench.benchmark.plan.entries import MethodEntry
from unmaskbench.benchmark.plan.listener import Listener
from unmaskbench.benchmark.plan.suite import parse
from unmaskbench.benchmark.plan.units import plan
from unmaskbench.benchmark.run import covered_faces, gallery, landmark_list, mask_set, paste, photographs
from unmaskbench.benchmark.run.default_crop import with_face_crop
from unmaskbench.benchmark.run.entry import run
from unmaskbench.benchmark.run.photographs import PhotographRestorer, Treatment
from unmaskbench.datasets import folder as dataset

ROOT = Path(__file__).parents[2]
SETTERS = {"set_num_threads", "setNumThreads", "set_num_interop_threads"}


@pytest.fixture(autouse=True, scope="module")
def _plugins() -> Iterator[None]:
    with tiny.registered():
        yield


@pytest.fixture(autouse=True)
def _two_threads() -> Iterator[None]:
    before = thread_counts()
    keep_to_threads(2)
    yield
    set_thread_counts(before)


class Watch:
    """The threads that wrapped functions have seen."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.monkeypatch, self.seen = monkeypatch, dict[str, set[tuple[int, int]]]()

    def note(self, name: str) -> None:
        self.seen.setdefault(name, set()).add(thread_counts())

    def over(self, owner: Any, name: str) -> None:
        honest: Callable[..., Any] = getattr(owner, name)

        def watched(*arguments: Any, **named: Any) -> Any:
            self.note(name)
            return honest(*arguments, **named)

        self.monkeypatch.setattr(owner, name, watched)

    def check(self, *names: str) -> None:
        assert self.seen == {name: {(1, 1)} for name in names}
        assert thread_counts() == (2, 2)


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    return Watch(monkeypatch)


class OneFace:
    """A detector that finds the same face in each picture that is not black."""

    signature = "one face"

    def __init__(self, watch: Watch) -> None:
        self.watch = watch

    def detect(self, pixels: Pixels) -> Detection:
        self.watch.note("detect")
        if not pixels.any():
            raise NoFaceError("nothing but black")
        side = pixels.shape[0]
        points = np.array([[0.4, 0.4], [0.6, 0.4], [0.5, 0.5], [0.42, 0.6], [0.58, 0.6]]) * side
        return Detection(points, np.array([0.25, 0.25, 0.75, 0.75]) * side, 0.9)

    def detect_all(self, pixels: Pixels) -> list[Detection]:
        return [self.detect(pixels)]


def photograph(folder: Path, name: str = "anna.png") -> Path:
    folder.mkdir(exist_ok=True)
    noise = np.random.default_rng(3).integers(1, 255, (160, 160, 3), dtype=np.uint8)
    Image.fromarray(noise).save(folder / name)
    return folder / name


def test_no_other_file_of_the_package_says_how_many_threads_there_are() -> None:
    found = set()
    for folder in ("benchmark", "methods", "datasets", "reports"):
        for file in (ROOT / folder).rglob("*.py"):
            names = {node.attr for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Attribute)}
            if names & SETTERS:
                found.add(file.relative_to(ROOT).as_posix())
    assert found == {"benchmark/host/threads.py"}


def test_threads_come_back_whatever_happens() -> None:
    with contextlib.suppress(ZeroDivisionError), one_thread():
        assert thread_counts() == (1, 1) == (torch.get_num_threads(), cv2.getNumThreads())
        _ = 1 / 0
    assert thread_counts() == (2, 2)


def test_a_run_reads_occludes_and_draws_on_one_thread(watch: Watch, tmp_path: Path) -> None:
    watch.over(tiny.TinyFaces, "__getitem__")
    watch.over(tiny.TinyBlock, "apply")
    watch.over(gallery, "_save")
    run(tiny.suite(), tmp_path / "run", speed=False)
    watch.check("__getitem__", "apply", "_save")


def test_a_first_look_at_photographs_reads_them_on_one_thread(
    watch: Watch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UNMASKBENCH_CACHE", str(tmp_path / "cache"))
    for name in ("anna.png", "berta.png"):
        photograph(tmp_path / "photos", name)
    monkeypatch.setattr(dataset, "detector_named", lambda name: OneFace(watch))
    content = {
        "name": "look", "size": 96, "matchers": [], "methods": ["telea"], "metrics": ["psnr"], "occlusions": ["block"],
        "datasets": [{"id": "folder", "parameters": {"root": str(tmp_path / "photos")}}],
    }  # fmt: skip
    suite = parse(content, "the suite of a test")
    watch.over(dataset.Folder, "__getitem__")
    with_face_crop(suite, Listener())
    covered_faces.warn_of_covered(plan(suite), Listener())
    watch.check("__getitem__", "detect")


def test_faces_of_a_batch_are_found_on_one_thread(watch: Watch) -> None:
    _, found = detect_batch(torch.stack([torch.ones(3, 64, 64), torch.zeros(3, 64, 64)]), OneFace(watch))
    assert found == [True, False]
    watch.check("detect")


def test_the_face_of_a_photograph_is_found_on_one_thread(watch: Watch, tmp_path: Path) -> None:
    FoundFaces(OneFace(watch), tmp_path / "kept").look(photograph(tmp_path))
    Image.new("RGB", (64, 64)).save(tmp_path / "black.png")
    with pytest.raises(NoFaceError):
        FoundFaces(OneFace(watch), tmp_path / "kept").look(tmp_path / "black.png")
    watch.check("detect")


def test_a_list_of_landmarks_is_made_on_one_thread(watch: Watch, tmp_path: Path) -> None:
    files = [photograph(tmp_path / "photos")]
    watch.over(landmark_list, "read_pixels")
    finder = FoundFaces(OneFace(watch), tmp_path / "kept")
    found = landmark_list.find_all(files[0].parent, files, finder, lambda: None, lambda *shown: watch.note("show"))
    assert len(found.faces) == 1
    watch.check("read_pixels", "detect", "show")


@pytest.mark.parametrize("faces", ["central", "all"])
def test_a_photograph_is_cut_and_pasted_on_one_thread_and_restored_on_all(
    faces: Any, watch: Watch, tmp_path: Path
) -> None:
    picture = photograph(tmp_path)
    mask = np.zeros((160, 160), dtype=np.uint8)
    mask[90:110, 60:100] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    threads: list[tuple[int, int]] = []
    restorer = PhotographRestorer(
        Treatment(MethodEntry(id="telea"), segmenter="", faces=faces), FoundFaces(OneFace(watch), tmp_path / "kept")
    )
    honest = restorer._restorer.restore

    def watched(*arguments: Any) -> Any:
        threads.append(thread_counts())
        return honest(*arguments)

    watch.monkeypatch.setattr(restorer._restorer, "restore", watched)
    watch.over(face_crop, "resample")
    watch.over(photographs, "widened")
    watch.over(paste, "_opacity")
    restorer.restore(picture, tmp_path / "mask.png")
    assert threads == [(2, 2)]
    watch.check("detect", "resample", "widened", "_opacity")


def test_a_process_that_builds_masks_keeps_to_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mask_set, "ignore_interrupts", lambda: None)
    mask_set._start()
    assert thread_counts() == (1, 1)


def test_a_set_of_masks_is_built_on_one_thread_by_a_process_that_goes_on(watch: Watch, tmp_path: Path) -> None:
    watch.over(tiny.TinyFaces, "__getitem__")
    watch.over(tiny.TinyBlock, "apply")
    watch.over(mask_set, "_write")
    mask_set.build(tiny.suite(), tmp_path / "set")
    mask_set.contact_sheet(tiny.suite(), 1, 2)
    watch.check("__getitem__", "apply", "_write")

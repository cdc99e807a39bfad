"""The extension pages, as a stranger reads them: each file of theirs keeps the contract, is scored, and when it is broken
says how in a sentence."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from tests.doc_examples import CHECKOUT, PAGES, examples, plugins, write_package
from unmaskbench import Suite, run
from unmaskbench.benchmark.cli.main import app
from unmaskbench.benchmark.plugins.registry import REGISTRIES, PluginRegistry
from unmaskbench.benchmark.store.folder import RunFolder

CLI = CliRunner()
CLASSES = {
    "mean_colour": "MeanColour",
    "dark_segmenter": "DarkSegmenter",
    "worst_pixel": "worst_pixel",
    "mean_colour_error": "MeanColourError",
    "gradients": "Gradients",
    "portraits": "Portraits",
    "corner": "Corner",
    "colours": "Colours",
    "my_embedder": "MyEmbedder",
}
# What was broken in which example, and what is said of it.
MISTAKES = [
    ("mean_colour", 'id="mean_colour"', 'id="mean_color"', "'mean_colour' (MeanColour) has a card with the id 'mean_color'"),
    ("mean_colour", "return occluded", "occluded[:] = 0\n        return occluded", "changes the image that it is given"),
    ("mean_colour", "keepdim=True) / known", "keepdim=True).mean(0, keepdim=True) / known", "depends on its neighbours"),
    ("mean_colour", '    """Fills the hole with the mean of what is known."""\n', "", "its class has no docstring"),
    ("worst_pixel", "range=(0.0, 1.0)", "range=(0.0, 0.1)", "values are outside its card's range [0.0, 0.1]"),
    ("worst_pixel", '"worst_pixel|rgb|8bit|u1"', '"foo"', "its signature 'foo' does not begin with its id"),
    ("worst_pixel", '"border")', '"nose")', "regions[3] is 'nose', none of whole, hole, known, border"),
    ("worst_pixel", ".double()", "", "score() gives torch.float32, expected torch.float64"),
    ("mean_colour_error", 'direction="lower"', 'direction="higher"', "a perfect restoration is not best"),
    ("corner", "rng.integers(0, 2, 2)", "np.random.randint(0, 2, 2)", "it draws from another source of chance"),
    ("corner", "level), face.image)", "level), face.image * 0.9)", "pixels outside the mask were changed"),
    ("gradients", "[[0.35, eyes], [0.65, eyes]", "[[0.65, eyes], [0.35, eyes]", "left and right landmarks are swapped"),
    ("gradients", "0.7 * self.size", "1.7 * self.size", "a landmark lies outside the picture"),
    ("portraits", "    def files(", "    def pictures(", "it reads files and has no files(index)"),
    ("colours", "dimension=3 *", "dimension=4 *", "embed() gives shape (4, 48); its card promises (4, 64)"),
    ("dark_segmenter", "amax(1, keepdim=True)", "amax(1)", "segment() gives shape (2, 64, 64) for (2, 1, 64, 64)"),
]  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def _examples_registered_once() -> Iterator[None]:
    """Examples register themselves when they are imported; other tests must not meet them."""
    before = {noun: set(registry.names()) for noun, registry in REGISTRIES.items()}
    yield
    for noun, registry in REGISTRIES.items():
        _forget(registry, set(registry.names()) - before[noun])


def _forget(registry: PluginRegistry, names: set[str]) -> None:
    for name in names:
        del registry.classes[name]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of the pages, beside each other."""
    return write_package(tmp_path_factory.mktemp("stranger"), only_plugins=True)


def test_every_example_is_named_here() -> None:
    assert {Path(title).stem for title in plugins()} == set(CLASSES)


def test_the_pages_speak_of_the_three_public_modules_alone() -> None:
    for page in PAGES:
        assert "unmaskbench.benchmark" not in page.read_text(encoding="utf-8"), page.name


def test_the_examples_are_formatted_and_linted_as_the_package_is(tmp_path: Path) -> None:
    package = write_package(tmp_path)
    for words in (["format", "--check"], ["check"]):
        command = [sys.executable, "-m", "ruff", *words, "--config", str(CHECKOUT / "pyproject.toml"), str(package)]
        done = subprocess.run(command, capture_output=True, text=True)
        if "No module named ruff" in done.stderr:
            pytest.skip("needs ruff")
        assert done.returncode == 0, done.stdout + done.stderr


def test_types_are_checked_in_the_examples_too() -> None:
    assert "-p doc_examples" in (CHECKOUT / "tox.ini").read_text(encoding="utf-8")
    assert len(examples()) >= len(CLASSES)


@pytest.mark.parametrize("stem", CLASSES)
def test_an_example_passes_validate_as_a_file(folder: Path, stem: str) -> None:
    done = CLI.invoke(app, ["validate", f"{folder / stem}.py:{CLASSES[stem]}", "--json"])
    (found,) = json.loads(done.stdout)["things"]
    assert found["problems"] == []
    assert done.exit_code == 0
    waits = {"portraits": "no face was decoded", "my_embedder": "only its card was checked"}
    assert [note for note in found["notes"] if waits.get(stem, "-") in note] or stem not in waits


@pytest.mark.parametrize(("stem", "old", "new", "said"), MISTAKES)
def test_a_mistake_is_told_in_a_sentence(
    tmp_path: Path, folder: Path, stem: str, old: str, new: str, said: str
) -> None:
    code = (folder / f"{stem}.py").read_text(encoding="utf-8")
    assert code.count(old) >= 1
    # Under another name: the example itself is registered already.
    path = tmp_path / f"{stem}.py"
    path.write_text(code.replace(old, new), encoding="utf-8")
    noun = next(noun for noun, registry in REGISTRIES.items() if stem in registry.names())
    kept = REGISTRIES[noun].get(stem)
    _forget(REGISTRIES[noun], {stem})
    try:
        done = CLI.invoke(app, ["validate", f"{path}:{CLASSES[stem]}"])
    finally:
        _forget(REGISTRIES[noun], set(REGISTRIES[noun].names()) & {stem, "mean_color"})
        REGISTRIES[noun].register(stem)(kept)
    assert done.exit_code == 1, done.output
    assert said in done.stdout
    assert "Traceback" not in done.output


def test_plug_ins_of_every_kind_are_scored_from_their_files(folder: Path, tmp_path: Path) -> None:
    def named(stem: str) -> str:
        return f"{folder / stem}.py:{CLASSES[stem]}"

    suite = Suite(
        name="stranger",
        datasets=[{"id": named("gradients"), "parameters": {"identities": 2}}],
        size=32,
        occlusions=[named("corner"), {"id": named("corner"), "label": "black", "parameters": {"level": 0.0}}],
        methods=["untouched", named("mean_colour")],
        mask_source="both",
        segmenter=named("dark_segmenter"),
        metrics=["psnr", named("worst_pixel"), "mask_iou"],
        matchers=[named("colours")],
        fmr_targets=[0.5],
        statistics={"resamples": 100},
        gallery=0,
    )
    result = run(suite, tmp_path / "run", speed=False, isolate=True)  # a child process reads the files itself
    board = result.board
    assert {method["method"] for method in board["methods"]} == {
        "untouched", "mean_colour.MeanColour", "mean_colour.MeanColour@predicted",
    }  # fmt: skip
    assert all(status["status"] == "ok" for status in board["statuses"])
    assert {row["metric"] for row in board["rows"]} == {"psnr", "worst_pixel", "mask_iou"}
    assert {row["matcher"] for row in board["verification"]} == {"colours.Colours"}
    overlap = [row["value"] for row in board["rows"] if row["metric"] == "mask_iou" and row["occlusion"] == "black"]
    assert overlap
    assert min(overlap) == 1.0

    # What a changed file computed before is no longer its result; what did not change is kept.
    changed = folder / "mean_colour.py"
    before = changed.read_text(encoding="utf-8")
    parts = {path.name for path in (tmp_path / "run" / "parts").glob("*.parquet")}
    try:
        changed.write_text(before.replace("+ mean * mask", "+ (mean * 0.5) * mask"), encoding="utf-8")
        run(suite, tmp_path / "run", speed=False)
    finally:
        changed.write_text(before, encoding="utf-8")
    fresh = {path.name for path in (tmp_path / "run" / "parts").glob("*.parquet")} - parts
    # Two occlusions; with true masks one restoration, two metrics and one matcher, with predicted ones mask_iou besides.
    assert len(fresh) == 2 * (4 + 5)
    keys = [unit["key"] for unit in RunFolder(tmp_path / "run").read_run()["units"]]
    table = RunFolder(tmp_path / "run").rows(keys).filter(pl.col("status") != "ok").collect()
    assert table.is_empty()

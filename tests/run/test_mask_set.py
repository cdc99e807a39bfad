"""A frozen set of occluded faces: the same bytes in another process, order and number of workers."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import tiny
from unmaskbench.benchmark.plan.suite import Suite, SuiteError, parse
from unmaskbench.benchmark.run import mask_set
from unmaskbench.benchmark.store.folder import StoreError

SMALL = {
    "name": "small",
    "datasets": [{"id": "synthetic", "parameters": {"identities": 2, "images_per_identity": 2}}],
    "size": 32,
    "occlusions": ["block", "random_lines"],
    "methods": ["untouched"],
    "shard_size": 2,
}


@pytest.fixture(autouse=True, scope="module")
def _plugins() -> Iterator[None]:
    with tiny.registered():
        yield


@pytest.fixture(scope="module")
def small() -> Suite:
    return parse(SMALL, "small")


@pytest.fixture(scope="module")
def built(small: Suite, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    out = tmp_path_factory.mktemp("sets") / "one"
    return out, mask_set.build(small, out)


def test_another_order_and_other_shards_give_the_same_hash(
    small: Suite, built: tuple[Path, str], tmp_path: Path
) -> None:
    turned = small.replaced(occlusions=["random_lines", "block"], shard_size=3)
    assert mask_set.build(turned, tmp_path / "turned") == built[1]


def test_two_workers_in_processes_of_their_own_give_the_same_bytes(built: tuple[Path, str], tmp_path: Path) -> None:
    code = (
        "from pathlib import Path\nfrom unmaskbench.benchmark.run import mask_set\n"
        "from unmaskbench.benchmark.plan.suite import parse\n"
        f"if __name__ == '__main__':\n    print(mask_set.build(parse({SMALL!r}, 'small'), Path({str(tmp_path / 'two')!r}), 2))\n"
    )
    script = tmp_path / "build.py"
    script.write_text(code)
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == built[1]
    ours = {path.relative_to(built[0]): path.read_bytes() for path in built[0].rglob("*") if path.is_file()}
    theirs = {p.relative_to(tmp_path / "two"): p.read_bytes() for p in (tmp_path / "two").rglob("*") if p.is_file()}
    assert ours == theirs


def test_the_set_is_what_a_run_occludes(built: tuple[Path, str], small: Suite, tmp_path: Path) -> None:
    from unmaskbench.benchmark.run.entry import run

    folder = run(
        small.replaced(metrics=["l1"], statistics={"resamples": 100}, gallery=0), tmp_path / "run", speed=False
    )
    assert json.loads((folder / "run.json").read_text())["manifest"] == built[1]


def test_a_whole_set_verifies_and_every_change_is_named(built: tuple[Path, str], small: Suite, tmp_path: Path) -> None:
    out = tmp_path / "set"
    mask_set.build(small, out)
    assert mask_set.verify(out) == []
    images = sorted(out.rglob("*.png"))
    assert len(images) == 4 * 2 * 3
    changed, torn, empty, gone = images[0], images[5], images[10], images[15]
    tiny.write_png(changed, tiny.TinyFaces()[0].image)
    torn.write_bytes(torn.read_bytes()[:-30])
    empty.write_bytes(b"")
    gone.unlink()
    extra = tiny.write_png(out / "extra.png", tiny.TinyFaces()[0].image)
    problems = mask_set.verify(out)
    assert len(problems) == 5
    for path, said in ((changed, "changed"), (torn, "truncated or damaged"), (empty, "is empty"), (gone, "no such file"),
                       (extra, "not in the manifest")):  # fmt: skip
        assert any(str(path) in problem and said in problem for problem in problems), (path, problems)
    manifest = json.loads((out / "manifest.json").read_text())
    manifest["samples"][0]["mask_sha256"] = "0" * 64
    (out / "manifest.json").write_text(json.dumps(manifest))
    assert any("its hash does not fit" in problem for problem in mask_set.verify(out))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({}, "no manifest of schema"),
        ({"schema": mask_set.SCHEMA, "samples": [1]}, "every sample must give"),
        ({"schema": mask_set.SCHEMA, "samples": [{"dataset": "d"}]}, "every sample must give"),
        (
            {
                "schema": mask_set.SCHEMA,
                "samples": [dict.fromkeys([*mask_set.FIELDS, "status"], "ok") | {"sample": "../../x"}],
            },
            "leads out of",
        ),
        (None, "holds no manifest.json"),
    ],
)
def test_a_manifest_that_is_none_is_refused(tmp_path: Path, content: Any, said: str) -> None:
    if content is not None:
        (tmp_path / "manifest.json").write_text(json.dumps(content))
    with pytest.raises(StoreError, match=said):
        mask_set.verify(tmp_path)


def test_a_folder_of_something_else_is_refused_and_left_alone(
    tmp_path: Path, built: tuple[Path, str], small: Suite
) -> None:
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(StoreError, match="is not empty and holds no set"):
        mask_set.build(tiny.suite(), tmp_path)
    with pytest.raises(StoreError, match="is not empty and holds no set"):
        mask_set.build(tiny.suite(), tmp_path / "thesis.tex")
    with pytest.raises(StoreError, match="holds another set"):
        mask_set.build(small.replaced(seed=1), built[0])
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_an_interrupted_set_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = mask_set.build(tiny.suite(), tmp_path / "whole")
    original, done = mask_set._build_shard, []

    def stopped(job: mask_set.Job) -> list[dict[str, Any]]:
        if done:
            raise KeyboardInterrupt
        done.append(job)
        return original(job)

    monkeypatch.setattr(mask_set, "_build_shard", stopped)
    with pytest.raises(KeyboardInterrupt):
        mask_set.build(tiny.suite(), tmp_path / "cut")
    with pytest.raises(StoreError, match="another, unfinished set"):
        mask_set.build(tiny.suite(seed=1), tmp_path / "cut")
    monkeypatch.undo()
    assert mask_set.build(tiny.suite(), tmp_path / "cut") == whole
    assert mask_set.verify(tmp_path / "cut") == []


def test_what_cannot_be_used_is_in_the_manifest(tmp_path: Path) -> None:
    mask_set.build(tiny.suite(datasets=[{"id": "tiny_faces", "parameters": {"unreadable": ["p0/0"]}}]), tmp_path / "s")
    rows = {row["sample"]: row for row in json.loads((tmp_path / "s" / "manifest.json").read_text())["samples"]}
    assert rows["p0/0"]["status"] == "skipped"
    assert "unreadable" in rows["p0/0"]["message"]
    assert mask_set.verify(tmp_path / "s") == []
    assert mask_set.summary(tmp_path / "s") == ["tiny_faces/tiny_block: 6 samples, mean coverage 16.0 %"]


def test_a_contact_sheet_shows_truth_above_occluded() -> None:
    sheet = mask_set.contact_sheet(tiny.suite(), 1, 4)
    assert sheet.size == (4 * 32, 2 * 32 + 8)
    occlusion = {"id": "tiny_block", "parameters": {"mode": "refuse", "on": "p0/0"}}
    alone = {"id": "tiny_faces", "limit": 1, "parameters": {"identities": 1}}
    refused = tiny.suite(datasets=[alone], occlusions=[occlusion])
    with pytest.raises(ValueError, match="no face could be drawn: tiny_block: this face"):
        mask_set.contact_sheet(refused, 1, 1)


def test_a_suite_of_worn_masks_has_no_set(tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match="nothing is drawn"):
        mask_set.build(tiny.suite(occlusions=["worn"]), tmp_path / "set")
    assert not (tmp_path / "set").exists()

"""Whole runs against the same work done plainly: sharing the reference side, the harness's own cost, memory, starting.

    tox -e perf        or        pytest tests/performance/perf_runs.py -o python_files='perf_*.py' -s

Each run is a process of its own, as a user's is. A shared machine is no judge of speed: asserted is what does not depend
on it (memory, equal figures), the ratios are printed beside what is aimed at.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

PROGRAM = """
import json, resource, sys, time
from pathlib import Path
from unmaskbench.benchmark.run.entry import run
from unmaskbench.benchmark.plan.suite import parse
content, out, extra = json.loads(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3])
started = time.perf_counter()
folder = run(parse(content, "perf"), Path(out), speed=False, **extra)
seconds = time.perf_counter() - started
timings = json.loads((folder / "run.json").read_text())["timings"]
print(json.dumps({"seconds": seconds, "mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "timings": timings}))
"""
FACES = 64
FORWARD = 192
SIZE = 192


def measured(suite: dict[str, Any], out: Path, **extra: Any) -> dict[str, Any]:
    """Seconds (inside the process, without its start), peak MiB and stage timings of one run; ``whole`` has the start."""
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps(suite), str(out), json.dumps(extra)], capture_output=True, text=True
    )
    if done.returncode:
        pytest.fail(done.stderr[-2000:])
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found | {"whole": time.perf_counter() - started}


def suite_of(**changes: Any) -> dict[str, Any]:
    """Synthetic heads under a block: everything that a run does, on a machine without data."""
    content: dict[str, Any] = {
        "name": "perf",
        "datasets": [{"id": "synthetic", "split": "test", "parameters": {"identities": FACES // 4, "images_per_identity": 4}}],
        "size": SIZE,
        "occlusions": ["medical_mask"],
        "methods": ["untouched"],
        "metrics": ["psnr", "ssim", "ms_ssim", "fsim"],
        "matchers": ["compact"],
        "fmr_targets": [1.0e-2],
    }  # fmt: skip
    return content | changes


def test_eight_methods_in_one_run_against_eight_runs(tmp_path: Path) -> None:
    """The methods are folders of predictions, so that only reading and scoring remain beside the reference side."""
    from unmaskbench.benchmark.plan.suite import parse
    from unmaskbench.benchmark.run import mask_set

    mask_set.build(parse(suite_of(), "perf"), tmp_path / "made")
    pictures = sorted((tmp_path / "made").rglob("occluded/**/*.png"))
    assert len(pictures) == FACES
    rng = np.random.default_rng(0)
    folders = []
    for number in range(8):
        folder = tmp_path / f"method_{number}"
        for picture in pictures:
            dataset, occlusion, _, *sample = picture.relative_to(tmp_path / "made").parts
            target = folder.joinpath(dataset, occlusion, *sample)
            target.parent.mkdir(parents=True, exist_ok=True)
            pixels = np.asarray(Image.open(picture).convert("RGB")).astype(np.int16)
            Image.fromarray((pixels + rng.integers(-8, 9, pixels.shape)).clip(0, 255).astype(np.uint8)).save(target)
        folders.append(folder)
    methods = [{"id": "predictions", "label": f.name, "parameters": {"source": str(f)}} for f in folders]
    together = measured(suite_of(methods=methods), tmp_path / "together")
    alone = [measured(suite_of(methods=[one]), tmp_path / f"alone_{one['label']}") for one in methods]
    inside, whole = sum(one["seconds"] for one in alone), sum(one["whole"] for one in alone)
    print(
        f"\neight methods: one run {together['seconds']:.1f} s, eight runs {inside:.1f} s: {inside / together['seconds']:.1f}x"
    )
    print(
        f"with the start of each process: {together['whole']:.1f} s, {whole:.1f} s: {whole / together['whole']:.1f}x (aim 2x)"
    )
    print("stages of the one run:", together["timings"])
    assert inside > together["seconds"]


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_run_against_the_bare_forward_loop(tmp_path: Path, precision: str) -> None:
    """The proposed generator at the paper's size, exported, at 224 px: the run decodes (photographs where there are some, else
    heads, which it must draw first), occludes, restores, scores PSNR and writes; it does not measure the method's own speed. Of
    its restoring alone, without the rest, the share that is the network is printed too."""
    from unmaskbench.methods.h2a_ms2a_gan.method import H2AMS2AGAN

    torch.manual_seed(0)
    network = H2AMS2AGAN.build_network("paper").eval()
    example = torch.rand(1, 3, 224, 224), torch.zeros(1, 1, 224, 224)
    with torch.no_grad():
        program = torch.jit.trace(network, example)
    path = tmp_path / "restorer.pt"
    torch.jit.save(program, str(path))
    path.with_suffix(".yaml").write_text("needs_mask: true\nnative_size: 224\ninputs: separate\n")
    home = os.environ.get("UNMASKBENCH_HOME", "")
    photographs = (
        {"id": "lfw", "root": f"{home}/data/lfw", "split": "test"} if home else {"id": "synthetic", "split": "test"}
    )

    def suite(count: int) -> dict[str, Any]:
        return suite_of(
            datasets=[{**photographs, "limit": count}], size=224, metrics=["psnr"], matchers=[], outputs=["raw"],
            methods=[{"id": "torchscript", "parameters": {"source": str(path)}}], precision=precision,
        )  # fmt: skip

    measured(suite(16), tmp_path / "warm")  # the file system's caches
    found = measured(suite(FORWARD), tmp_path / "run")
    units = json.loads((tmp_path / "run" / "run.json").read_text())["units"]
    count = sum(unit["samples"] for unit in units if unit["method"] == "torchscript")
    loaded = torch.jit.load(str(path)).eval()
    batches = [(torch.rand(16, 3, 224, 224), torch.zeros(16, 1, 224, 224)) for _ in range(FORWARD // 16)]
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
        loaded(*batches[0])
        started = time.perf_counter()
        for batch in batches:
            loaded(*batch)
        bare = (time.perf_counter() - started) * count / FORWARD
    restoring = found["timings"]["restore"]
    print(
        f"\n{precision}, {count} faces of {photographs['id']}: bench run {found['seconds']:.1f} s, bare loop {bare:.1f} s:"
        f" {found['seconds'] / bare:.2f}x (aim 1.15x)"
    )
    print(
        f"restoring {count / restoring:.1f} images/s, the bare network {count / bare:.1f}: {bare / restoring:.2f} (aim 0.9)"
    )
    print("stages:", found["timings"])
    assert restoring < 1.5 * bare, "restoring itself costs far more than the network"


def test_memory_does_not_grow_with_the_samples(tmp_path: Path) -> None:
    def peak(identities: int, name: str) -> float:
        heads = {"id": "synthetic", "split": "test", "parameters": {"identities": identities, "images_per_identity": 4}}
        suite = suite_of(
            datasets=[heads], size=128, metrics=["psnr", "ssim"], methods=["untouched", "telea"], shard_size=16
        )
        return float(measured(suite, tmp_path / name)["mib"])

    small, large = peak(10, "small"), peak(100, "large")
    print(f"\npeak memory: 40 faces {small:.0f} MiB, 400 faces {large:.0f} MiB: {large / small:.2f}x (aim 1.1x)")
    assert large <= 1.1 * small


def test_starting_and_resuming(tmp_path: Path) -> None:
    def cli(*words: str) -> float:
        times = []
        for _ in range(3):
            started = time.perf_counter()
            done = subprocess.run(
                [sys.executable, "-m", "unmaskbench.benchmark.cli.main", *words], capture_output=True, text=True
            )
            times.append(time.perf_counter() - started)
            assert done.returncode == 0, done.stderr[-2000:]
        return min(times)

    suite = tmp_path / "perf.yaml"
    heads = [{"id": "synthetic", "split": "test", "parameters": {"identities": 2, "images_per_identity": 2}}]
    suite.write_text(json.dumps(suite_of(datasets=heads, size=128, metrics=["psnr"], matchers=[])))
    run = ["run", "--suite", str(suite), "--out", str(tmp_path / "run")]
    cli(*run)
    print(f"\nbench --help {cli('--help'):.2f} s (aim 0.3 s); resuming a finished run {cli(*run):.2f} s (aim 3 s); "
          f"bench report {cli('report', str(tmp_path / 'run')):.2f} s")  # fmt: skip

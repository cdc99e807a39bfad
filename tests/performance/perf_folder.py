"""Scoring a folder of 500 PNGs against the command line of pyiqa on the same files. Not collected by default.

pyiqa lives in an environment of its own; name its command and where it keeps LPIPS's weights:

    UNMASKBENCH_PYIQA=~/pyiqa/bin/pyiqa pytest tests/performance/perf_folder.py -o python_files='perf_*.py' -s

``UNMASKBENCH_PYIQA_METRICS=psnr,ssim,ms_ssim,fsim`` leaves LPIPS out where its weights are not at hand. Ours needs
UNMASKBENCH_HOME for LPIPS's features, or a cache that has them.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

COUNT, SIZE = 500, 256


def pictures(folder: Path, count: int = COUNT) -> tuple[Path, Path]:
    """Smooth random truths, and the same with a noisy block: 8-bit RGB PNGs of 256 px."""
    generator = torch.Generator().manual_seed(0)
    for number in range(count):
        coarse = torch.rand(1, 3, 24, 24, generator=generator)
        truth = torch.nn.functional.interpolate(coarse, (SIZE, SIZE), mode="bicubic").clamp(0, 1)[0]
        restored = truth.clone()
        restored[:, 128:224, 64:192] += 0.2 * torch.rand(3, 96, 128, generator=generator) - 0.1
        for name, image in (("truth", truth), ("restored", restored.clamp(0, 1))):
            path = folder / name / f"{number:04}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray((image * 255).round().byte().permute(1, 2, 0).numpy()).save(path)
    return folder / "truth", folder / "restored"


def timed(command: list[str]) -> tuple[float, str]:
    started = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        pytest.fail(f"{shlex.join(command)}: {done.stderr[-1500:]}")
    return time.perf_counter() - started, done.stdout


def ours(names: Sequence[str], truth: Path, restored: Path, csv: Path) -> list[str]:
    """``bench score`` on two folders."""
    program = [sys.executable, "-m", "unmaskbench.benchmark.cli.main", "score", str(restored), "--truth", str(truth)]
    return [*program, "--metrics", ",".join(names), "--out", str(csv)]


def theirs(command: str, names: Sequence[str], truth: Path, restored: Path) -> list[str]:
    """pyiqa's own command on the same."""
    return [*shlex.split(command), *names, "-t", str(restored), "-r", str(truth), "--device", "cpu"]


def alike(names: Sequence[str], csv: Path, said: str) -> dict[str, tuple[float, float]]:
    """Their mean and ours of PSNR and LPIPS, which are defined alike in both; pyiqa's SSIM family takes luminance."""
    import polars as pl

    table, found = pl.read_csv(csv), {}
    for name in {"psnr", "lpips"} & set(names):
        mine = np.mean(table.filter((pl.col("metric") == name) & (pl.col("region") == "whole"))["value"].to_numpy())
        other = re.search(rf"'{name}': {{'mean': (?:np\.float64\()?(-?[\d.]+)", said)
        assert other, said[-600:]
        found[name] = float(other.group(1)), float(mine)
    return found


def test_a_folder_against_pyiqa(tmp_path: Path) -> None:
    command = os.environ.get("UNMASKBENCH_PYIQA")
    if not command:
        pytest.skip("UNMASKBENCH_PYIQA does not name a pyiqa command (pip install pyiqa in an environment of its own)")
    names = os.environ.get("UNMASKBENCH_PYIQA_METRICS", "psnr,ssim,ms_ssim,fsim,lpips").split(",")
    truth, restored = pictures(tmp_path)
    csv = tmp_path / "scores.csv"
    mine, _ = timed(ours(names, truth, restored, csv))
    other, said = timed(theirs(command, names, truth, restored))
    print(
        f"\n{COUNT} PNGs on {', '.join(names)}: pyiqa {other:.1f} s, bench score {mine:.1f} s: {other / mine:.1f}x (aim 5x)"
    )
    for name, (expected, found) in alike(names, csv, said).items():
        assert expected == pytest.approx(found, abs={"psnr": 1e-2, "lpips": 1e-3}[name]), name

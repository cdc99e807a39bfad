"""A signature is built from the values that the code uses: another value, another signature, and no column of both."""

from __future__ import annotations

import importlib
import re
import types
from pathlib import Path

import pytest

from unmaskbench.benchmark.plugins.registry import METRICS, PluginRegistry

ROOM = "unmaskbench.benchmark.metrics"
# What the boards and baselines of earlier versions hold.
TODAY = {
    "psnr": "psnr|rgb|8bit|u1",
    "l1": "l1|rgb|8bit|u1",
    "mse": "mse|rgb|8bit|u1",
    "ssim": "ssim|win:11|sigma:1.5|valid|rgb|8bit|u1",
    "ms_ssim": "ms_ssim|win:11|sigma:1.5|scales:5|valid|rgb|8bit|u1",
    "fsim": "fsim|chromatic|scales:4|orientations:4|rgb|8bit|u1",
    "lpips": "lpips|v0.1|alex|rgb|8bit|native size",
    "lpips_squeeze": "lpips|v0.1|squeeze|rgb|8bit|native size",
    "lpips_vgg": "lpips|v0.1|vgg|rgb|8bit|native size",
    "fid": "fid|pytorch-fid inception 2015-12-05|pool3:2048|resize:299 bilinear|rgb|8bit",
    "kid": "kid|pytorch-fid inception 2015-12-05|pool3:2048|poly:3|unbiased full|resize:299 bilinear|rgb|8bit",
    "fd_alexnet": "fd|alexnet relu5 mean:256|native size|rgb|8bit",
    "kid_alexnet": "kid|alexnet relu5 mean:256|poly:3|unbiased full|native size|rgb|8bit",
    "mask_iou": "mask_iou|threshold:0.5|empty:1",
    "mask_f1": "mask_f1|threshold:0.5|empty:1",
    "texture": "texture|bt601|box:1,3,5,9|chequer|floor:0.5|8bit|u1",
    "brisque": "brisque|piq 0.8|luma rounded|8bit",
    "niqe": "niqe|luma:bt601 16-235 rounded|win:7|sigma:1.167|block:96|pristine:authors|8bit",
}
CHANGES = [
    ("ssim", "_structural", "SIGMA_PX", "1.6"),
    ("ssim", "_structural", "WINDOW_PX", "9"),
    ("ms_ssim", "_structural", "SIGMA_PX", "1.6"),
    ("ms_ssim", "ms_ssim", "WEIGHTS", "(0.2, 0.3, 0.5)"),
    ("fsim", "_phase_congruency", "SCALES", "5"),
    ("fsim", "_phase_congruency", "ORIENTATIONS", "6"),
    ("texture", "texture", "SIDES", "(1, 3, 7)"),
    ("texture", "texture", "FLOOR_LEVELS", "1.0"),
    ("niqe", "niqe", "LUMA_OFFSET", "0.0"),
    ("niqe", "niqe", "BLOCK_PX", "64"),
    ("niqe", "_scene_statistics", "WINDOW_SIGMA", "1.5"),
    ("fid", "_deep_features", "INCEPTION_PX", "256"),
    ("kid", "kid", "DEGREE", "2"),
    ("lpips", "lpips", "HEADS_VERSION", '"v0.2"'),
    ("mask_iou", "_overlap", "THRESHOLD", "0.4"),
    ("mask_f1", "_overlap", "BOTH_EMPTY", "0.0"),
]


@pytest.mark.parametrize("name", TODAY)
def test_signatures_are_those_of_earlier_boards(name: str) -> None:
    assert METRICS.card(name).signature == TODAY[name]


def with_source(name: str, source: str) -> types.ModuleType:
    """A module of the metrics' room made from ``source``."""
    module = types.ModuleType(f"{ROOM}.{name}")
    module.__file__ = f"{name}.py"
    # In angle brackets, since coverage asks for the source of what looks like a file.
    exec(compile(source, f"<{name}>", "exec"), vars(module))
    return module


def source_of(name: str) -> str:
    return Path(str(importlib.import_module(f"{ROOM}.{name}").__file__)).read_text(encoding="utf-8")


@pytest.mark.parametrize(("metric", "module", "constant", "value"), CHANGES)
def test_a_changed_value_changes_the_signature(
    metric: str, module: str, constant: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed, count = re.subn(rf"^{constant} = .*$", f"{constant} = {value}", source_of(module), flags=re.M)
    assert count == 1
    file = {"lpips_squeeze": "lpips", "fd_alexnet": "fid"}.get(metric, metric)
    found: dict[str, str] = {}
    monkeypatch.setattr(
        PluginRegistry, "register", lambda self, name: lambda cls: found.setdefault(name, cls.card.signature) and cls
    )
    monkeypatch.setitem(importlib.import_module("sys").modules, f"{ROOM}.{module}", with_source(module, changed))
    if file != module:
        with_source(file, source_of(file))
    assert found[metric] != TODAY[metric]

"""What a suite asks for and is not here: refused with the way out named, or left out and said in the run and on its board."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from unmaskbench.benchmark.plan.suite import Suite, SuiteError, parse
from unmaskbench.benchmark.run.entry import run
from unmaskbench.reports.board import load

UNTRAINED = {"id": "ra_unet", "label": "never_trained", "parameters": {"recipe": "unet"}}


@pytest.fixture(autouse=True)
def _no_weights_of_the_users(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("UNMASKBENCH_HOME", str(tmp_path / "empty"))


def asked(methods: list[object]) -> Suite:
    """Four small heads of two people under a block; MS-SSIM cannot be computed at this size."""
    return parse(
        {
            "name": "absent",
            "datasets": [{"id": "synthetic", "parameters": {"identities": 2}}],
            "size": 64,
            "occlusions": ["block"],
            "methods": methods,
            "metrics": ["psnr", "ms_ssim"],
            "statistics": {"resamples": 100},
        },
        "test",
    )


def test_refused_with_the_option_named(tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match="--skip-missing") as refused:
        run(asked(["untouched", UNTRAINED]), tmp_path / "run")
    assert "ra_unet_unet.safetensors" in str(refused.value)
    assert not (tmp_path / "run" / "board.json").exists()


def test_left_out_and_said_with_its_remedy(tmp_path: Path) -> None:
    folder = run(asked(["untouched", UNTRAINED]), tmp_path / "run", skip_missing=True, speed=False)
    record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    assert [entry["label"] for entry in record["methods"]] == ["untouched"]
    assert [entry["id"] for entry in record["suite"]["metrics"]] == ["psnr"]
    assert len(record["skipped"]) == 2
    assert "bench train ra_unet --recipe unet" in record["skipped"][0]
    assert "ms_ssim" in record["skipped"][1]
    warnings = [text for text in load(folder).warnings if text.startswith("Left out of the suite")]
    assert [text.partition(": ")[2].rstrip(".") for text in warnings] == record["skipped"]


def test_a_suite_of_which_no_method_is_left_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match="no method of suite 'absent' can run here"):
        run(asked([UNTRAINED]), tmp_path / "run", skip_missing=True)

"""Finished PNGs against their truths, without a suite."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.tiny import write_png
from unmaskbench.benchmark.metrics.l1 import l1
from unmaskbench.benchmark.metrics.psnr import psnr
from unmaskbench.benchmark.run.score_folder import score_folder


def noise(seed: int, size: int = 32) -> torch.Tensor:
    return torch.randint(0, 256, (3, size, size), generator=torch.Generator().manual_seed(seed)).float() / 255


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path, Path]:
    for n in range(3):
        write_png(tmp_path / "restored" / f"p{n}" / "1.png", noise(n))
        write_png(tmp_path / "truth" / f"p{n}" / "1.png", noise(n + 10))
        hole = torch.zeros(1, 32, 32)
        hole[:, 8:20, 8:20] = 1
        write_png(tmp_path / "masks" / f"p{n}" / "1.png", hole)
    return tmp_path / "restored", tmp_path / "truth", tmp_path / "masks"


def test_values_are_the_metrics_own(folders: tuple[Path, Path, Path]) -> None:
    table = score_folder(*folders, ["psnr", "l1"])
    found = {(r["sample"], r["metric"], r["region"]): r["value"] for r in table.iter_rows(named=True)}
    assert len(found) == 3 * 2 * 4
    hole = torch.zeros(1, 1, 32, 32)
    hole[..., 8:20, 8:20] = 1
    for n in range(3):
        pair = noise(n)[None], noise(n + 10)[None]
        assert found[f"p{n}/1.png", "psnr", "whole"] == pytest.approx(psnr(*pair).item())
        assert found[f"p{n}/1.png", "l1", "hole"] == pytest.approx(l1(*pair, hole).item())


def test_without_masks_only_the_whole_is_scored(folders: tuple[Path, Path, Path]) -> None:
    table = score_folder(folders[0], folders[1], None, ["psnr"])
    assert set(table["region"]) == {"whole"}
    assert table.height == 3


def test_what_does_not_pair_is_a_row_that_says_why(folders: tuple[Path, Path, Path]) -> None:
    restored, truth, masks = folders
    (truth / "p0" / "1.png").unlink()
    write_png(masks / "p1" / "1.png", torch.ones(1, 30, 30))
    (restored / "p2" / "1.png").write_bytes((restored / "p2" / "1.png").read_bytes()[:200])
    write_png(restored / "p3.png", noise(3))
    write_png(truth / "p3.png", noise(4))
    table = score_folder(restored, truth, masks, ["psnr"])
    assert set(table["status"]) == {"failed_score"}
    messages = dict(table.select("sample", "message").iter_rows())
    assert "no truth at" in messages["p0/1.png"]
    assert "restored is 32 x 32 px, its mask 30 x 30 px" in messages["p1/1.png"]
    assert "cannot be decoded, truncated or damaged" in messages["p2/1.png"]
    assert "no mask at" in messages["p3.png"]


def test_a_metric_that_refuses_a_size_costs_no_other(folders: tuple[Path, Path, Path]) -> None:
    write_png(folders[0] / "small.png", noise(1, 8))
    write_png(folders[1] / "small.png", noise(2, 8))
    table = score_folder(folders[0], folders[1], None, ["ssim", "psnr"])
    fates = {(r["sample"], r["metric"]): r["status"] for r in table.iter_rows(named=True)}
    assert fates.pop(("small.png", "ssim")) == "failed_score"
    assert set(fates.values()) == {"ok"}


def test_an_empty_region_is_skipped(folders: tuple[Path, Path, Path]) -> None:
    write_png(folders[2] / "p0" / "1.png", torch.ones(1, 32, 32))
    table = score_folder(*folders, ["psnr"])
    known = next(r for r in table.iter_rows(named=True) if (r["sample"], r["region"]) == ("p0/1.png", "known"))
    assert (known["status"], known["message"], known["value"]) == ("skipped", "the region is empty", None)


def test_folders_without_images_are_refused(folders: tuple[Path, Path, Path], tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=r"holds no \.png"):
        score_folder(tmp_path / "empty", folders[1], None, ["psnr"])
    with pytest.raises(ValueError, match="no folder at"):
        score_folder(folders[0], tmp_path / "absent", None, ["psnr"])
    with pytest.raises(ValueError, match="scored image by image"):
        score_folder(folders[0], folders[1], None, ["mask_iou"])

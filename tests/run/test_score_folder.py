"""Finished PNGs against their truths, without a suite."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
import torch

from tests.tiny import write_png
from unmaskbench.benchmark.cli.main import main
from unmaskbench.benchmark.metrics.l1 import l1
from unmaskbench.benchmark.metrics.psnr import psnr
from unmaskbench.benchmark.plugins.registry import METRICS
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
    table = score_folder(*folders, ["psnr", "l1"]).table
    found = {(r["sample"], r["metric"], r["region"]): r["value"] for r in table.iter_rows(named=True)}
    assert len(found) == 3 * 2 * 4
    hole = torch.zeros(1, 1, 32, 32)
    hole[..., 8:20, 8:20] = 1
    for n in range(3):
        pair = noise(n)[None], noise(n + 10)[None]
        assert found[f"p{n}/1.png", "psnr", "whole"] == pytest.approx(psnr(*pair).item())
        assert found[f"p{n}/1.png", "l1", "hole"] == pytest.approx(l1(*pair, hole).item())


def test_without_masks_only_the_whole_is_scored(folders: tuple[Path, Path, Path]) -> None:
    table = score_folder(folders[0], folders[1], None, ["psnr"]).table
    assert set(table["region"]) == {"whole"}
    assert table.height == 3


def test_what_does_not_pair_is_a_row_that_says_why(folders: tuple[Path, Path, Path]) -> None:
    restored, truth, masks = folders
    (truth / "p0" / "1.png").unlink()
    write_png(masks / "p1" / "1.png", torch.ones(1, 30, 30))
    (restored / "p2" / "1.png").write_bytes((restored / "p2" / "1.png").read_bytes()[:200])
    write_png(restored / "p3.png", noise(3))
    write_png(truth / "p3.png", noise(4))
    table = score_folder(restored, truth, masks, ["psnr"]).table
    assert set(table["status"]) == {"failed_score"}
    messages = dict(table.select("sample", "message").iter_rows())
    assert "no truth at" in messages["p0/1.png"]
    assert "restored is 32 x 32 px, its mask 30 x 30 px" in messages["p1/1.png"]
    assert "cannot be decoded, truncated or damaged" in messages["p2/1.png"]
    assert "no mask at" in messages["p3.png"]


def test_a_metric_that_refuses_a_size_costs_no_other(folders: tuple[Path, Path, Path]) -> None:
    write_png(folders[0] / "small.png", noise(1, 8))
    write_png(folders[1] / "small.png", noise(2, 8))
    table = score_folder(folders[0], folders[1], None, ["ssim", "psnr"]).table
    fates = {(r["sample"], r["metric"]): r["status"] for r in table.iter_rows(named=True)}
    assert fates.pop(("small.png", "ssim")) == "failed_score"
    assert set(fates.values()) == {"ok"}


def test_an_empty_region_is_skipped(folders: tuple[Path, Path, Path]) -> None:
    write_png(folders[2] / "p0" / "1.png", torch.ones(1, 32, 32))
    table = score_folder(*folders, ["psnr"]).table
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


def said(capfd: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, list[str]]:
    """What ``bench score`` returns and says."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["bench", "score", *map(str, arguments)])
        try:
            main()
            code: object = 0
        except SystemExit as end:
            code = end.code
    return int(str(code)), "".join(capfd.readouterr()).splitlines()


def test_what_was_left_is_counted_and_every_figure_bears_its_signature(
    folders: tuple[Path, Path, Path], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    restored, truth, _ = folders
    write_png(truth / "alone.png", noise(5))
    write_png(restored / "new.PNG", noise(6))
    write_png(restored / "@eaDir" / "thumb.png", noise(7))
    write_png(restored / ".hidden.png", noise(7))
    (restored / "notes.txt").write_text("mine")
    (restored / "photo.jpg").write_bytes(b"no picture")
    code, lines = said(capfd, restored, "--truth", truth, "--metrics", "psnr,ssim", "--out", tmp_path / "scores.csv")
    assert code == 0
    for metric in ("psnr", "ssim"):
        (line,) = [line for line in lines if line.startswith(f"{metric} ")]
        assert "(n 3)" in line
        assert line.endswith(f"  {METRICS.card(metric).signature}")
    assert "3 of 4 images scored, 1 with a failure" in lines
    assert "1 truth has no restored image: alone.png" in lines
    assert f"{restored}: left out 1 a system's own, 1 hidden" in lines
    assert f"{restored}: 2 files that are no .png were not read" in lines
    with (tmp_path / "scores.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert {row["signature"] for row in rows if row["metric"]} == {METRICS.card(m).signature for m in ("psnr", "ssim")}


def test_a_folder_of_which_nothing_is_scored_is_no_success(
    folders: tuple[Path, Path, Path], capfd: pytest.CaptureFixture[str]
) -> None:
    restored, truth, _ = folders
    for path in truth.rglob("*.png"):
        path.rename(path.with_name("other.png"))
    code, lines = said(capfd, restored, "--truth", truth)
    assert code == 2
    assert "0 of 3 images scored, 3 with a failure" in lines
    assert "3 truths have no restored image: p0/other.png, p1/other.png, p2/other.png" in lines
    assert lines[-1].startswith("bench: nothing was scored: not one of 3 images")


def test_identical_images_count_at_the_ceiling(
    folders: tuple[Path, Path, Path], capfd: pytest.CaptureFixture[str]
) -> None:
    _, lines = said(capfd, folders[1], "--truth", folders[1], "--metrics", "psnr")
    assert lines[0].startswith("psnr       whole  100  (n 3); 3 identical to the truth, counted at 100")

"""Diffusion pipelines: real ones of random, tiny modules, saved to disk and opened from there."""

from __future__ import annotations

import importlib.util
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from string import ascii_lowercase
from typing import Any

import pytest
import torch

from tests import tiny
from unmaskbench.benchmark.plan.entries import MethodEntry
from unmaskbench.benchmark.plugins.registry import METHODS, UnavailablePluginError
from unmaskbench.benchmark.run.entry import run
from unmaskbench.benchmark.run.restore import Restorer

pytest.importorskip("diffusers", reason="the door diffusers: needs its package (extra: diffusers)")
pytest.importorskip("transformers", reason="the door diffusers: needs transformers (extra: diffusers)")
SIZE = 32


@pytest.fixture(autouse=True, scope="module")
def _plugins() -> Iterator[None]:
    with tiny.registered():
        yield


@pytest.fixture(scope="module")
def repaint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from diffusers import RePaintPipeline, RePaintScheduler, UNet2DModel

    torch.manual_seed(1)
    unet = UNet2DModel(
        sample_size=SIZE, block_out_channels=(8, 16), norm_num_groups=4, layers_per_block=1,
        down_block_types=("DownBlock2D", "DownBlock2D"), up_block_types=("UpBlock2D", "UpBlock2D"),
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("repaint") / "pipe"
    RePaintPipeline(unet, RePaintScheduler()).save_pretrained(folder)
    (folder / "unmaskbench.yaml").write_text(f"native_size: {SIZE}\nsteps: 5\ntitle: Tiny RePaint\n")
    return folder


@pytest.fixture(scope="module")
def stable(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Stable Diffusion's inpainting layout: nine channels, a text encoder, an autoencoder."""
    from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionInpaintPipeline, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

    torch.manual_seed(1)
    folder = tmp_path_factory.mktemp("stable")
    words = ["<|startoftext|>", "<|endoftext|>", *ascii_lowercase, *(f"{letter}</w>" for letter in ascii_lowercase)]
    (folder / "vocab.json").write_text(json.dumps({word: place for place, word in enumerate(words)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    tokenizer = CLIPTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"), model_max_length=16)
    text = CLIPTextModel(CLIPTextConfig(
        hidden_size=8, intermediate_size=16, num_attention_heads=2, num_hidden_layers=1, vocab_size=len(words),
        max_position_embeddings=16, projection_dim=8, bos_token_id=0, eos_token_id=1, pad_token_id=1,
    ))  # fmt: skip
    unet = UNet2DConditionModel(
        sample_size=SIZE // 2, in_channels=9, block_out_channels=(8, 16), norm_num_groups=4, layers_per_block=1,
        cross_attention_dim=8, attention_head_dim=4, down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
    )  # fmt: skip
    vae = AutoencoderKL(
        block_out_channels=(8, 8), norm_num_groups=4, down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
    )  # fmt: skip
    pipeline = StableDiffusionInpaintPipeline(
        vae=vae, text_encoder=text, tokenizer=tokenizer, unet=unet, scheduler=DDIMScheduler(), safety_checker=None,
        feature_extractor=None, requires_safety_checker=False,
    )  # fmt: skip
    pipeline.save_pretrained(folder / "pipe")
    return folder / "pipe"


def hole(count: int) -> torch.Tensor:
    mask = torch.zeros(count, 1, SIZE, SIZE)
    mask[..., 10:22, 8:24] = 1
    return mask


def opened(folder: Path, **parameters: Any) -> Any:
    method = METHODS.build("diffusers", source=str(folder), **parameters)
    method.load("cpu")
    return method


def test_repaint_keeps_what_is_known_and_paints_the_hole(repaint: Path) -> None:
    image, mask = (torch.rand(2, 3, SIZE, SIZE) * 255).round() / 255, hole(2)
    restorer = Restorer(MethodEntry.model_validate(f"diffusers:{repaint}"), "cpu", "fp32")
    assert restorer.card.title == "Tiny RePaint"
    assert "RePaintPipeline: steps 5, guidance 7.5, strength 1, seed 0" in restorer.card.notes
    result = restorer.restore(image, mask, ["a", "b"])
    assert result.errors == ["", ""]
    known = mask.expand_as(image) == 0
    assert (result.raw - image).abs()[known].max() < 2 / 255
    assert (result.raw - image).abs()[~known].mean() > 0.1
    swapped = torch.where(mask > 0, torch.rand_like(image), image)
    assert torch.equal(restorer.restore(swapped, mask, ["a", "b"]).raw, result.raw)
    inverted = restorer.restore(image, 1 - mask, ["a", "b"])
    assert (inverted.raw - image).abs()[known].mean() > 0.1
    alone = restorer.restore(image[1:], mask[1:], ["b"])
    assert torch.equal(alone.raw, result.raw[1:])


def test_stable_diffusion_sees_nothing_of_the_hole_and_its_settings_count(stable: Path) -> None:
    image, mask = torch.rand(1, 3, SIZE, SIZE), hole(1)
    swapped = torch.where(mask > 0, torch.rand_like(image), image)
    settings = {"steps": 3, "native_size": SIZE}
    with torch.inference_mode():
        method = opened(stable, **settings)
        first = method.restore(image, mask)
        assert first.shape == image.shape
        assert 0 <= float(first.min()) < float(first.max()) <= 1
        # The pipeline itself hides the hole: with an inverted mask the swapped pixels would be what it sees.
        assert torch.equal(method.restore(swapped, mask), first)
        assert not torch.equal(method.restore(swapped, 1 - mask), method.restore(image, 1 - mask))
        for change in ({"seed": 1}, {"prompt": "a cat"}, {"steps": 4}, {"guidance": 1.0}, {"strength": 0.7}):
            assert not torch.equal(opened(stable, **{**settings, **change}).restore(image, mask), first), change


def test_a_run_scores_it_and_resumes(repaint: Path, tmp_path: Path) -> None:
    suite = tiny.suite(methods=["untouched", f"diffusers:{repaint}=ours"], matchers=[], metrics=["psnr"])
    folder = run(suite, tmp_path / "run", speed=False)
    board = json.loads((folder / "board.json").read_text())
    assert {row["method"] for row in board["rows"]} == {"untouched", "ours"}
    assert not [row for row in board["statuses"] if row["status"] != "ok"]
    before = {path: path.stat().st_mtime_ns for path in (folder / "parts").iterdir()}
    run(suite, tmp_path / "run", speed=False)
    assert {path: path.stat().st_mtime_ns for path in (folder / "parts").iterdir()} == before


@pytest.mark.parametrize(
    ("index", "parameters", "sentence"),
    [
        (None, {}, "holds no model_index.json of a pipeline"),
        ("{", {}, "holds no model_index.json of a pipeline"),
        ('{"_class_name": "DDPMPipeline"}', {}, "holds a DDPMPipeline, which does not inpaint"),
        ('{"_class_name": "RePaintPipeline"}', {"step": 3}, "unknown key 'step'; legal keys: guidance, hub"),
        ('{"_class_name": "RePaintPipeline"}', {"steps": 0}, "steps must be 1 or more"),
        ('{"_class_name": "RePaintPipeline"}', {"prompt": 3}, "prompt must be of type str, got 3"),
    ],
)
def test_what_is_no_pipeline_is_told(
    tmp_path: Path, index: str | None, parameters: dict[str, Any], sentence: str
) -> None:
    if index is not None:
        (tmp_path / "model_index.json").write_text(index)
    with pytest.raises(ValueError) as caught:
        METHODS.build("diffusers", source=str(tmp_path), **parameters)
    assert sentence in str(caught.value)


def test_the_hub_is_asked_only_when_told_to(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is fetched only with hub: true"):
        METHODS.build("diffusers", source="owner/name")
    assert METHODS.build("diffusers", source="owner/name", hub=True).card.needs_mask


def test_a_pipeline_without_its_parts_fails_its_rows_with_a_sentence(tmp_path: Path) -> None:
    for kind, sentence in (
        ("RePaintPipeline", "is no inpainting pipeline that diffusers can open"),
        ("MyInpaint", "does not have"),
    ):
        (tmp_path / "model_index.json").write_text(
            json.dumps({"_class_name": kind, "unet": ["diffusers", "UNet2DModel"]})
        )
        with pytest.raises(ValueError, match=sentence):
            opened(tmp_path)


def test_code_that_lies_in_the_folder_is_not_run(repaint: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(repaint, tmp_path / "pipe")
    for place in (folder, folder / "unet"):
        (place / "mine.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\nclass Mine: ...\n")
    index = json.loads((folder / "model_index.json").read_text())
    (folder / "model_index.json").write_text(json.dumps({**index, "unet": ["mine", "Mine"]}))
    with pytest.raises(ValueError, match="is no inpainting pipeline that diffusers can open"):
        opened(folder)
    (folder / "model_index.json").write_text(json.dumps({**index, "_class_name": ["mine", "MineInpaint"]}))
    with pytest.raises(ValueError):
        opened(folder)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("package", ["diffusers", "transformers"])
def test_without_a_package_the_remedy_is_told(repaint: Path, package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name == package else find(name, *rest))
    with pytest.raises(UnavailablePluginError, match=r"pip install 'unmaskbench\[diffusers\]'"):
        METHODS.build("diffusers", source=str(repaint))

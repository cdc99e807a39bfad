"""Somebody's finished images: where they are looked for, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from PIL import Image

from tests.tiny import registered, suite, write_png
from unmaskbench.benchmark.plan.entries import MethodEntry
from unmaskbench.benchmark.plan.listener import Listener
from unmaskbench.benchmark.plugins.registry import METHODS
from unmaskbench.benchmark.run.entry import run
from unmaskbench.benchmark.run.restore import Restorer


def picture(seed: int) -> torch.Tensor:
    return torch.randint(0, 256, (3, 16, 16), generator=torch.Generator().manual_seed(seed)).float() / 255


def read(folder: Path, *samples: str) -> torch.Tensor:
    method = METHODS.build("predictions", source=str(folder))
    method.load("cpu")
    restored: torch.Tensor = method.restore(torch.zeros(len(samples), 3, 16, 16), None, ids=list(samples))
    return restored


def test_the_nearest_layout_wins(tmp_path: Path) -> None:
    write_png(tmp_path / "p" / "1.png", picture(1))
    assert torch.equal(read(tmp_path, "lfw/block/p/1")[0], picture(1))
    write_png(tmp_path / "block" / "p" / "1.png", picture(2))
    assert torch.equal(read(tmp_path, "lfw/block/p/1")[0], picture(2))
    write_png(tmp_path / "lfw" / "block" / "p" / "1.png", picture(3))
    both = read(tmp_path, "lfw/block/p/1", "lfw/objects/p/1")
    assert torch.equal(both, torch.stack([picture(3), picture(1)]))


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "CMYK"])
def test_other_kinds_of_pictures_become_rgb(tmp_path: Path, mode: str) -> None:
    grey = Image.new("RGB", (16, 16), (100, 100, 100))
    grey = grey.quantize(2) if mode == "P" else grey.convert(mode)
    grey.save(tmp_path / "a.png", "TIFF" if mode == "CMYK" else "PNG")
    assert read(tmp_path, "d/o/a").shape == (1, 3, 16, 16)
    assert (read(tmp_path, "d/o/a") - 100 / 255).abs().max() < 0.02


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("absent", r"holds no d/o/a\.png, nor a\.png"),
        ("empty", r"a\.png: is empty \(0 bytes\)"),
        ("text", r"a\.png: is not an image in a format that is known here"),
        ("torn", r"a\.png: cannot be decoded, truncated or damaged"),
        ("small", r"a\.png is 8 x 16 px; expected 16 x 16"),
        ("large", r"expected 16 x 16"),
        ("link", "links out of a predictions folder are refused"),
        ("folder", "holds no"),
    ],
)
def test_what_cannot_be_used_fails_its_sample_only(tmp_path: Path, kind: str, said: str) -> None:
    folder = tmp_path / "mine"
    write_png(folder / "good.png", picture(0))
    bad = folder / "a.png"
    if kind == "empty":
        bad.write_bytes(b"")
    elif kind == "text":
        bad.write_text("not a picture")
    elif kind == "torn":
        bad.write_bytes(write_png(bad, picture(1)).read_bytes()[:-100])
    elif kind == "small":
        Image.new("RGB", (8, 16)).save(bad)
    elif kind == "large":
        Image.new("1", (9000, 1)).save(bad)
    elif kind == "link":
        bad.symlink_to(write_png(tmp_path / "secret.png", picture(2)))
    elif kind == "folder":
        bad.mkdir()
    entry = MethodEntry.model_validate(f"predictions:{folder}")
    restored = Restorer(entry, "cpu", "fp32").restore(
        torch.zeros(2, 3, 16, 16), torch.ones(2, 1, 16, 16), ["d/o/a", "d/o/good"]
    )
    assert restored.errors[1] == ""
    assert torch.equal(restored.raw[1], picture(0))
    with pytest.raises(ValueError, match=said):
        raise ValueError(restored.errors[0])


@pytest.mark.parametrize("sample", ["../secret", "a/../../secret"])
def test_ids_that_climb_read_nothing(tmp_path: Path, sample: str) -> None:
    write_png(tmp_path / "secret.png", picture(2))
    write_png(tmp_path / "mine" / "a" / "x.png", picture(1))
    with pytest.raises((ValueError, FileNotFoundError)):
        read(tmp_path / "mine" / "a", f"d/o/{sample}")


def test_links_inside_the_folder_are_fine(tmp_path: Path) -> None:
    write_png(tmp_path / "real.png", picture(1))
    (tmp_path / "a.png").symlink_to("real.png")
    assert torch.equal(read(tmp_path, "d/o/a")[0], picture(1))


def test_an_absent_folder_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no folder at .*; give --methods predictions:FOLDER"):
        METHODS.build("predictions", source=str(tmp_path / "absent"))


def test_a_flat_folder_that_would_serve_several_conditions_is_told(tmp_path: Path) -> None:
    method = METHODS.build("predictions", source=str(tmp_path))
    write_png(tmp_path / "p0" / "0.png", picture(1))
    three = [("tiny_faces", name) for name in ("block", "objects", "irregular")]
    (sentence,) = method.remarks_on(three)
    assert "one flat folder would serve tiny_faces/block, tiny_faces/objects, tiny_faces/irregular alike" in sentence
    assert method.remarks_on(three[:1]) == []
    for _, name in three[:2]:
        (tmp_path / name).mkdir()
    assert method.remarks_on(three) == []
    with registered():
        told: list[str] = []
        occlusions = [
            {"id": "tiny_block", "label": name, "parameters": {"share": share}}
            for name, share in (("a", 0.3), ("b", 0.4))
        ]
        asked = suite(methods=[f"predictions:{tmp_path}"], occlusions=occlusions, metrics=["psnr"], matchers=[])
        run(asked, tmp_path / "run", speed=False, listener=Listener(note=told.append))
    assert any("one flat folder would serve tiny_faces/a, tiny_faces/b alike" in note for note in told)

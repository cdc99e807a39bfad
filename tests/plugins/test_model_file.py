"""The input convention of a model file: read, checked, applied and undone."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from unmaskbench.benchmark.plugins.model_file import Convention, card_of, read_convention


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "restorer.onnx"
    path.write_bytes(b"model")
    return path


def test_a_convention_is_read_whole(model: Path) -> None:
    content = {
        "title": "Mine", "needs_mask": True, "native_size": 256, "size_multiple": 8, "range": [-1, 1],
        "channels": "bgr", "inputs": "separate", "mask_value": 0, "blank": True,
    }  # fmt: skip
    model.with_suffix(".yaml").write_text(yaml.safe_dump(content))
    convention = read_convention(model)
    assert convention == Convention(**{**content, "range": (-1.0, 1.0)})
    card = card_of(model, convention, "onnx")
    assert (card.title, card.needs_mask, card.native_size, card.size_multiple) == ("Mine", True, 256, 8)
    assert card.provenance == "user-model"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("title: [", "is not valid YAML"),
        ("- a", "must hold a mapping"),
        ("", "must hold a mapping"),
        ("native: 256", "unknown key 'native'; legal keys: blank, channels, inputs"),
        ("channels: rbg", "channels must be one of rgb, bgr, got 'rbg'"),
        ("inputs: both", "inputs must be one of image, concatenated, separate"),
        ("mask_value: 255", "mask_value must be one of 0, 1"),
        ("native_size: big", "native_size must be a whole number"),
        ("native_size: 0", "native_size must be a whole number"),
        ("size_multiple: true", "size_multiple must be a whole number"),
        ("size_multiple: null", "size_multiple must be a whole number"),
        ("needs_mask: 1", "needs_mask must be true or false"),
        ("range: [1, -1]", "range must be two numbers, low then high"),
        ("range: 255", "range must be two numbers"),
        ("range: [0, .inf]", "range must be two numbers"),
        (f"range: [0, {10**400}]", "range must be two numbers"),
        ("title: 2026-02-30", "is not valid YAML"),
        ("a: &a [x, x]\ntitle: [*a, *a]", r"aliases \(\*name\) are not allowed"),
        ("title: " + "x" * 64_000, "larger than 64 KB"),
        ("range: [false, true]", "range must be two numbers"),
        ("title: 3", "title must be a text"),
        ("inputs: separate", "need needs_mask: true"),
        ("blank: true\nneeds_mask: true", "blank has a meaning"),
    ],
)
def test_what_is_wrong_names_file_key_and_legal_values(model: Path, content: str, said: str) -> None:
    model.with_suffix(".yaml").write_text(content)
    with pytest.raises(ValueError, match=said) as caught:
        read_convention(model)
    assert "restorer.yaml" in str(caught.value)


def test_absent_files_are_named(model: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"needs its input convention in restorer\.yaml beside it"):
        read_convention(model)
    with pytest.raises(ValueError, match=r"One line will do .* 'title: My network'.*docs/extend/model-files\.md"):
        read_convention(model)
    with pytest.raises(ValueError, match="no model file at"):
        read_convention(tmp_path / "absent.onnx")


EVERY = [
    Convention(needs_mask=True, range=r, channels=c, inputs=i, mask_value=m, blank=b)
    for r, c, i, m, b in itertools.product(
        [(0.0, 1.0), (-1.0, 1.0), (0.0, 255.0)], ["rgb", "bgr"], ["concatenated", "separate"], [0, 1], [False, True]
    )
]


@pytest.mark.parametrize("convention", EVERY)
def test_encode_gives_what_the_convention_says_and_decode_undoes_it(convention: Convention) -> None:
    image = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    mask = torch.zeros(2, 1, 8, 8)
    mask[..., 2:5, 2:5] = 1
    tensors: list[Any] = convention.encode(image, mask)
    assert [t.shape[1] for t in tensors] == ([4] if convention.inputs == "concatenated" else [3, 1])
    whole = torch.cat(tensors, 1)
    hole = mask.bool().expand(-1, 3, -1, -1)
    assert torch.equal(whole[:, 3:] == convention.mask_value, mask.bool())
    low, high = convention.range
    assert low <= whole[:, :3].min() <= whole[:, :3].max() <= high
    back = convention.decode(whole[:, :3])
    assert torch.allclose(back[~hole], image[~hole], atol=1e-6)
    if convention.blank:
        assert torch.allclose(back[hole], torch.tensor(0.5))
    else:
        assert torch.allclose(back[hole], image[hole], atol=1e-6)
    if convention.channels == "bgr":
        assert torch.allclose(whole[0, 0, 0, 0], image[0, 2, 0, 0] * (high - low) + low)


def test_inputs_that_need_a_mask_say_so() -> None:
    with pytest.raises(ValueError, match="need a mask"):
        Convention(inputs="separate").encode(torch.zeros(1, 3, 4, 4), None)

"""DFDNet looks where it should, and reads its authors' files and a user's landmarks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tests import parity
from tests.methods.narrow_networks import SMALL_DFDNET, small_dfdnet
from unmaskbench.benchmark.plugins.registry import METHODS, UnavailablePluginError
from unmaskbench.benchmark.plugins.weights.loading import WeightsError
from unmaskbench.methods.dfdnet.landmarks import HEADER
from unmaskbench.methods.dfdnet.network import PARTS, SCALES, DFDNet, nearest, part_boxes

GOLDEN = [-0.32125, 0.09814, 0.41858, -0.00742]
BOXES = torch.tensor([[[8, 8, 24, 24], [36, 8, 56, 28], [24, 24, 40, 40], [16, 36, 48, 60]]])


def face(side: int = 64, seed: int = 1) -> Tensor:
    return parity.cells((1, 3, side, side), side // 16, seed) * 2 - 1


def run(network: DFDNet, image: Tensor) -> Tensor:
    with torch.no_grad():
        return network.generate(image, BOXES)


def test_the_narrow_network_gives_what_it_gave_at_parity() -> None:
    assert parity.projections(run(small_dfdnet(), face())) == pytest.approx(GOLDEN, abs=1e-4)


@pytest.mark.parametrize("axis", [1, 3], ids=["bgr", "mirrored"])
def test_a_wrong_input_is_noticed(axis: int) -> None:
    network = small_dfdnet()
    assert parity.moved(run(network, face().flip(axis)), run(network, face())) > 1e-2


def test_the_nearest_entry_is_taken_with_the_statistics_of_the_feature() -> None:
    generator = torch.Generator().manual_seed(0)
    entries = torch.randn(5, 6, 4, 4, generator=generator)
    feature = entries[3:4] * 2 + 7
    found = nearest(feature, entries * 5 - 2)
    torch.testing.assert_close(found, feature, atol=1e-3, rtol=1e-3)
    larger = nearest(feature.repeat_interleave(2, 2).repeat_interleave(2, 3), entries)
    assert larger.shape == (1, 6, 8, 8)
    assert torch.equal(larger[..., ::2, ::2], larger[..., 1::2, 1::2])


def test_boxes_are_squares_around_the_parts() -> None:
    points = torch.full((1, 68, 2), 256.0)
    points[:, 48:68, 0] = torch.linspace(200, 320, 20)
    boxes = part_boxes(points)
    assert boxes[0, 0].tolist() == [241, 241, 272, 272]
    assert boxes[0, 3].tolist() == [201, 197, 320, 316]


def published_folder(folder: Path) -> Path:
    """What the authors give out, of the narrow network."""
    network = small_dfdnet()
    torch.save(network.state_dict(), folder / "latest_net_G.pth")
    (folder / "DictionaryCenter512").mkdir()
    for part in PARTS:
        for scale in SCALES:
            entries = network.get_buffer(f"dictionary_{part}_{scale}").flatten(1).numpy()
            np.save(folder / "DictionaryCenter512" / f"{part}_{scale}_center.npy", entries)
    return folder


def landmark_file(path: Path, faces: dict[str, float]) -> Path:
    """68 points around the middle of a 128 px face, moved by a number of px."""
    grid = [(40 + 6 * (point % 8), 40 + 6 * (point // 8)) for point in range(68)]
    lines = [",".join(HEADER)]
    lines += [",".join([name, *(f"{value + by:g}" for point in grid for value in point)]) for name, by in faces.items()]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def method(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("dfdnet")
    points = landmark_file(folder / "points.csv", {"a": 0.0, "b/c": 8.0})
    method = METHODS.build("dfdnet", checkpoint=published_folder(folder), landmarks=points, settings=SMALL_DFDNET)
    method.load("cpu")
    return method


def test_each_face_has_its_landmarks_and_no_neighbour_matters(method: Any) -> None:
    images = (torch.cat((face(128, 1), face(128, 2))) + 1) / 2
    restored = method.restore(images, None, ids=["d/o/a", "d/o/b/c"])
    assert restored.shape == images.shape
    assert 0 <= restored.min() < restored.max() <= 1
    torch.testing.assert_close(method.restore(images[1:], None, ids=["d/o/b/c"])[0], restored[1], atol=1e-5, rtol=0)
    assert parity.moved(method.restore(images[1:], None, ids=["d/o/a"])[0], restored[1]) > 1e-4
    with pytest.raises(ValueError, match=r"points\.csv has no landmarks of 'z'"):
        method.restore(images, None, ids=["d/o/a", "d/o/z"])


def test_files_load_what_they_hold(method: Any) -> None:
    wanted = small_dfdnet()
    assert all(torch.equal(value, method.network.state_dict()[key]) for key, value in wanted.state_dict().items())
    name = "dictionary_nose_64"
    assert torch.equal(method.network.get_buffer(name), wanted.get_buffer(name))


def test_what_is_missing_is_told(tmp_path: Path) -> None:
    assert [each.kind for each in METHODS.missing("dfdnet")] == ["weights", "data"]
    (lacking,) = METHODS.missing("dfdnet", {"checkpoint": "folder"})
    assert lacking.name == "68 landmarks"
    assert "landmarks: FILE.csv" in lacking.remedy
    with pytest.raises(UnavailablePluginError, match=r"latest_net_G\.pth and the folder DictionaryCenter512"):
        METHODS.build("dfdnet")
    folder = published_folder(tmp_path)
    points = landmark_file(tmp_path / "points.csv", {"a": 0.0})
    broken = folder / "DictionaryCenter512" / "nose_64_center.npy"
    for content, message in (
        (None, "no dictionary at .*nose_64_center.npy"),
        (np.zeros((3, 7), "float32"), "expected square entries of 32 channels"),
        (np.array([{"a": 1}], dtype=object), "cannot be read as an array"),
    ):
        broken.unlink(missing_ok=True)
        if content is not None:
            np.save(broken, content, allow_pickle=True)
        with pytest.raises(WeightsError, match=message):
            METHODS.build("dfdnet", checkpoint=folder, landmarks=points, settings=SMALL_DFDNET).load("cpu")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("id,x,y\n", "line 1: expected the columns id, x0, y0"),
        (",".join(HEADER) + "\na,1,2\n", "line 2: expected an id and 136 finite numbers"),
        (",".join(HEADER) + "\na," + ",".join(["x"] * 136) + "\n", "line 2: could not convert"),
        (",".join(HEADER) + ("\na," + ",".join(["1"] * 136)) * 2 + "\n", "line 3: 'a' stands twice"),
    ],
)
def test_broken_landmarks_name_the_line(content: str, message: str, tmp_path: Path) -> None:
    points = tmp_path / "points.csv"
    points.write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        METHODS.build("dfdnet", checkpoint=tmp_path, landmarks=points, settings=SMALL_DFDNET).load("cpu")

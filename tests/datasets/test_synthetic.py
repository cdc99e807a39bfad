"""The procedural heads: the same everywhere, exact in their geometry, told apart by their faces."""

from __future__ import annotations

import hashlib
import itertools
import subprocess
import sys

import numpy as np
import pytest
import torch

from unmaskbench.benchmark.plugins.registry import DATASETS
from unmaskbench.benchmark.plugins.types import Dataset, Face
from unmaskbench.datasets.synthetic.capture import draw_capture, rotate, rotation
from unmaskbench.datasets.synthetic.dataset import SPLITS, Synthetic
from unmaskbench.datasets.synthetic.head import build_head
from unmaskbench.datasets.synthetic.identity import draw_identity
from unmaskbench.datasets.synthetic.raster import rasterise
from unmaskbench.datasets.synthetic.traits import TRAITS

IDENTITIES, IMAGES = 10, 3


@pytest.fixture(scope="module")
def dataset() -> Synthetic:
    return Synthetic(identities=IDENTITIES, images_per_identity=IMAGES, size=96, cache=IDENTITIES * IMAGES)


@pytest.fixture(scope="module")
def faces(dataset: Synthetic) -> list[Face]:
    return [dataset[i] for i in range(len(dataset))]


def digest(face: Face) -> str:
    assert face.landmarks is not None
    assert face.surface is not None
    parts = (face.image, face.landmarks, torch.nan_to_num(face.surface, nan=-9.0))
    return hashlib.sha256(b"".join(part.numpy().tobytes() for part in parts)).hexdigest()


def test_contract(dataset: Synthetic, faces: list[Face]) -> None:
    assert isinstance(dataset, Dataset)
    assert DATASETS.get("synthetic") is Synthetic
    assert len(dataset) == IDENTITIES * IMAGES == len({sample.id for sample in dataset.samples})
    for sample, face in zip(dataset.samples, faces, strict=True):
        assert (face.id, face.identity) == (sample.id, sample.identity)
        assert face.image.shape == (3, 96, 96)
        assert face.image.dtype == torch.float32
        codes = face.image * 255
        assert torch.allclose(codes, codes.round(), atol=1e-4)
        assert codes.min() >= 0
        assert codes.max() <= 255
        assert set(face.attributes) == set(Synthetic.card.attributes)
    assert dataset.samples[IMAGES + 1].id == "id900001_01"


def test_same_in_another_process_and_order() -> None:
    wanted = [5, 0, 3]
    code = (
        "import hashlib, torch\n"
        "from unmaskbench.datasets.synthetic.dataset import Synthetic\n"
        "d = Synthetic(identities=2, images_per_identity=3, size=64)\n"
        f"for i in {wanted}:\n"
        "    f = d[i]\n"
        "    parts = (f.image, f.landmarks, torch.nan_to_num(f.surface, nan=-9.0))\n"
        "    print(hashlib.sha256(b''.join(p.numpy().tobytes() for p in parts)).hexdigest())\n"
    )
    there = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    # another length of the set, and the other order, must not matter
    here = Synthetic(identities=7, images_per_identity=3, size=64)
    assert there == [digest(here[i]) for i in sorted(wanted, key=wanted.index)]
    assert [digest(here[i]) for i in reversed(wanted)] == there[::-1]


def test_seed_and_split_change_the_person() -> None:
    pictures = [Synthetic(split=split, identities=1, size=32, seed=seed)[0] for split in SPLITS for seed in (0, 1)]
    assert len({digest(face) for face in pictures}) == len(pictures)


def test_splits_share_no_identity() -> None:
    names = [{s.identity for s in Synthetic(split=split, identities=500).samples} for split in SPLITS]
    assert all(len(part) == 500 for part in names)
    assert len(set.union(*names)) == 1500
    ranges = sorted((r.start, r.stop) for r in SPLITS.values())
    assert all(before[1] <= after[0] for before, after in itertools.pairwise(ranges))


def test_golden_picture() -> None:
    """A picture's statistics are pinned: a change here changes every published figure and needs a changelog entry."""
    image = Synthetic(identities=1, images_per_identity=1)[0].image
    grid = torch.nn.functional.adaptive_avg_pool2d(image, 4).mul(255).round().to(torch.int64)
    golden = torch.tensor(GOLDEN).reshape(3, 4, 4)
    assert (grid - golden).abs().max() <= 1


@pytest.mark.parametrize("index", range(0, IDENTITIES * IMAGES, 4))
def test_landmarks_agree_with_the_surface(faces: list[Face], index: int) -> None:
    face = faces[index]
    assert face.landmarks is not None
    assert face.surface is not None
    for k, (x, y) in enumerate(face.landmarks.tolist()):
        there = face.surface[:, round(y), round(x)]
        if torch.isnan(there).any():
            continue  # hair, or the far side of a turned nose
        if k < 2:
            # half a pixel is 0.02 units here; a turned head shows less of x and y per pixel
            assert abs(float(there[0]) - (-0.5, 0.5)[k]) < 0.08
            assert abs(float(there[1])) < 0.08
            assert abs(float(there[2])) < 0.15
        elif k == 2:
            assert abs(float(there[0])) < 0.12
            assert 0.4 < float(there[1]) < 0.85
            assert float(there[2]) > 0.2
        else:
            assert (float(there[0]) < 0) == (k == 3)
            assert 0.75 < float(there[1]) < 1.6


def test_eyes_are_seen_at_nearly_every_eye_landmark(faces: list[Face]) -> None:
    visible = [
        not bool(torch.isnan(face.surface[:, round(y), round(x)]).any())
        for face in faces
        if face.landmarks is not None and face.surface is not None
        for x, y in face.landmarks[:2].tolist()
    ]
    assert np.mean(visible) > 0.9


def test_eye_landmarks_lie_on_dark_irises_between_whites() -> None:
    """Around each eye landmark of a picture there is something much darker and something lighter than on the cheek."""
    dataset = Synthetic(identities=8, images_per_identity=1, size=192)
    found = 0
    for i in range(len(dataset)):
        face = dataset[i]
        assert face.landmarks is not None
        grey = face.image.mean(0)
        for x, y in face.landmarks[:2].tolist():
            patch = grey[round(y) - 6 : round(y) + 7, round(x) - 8 : round(x) + 9]
            found += bool(patch.min() < 0.6 * patch.max())
    assert found >= 15


def test_frontal_geometry_is_canonical() -> None:
    for number in range(900_000, 900_020):
        who, how = draw_identity(0, "test", number), draw_capture(0, "test", number, 0)
        head = build_head(who, how)
        left, right, nose, mouth_left, mouth_right = head.landmarks
        np.testing.assert_allclose(left[:2], (-0.5, 0), atol=1e-6)
        np.testing.assert_allclose(right[:2], (0.5, 0), atol=1e-6)
        assert abs(left[2] + right[2]) < 0.05
        assert nose[2] > 0.25
        assert right[1] < nose[1] < mouth_left[1]
        assert mouth_left[0] < nose[0] < mouth_right[0]
        length = np.sqrt((head.normals**2).sum(-1))
        np.testing.assert_allclose(length[1:], 1, atol=1e-4)


def test_face_region_lies_on_the_surface(faces: list[Face]) -> None:
    for face in faces:
        assert face.face_region is not None
        assert face.surface is not None
        region = face.face_region[0] > 0.5
        assert set(face.face_region.unique().tolist()) <= {0.0, 1.0}
        assert not torch.isnan(face.surface[:, region]).any()
        assert 0.1 < region.float().mean() < 0.6
        x, y, _ = face.surface[:, region]
        assert x.abs().max() < 1.6
        assert y.min() > -1.7
        assert y.max() < 2.8


def test_surface_follows_yaw() -> None:
    """A head that turns to the image's right shows more of its own left half (x < 0)."""
    dataset = Synthetic(identities=12, images_per_identity=2, size=64)
    shares, yaws = [], []
    for i in range(len(dataset)):
        face = dataset[i]
        assert face.surface is not None
        assert face.face_region is not None
        x = face.surface[0][face.face_region[0] > 0.5]
        shares.append(float((x < 0).float().mean()))
        yaws.append(float(face.attributes["yaw"]))
    assert np.corrcoef(shares, yaws)[0, 1] > 0.8


@pytest.mark.parametrize("index", [0, 5, 10])
def test_sizes_show_the_same_picture(index: int) -> None:
    small = Synthetic(identities=3, size=64)[index]
    large = Synthetic(identities=3, size=256)[index]
    assert small.landmarks is not None
    assert large.landmarks is not None
    # pixel centres are at integers: (x + 0.5) scales, x does not
    torch.testing.assert_close((small.landmarks + 0.5) * 4, large.landmarks + 0.5, atol=1e-3, rtol=0)
    reduced = torch.nn.functional.avg_pool2d(large.image, 4)
    assert (reduced - small.image).abs().mean() < 0.03
    assert small.face_region is not None
    assert large.face_region is not None
    assert (torch.nn.functional.avg_pool2d(large.face_region, 4).round() != small.face_region).float().mean() < 0.03


def _canonical(face: Face) -> np.ndarray:
    """The face's colours gathered on a frontal grid through its surface: pose is undone, hair and background are out."""
    assert face.surface is not None
    surface, image = face.surface.numpy(), face.image.numpy()
    known = ~np.isnan(surface[0])
    column = np.clip(((surface[0][known] + 1) * 6).astype(int), 0, 11)
    row = np.clip(((surface[1][known] + 0.8) * 5).astype(int), 0, 12)
    total = np.zeros((3, 13 * 12))
    for k in range(3):
        total[k] = np.bincount(row * 12 + column, image[k][known], 13 * 12)
    grid = total / np.maximum(np.bincount(row * 12 + column, minlength=13 * 12), 1)
    return (grid / (grid.mean() + 1e-6)).ravel()


def test_identity_shows_through_pose_and_light(faces: list[Face]) -> None:
    """Even a plain comparison of aligned colours finds genuine pairs nearer than impostors, in most cases."""
    vectors = np.stack([_canonical(face) for face in faces])
    distance = np.sqrt(((vectors[:, None] - vectors[None]) ** 2).mean(-1))
    labels = np.repeat(np.arange(IDENTITIES), IMAGES)
    upper = np.triu_indices(len(labels), 1)
    genuine = labels[upper[0]] == labels[upper[1]]
    mine, others = distance[upper][genuine], distance[upper][~genuine]
    auc = (mine[:, None] < others[None, :]).mean()
    assert auc > 0.75


def test_lower_face_is_partly_predictable_from_the_upper() -> None:
    """Linear prediction of lower traits from upper ones explains some of their variance, and far from all."""
    people = [draw_identity(0, "train", number) for number in range(500)]
    names = list(TRAITS)
    table = np.asarray([[who[name] for name in names] for who in people])
    table = (table - table.mean(0)) / table.std(0)
    upper = [
        i for i, n in enumerate(names) if n.startswith(("eye", "brow", "lash", "crease", "iris", "ridge", "temple"))
    ]
    upper += [names.index("hairline"), names.index("forehead"), names.index("face_width"), names.index("bridge")]
    lower = [i for i, n in enumerate(names) if n.startswith(("lip", "mouth_w", "chin", "jaw", "philtrum", "nose_w"))]
    train, test = table[:400], table[400:]
    weights, *_ = np.linalg.lstsq(train[:, upper], train[:, lower], rcond=None)
    explained = 1 - ((test[:, lower] - test[:, upper] @ weights) ** 2).mean() / (test[:, lower] ** 2).mean()
    assert 0.2 < explained < 0.8


def test_people_vary() -> None:
    people = [draw_identity(0, "test", number) for number in range(900_000, 900_200)]
    assert {who.skin_group for who in people} == {"light", "medium", "dark"}
    assert {who.age_group for who in people} == {"young", "middle", "older"}
    assert len({who.hairstyle for who in people}) >= 7
    assert len({who.facial_hair for who in people}) == 6
    assert {who.facial_hair for who in people if who.masculinity < 0} == {"none"}


def test_rotation_is_a_rotation() -> None:
    matrix = rotation(20, -10, 5).astype(np.float64)
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(3), atol=1e-6)
    nose = rotate(rotation(30, 0, 0), np.asarray([[0, 0, 1]], np.float32))[0]
    assert nose[0] > 0.4  # yaw > 0 turns to the image's right
    assert rotate(rotation(0, 10, 0), np.asarray([[0, 0, 1]], np.float32))[0, 1] > 0.1  # pitch > 0 looks down


def test_rasteriser_covers_a_square_once_and_keeps_the_nearest() -> None:
    square = np.asarray([[1, 1, 0], [8, 1, 0], [1, 8, 0], [8, 8, 0]], np.float32)
    nearer = square * np.asarray([0.5, 0.5, 1], np.float32) + np.asarray([0, 0, 2], np.float32)
    triangles = np.asarray([[0, 1, 2], [1, 3, 2], [4, 5, 6], [5, 7, 6]], np.int32)
    seen = rasterise(np.concatenate([square, nearer]), triangles, 12, 12, cull=True)
    assert len(seen.pixels) == 64
    np.testing.assert_allclose(seen.weights.sum(0), 1, atol=1e-5)
    in_front = {(y, x) for y in range(1, 5) for x in range(1, 5)}
    assert {divmod(int(p), 12) for p in seen.pixels[seen.triangle >= 2]} == in_front
    where = seen.interpolate(np.concatenate([square, nearer]))
    np.testing.assert_allclose(where[0], seen.pixels % 12, atol=1e-4)
    away = rasterise(square, triangles[:2, ::-1].copy(), 12, 12, cull=True)
    assert len(away.pixels) == 0


@pytest.mark.parametrize(
    ("parameters", "word"),
    [
        ({"split": "dev"}, "unknown split 'dev'"),
        ({"size": 8}, "size must be from 32 to 1024, got 8"),
        ({"size": 128.0}, "size must be a whole number"),
        ({"identities": 0}, "identities must be from 1 to 100000, got 0"),
        ({"identities": 100_001}, "identities must be from 1"),
        ({"images_per_identity": 101}, "images_per_identity must be from 1 to 100"),
        ({"seed": -1}, "seed must be from 0"),
        ({"cache": True}, "cache must be a whole number"),
    ],
)
def test_bad_parameters(parameters: dict[str, object], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        Synthetic(**parameters)  # type: ignore[arg-type]


def test_index_beyond_the_end(dataset: Synthetic) -> None:
    with pytest.raises(IndexError, match="index 30 of 30 faces"):
        dataset[len(dataset)]
    assert dataset[-1].id == dataset.samples[-1].id


def test_cache_returns_the_same_face_and_forgets_the_oldest() -> None:
    dataset = Synthetic(identities=1, images_per_identity=3, size=32, cache=2)
    first = dataset[0]
    assert dataset[0] is first
    dataset[1], dataset[2]
    again = dataset[0]
    assert again is not first
    assert digest(again) == digest(first)


GOLDEN: list[int] = [
    137,
    124,
    110,
    137,
    130,
    168,
    163,
    149,
    121,
    149,
    143,
    170,
    117,
    115,
    125,
    180,
    105,
    95,
    86,
    111,
    90,
    120,
    117,
    114,
    83,
    101,
    96,
    132,
    87,
    84,
    91,
    141,
    173,
    84,
    73,
    155,
    150,
    86,
    84,
    154,
    139,
    70,
    68,
    194,
    144,
    70,
    93,
    210,
]

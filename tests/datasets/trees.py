"""Small trees in the publishers' exact layouts, one a dataset that reads files: what its tests and the contract read."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

POINTS = ("left_eye", "right_eye", "nose", "mouth_left", "mouth_right")
LANDMARKS = ",".join(["file", *(f"{point}_{axis}" for point in POINTS for axis in "xy")])


def celeba(place: Path) -> Path:
    """Six images: two of each partition."""
    (place / "img_align_celeba").mkdir()
    (place / "Anno").mkdir()
    (place / "Eval").mkdir()
    files = [f"{n:06d}.jpg" for n in range(1, 7)]
    for n, file in enumerate(files):
        Image.fromarray(np.full((218, 178, 3), 40 * n, np.uint8)).save(place / "img_align_celeba" / file)
    (place / "Eval/list_eval_partition.txt").write_text("".join(f"{f} {n // 2}\n" for n, f in enumerate(files)))
    (place / "Anno/identity_CelebA.txt").write_text("".join(f"{f} {2880 + n}\n" for n, f in enumerate(files)))
    (place / "Anno/list_attr_celeba.txt").write_text(
        "6\nMale Young \n" + "".join(f"{f} {'-1' if n % 2 else ' 1'}  1\n" for n, f in enumerate(files))
    )
    (place / "Anno/list_landmarks_align_celeba.txt").write_text(
        "6\nlefteye_x lefteye_y righteye_x righteye_y nose_x nose_y leftmouth_x leftmouth_y rightmouth_x rightmouth_y\n"
        + "".join(f"{f} 69  109  106  113   77  142   73  152  108  154\n" for f in files)
    )
    return place


def celeba_hq(place: Path) -> Path:
    """Three images: one of each of CelebA's partitions, on its very borders."""
    base = place / "CelebAMask-HQ"
    (base / "CelebA-HQ-img").mkdir(parents=True)
    originals = (162770, 182637, 182638)
    for n in range(3):
        Image.fromarray(np.full((64, 64, 3), 50, np.uint8)).save(base / f"CelebA-HQ-img/{n}.jpg")
    (base / "CelebA-HQ-to-CelebA-mapping.txt").write_text(
        "idx orig_idx orig_file\n" + "".join(f"{n} {o - 1}  {o:06d}.jpg\n" for n, o in enumerate(originals))
    )
    (base / "CelebAMask-HQ-attribute-anno.txt").write_text("3\nMale Young\n0.jpg -1 1\n1.jpg 1 1\n2.jpg  1 -1\n")
    return place


def ffhq(place: Path) -> Path:
    """Thumbnails 59999, 60000 and 69999 with metadata."""
    entries = {}
    for n in (59999, 60000, 69999):
        path = place / f"thumbnails128x128/{n // 1000 * 1000:05d}/{n:05d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((128, 128, 3), n % 255, np.uint8)).save(path)
        points = np.zeros((68, 2))
        points[36:42], points[42:48] = (384, 480), (640, 480)
        points[30], points[48], points[54] = (512, 600), (420, 720), (600, 728)
        entries[str(n)] = {"category": "training", "image": {"face_landmarks": points.tolist()}}
    (place / "ffhq-dataset-v2.json").write_text(json.dumps(entries))
    return place


def fairface(place: Path) -> Path:
    """A training photograph and two of validation with their labels, and a third that only the list has."""
    for n, file in enumerate(("train/1.jpg", "val/1.jpg", "val/2.jpg")):
        picture(place / file, (224, 224), 60 * n)
    header = "file,age,gender,race,service_test\n"
    (place / "fairface_label_train.csv").write_text(header + "train/1.jpg,50-59,Male,East Asian,True\n")
    (place / "fairface_label_val.csv").write_text(
        header + "val/1.jpg,3-9,Female,Latino_Hispanic,False\nval/2.jpg,more than 70,Male,Black,True\n"
        "val/3.jpg,20-29,Male,White,True\n"
    )
    points = "84,90,140,90,112,120,92,150,132,150"
    files = ("train/1.jpg", "val/1.jpg", "val/2.jpg")
    (place / "landmarks.csv").write_text("\n".join([LANDMARKS, *(f"{file},{points}" for file in files)]))
    return place


def picture(path: Path, size: tuple[int, int] = (32, 24), level: int = 90) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((size[1], size[0], 3), level, np.uint8)).save(path)


def folder(place: Path) -> Path:
    """Three pictures of two people."""
    for file in ("b/2.png", "a/1.jpg", "a/2.png"):
        picture(place / "root" / file)
    (place / "root/notes.txt").write_text("no image")
    return place / "root"


def lfw(place: Path) -> Path:
    """Ten sets of two people with two images each; two folds of one genuine and one impostor pair."""
    names = [f"Person_{chr(65 + n)}" for n in range(20)]
    lines = ["10"]
    for number in range(10):
        lines += ["2", *(f"{name}\t2" for name in names[2 * number : 2 * number + 2])]
    (place / "people.txt").write_text("\n".join(lines) + "\n")
    (place / "pairs.txt").write_text(
        "2\t1\nPerson_A\t1\t2\nPerson_A\t1\tPerson_B\t2\nPerson_S\t2\t1\nPerson_S\t1\tPerson_T\t1\n"
    )
    for name in names:
        for n in (1, 2):
            path = place / "lfw-deepfunneled" / name / f"{name}_{n:04d}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.full((250, 250, 3), 100, np.uint8)).save(path)
    (place / "landmarks.csv").write_text(f"{LANDMARKS}\nPerson_S/Person_S_0001.jpg,{','.join(map(str, range(10)))}\n")
    return place


def rmfrd(place: Path) -> Path:
    """Two people without masks and one with."""
    base = place / "self-built-masked-face-recognition-dataset"
    for file in (
        "AFDB_face_dataset/anna/0_0.jpg",
        "AFDB_face_dataset/ben/0_0.jpg",
        "AFDB_masked_face_dataset/anna/0_0.jpg",
    ):
        (base / file).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((40, 40, 3), 80, np.uint8)).save(base / file)
    (base / "AFDB_masked_face_dataset/empty").mkdir()
    (base / "AFDB_face_dataset/ben/Thumbs.db").write_bytes(b"x")
    return place


def shard(path: Path, faces: dict[str, int | bytes]) -> None:
    with tarfile.open(path, "w") as archive:
        for name, content in faces.items():
            stream = io.BytesIO(content if isinstance(content, bytes) else b"")
            if isinstance(content, int):
                Image.fromarray(np.full((24, 20, 3), content, np.uint8)).save(stream, "PNG")
            member = tarfile.TarInfo(name)
            member.size = stream.getbuffer().nbytes
            stream.seek(0)
            archive.addfile(member, stream)


def face_shards(place: Path) -> Path:
    """Three shards of four faces; the last is the hold-out."""
    shard(place / "faces-000.tar", {"b.png": 20, "a.png": 10, "notes.txt": b"no face"})
    shard(place / "faces-001.tar", {"../c.png": 30})
    shard(place / "faces-002.tar", {"d.png": 40})
    points = ",".join(map(str, range(10)))
    lines = ["name" + LANDMARKS.removeprefix("file"), *(f"{name},{points}" for name in ("a.png", "d.png"))]
    (place / "landmarks.csv").write_text("\n".join(lines))
    (place / "attributes.csv").write_text("name,shard,age,gender,race\na.png,0,20-29,female,Black\nb.png,0,,male,\n")
    return place


TREES: dict[str, Callable[[Path], Path]] = {
    "celeba": celeba, "celeba_hq": celeba_hq, "face_shards": face_shards, "fairface": fairface, "ffhq": ffhq,
    "folder": folder, "lfw": lfw, "rmfrd": rmfrd,
}  # fmt: skip
"""What makes the tree of each dataset below a folder, and returns the root to give it."""

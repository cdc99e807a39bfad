"""What a person would write in place of ``bench run``: one dataset, one occlusion, one method, PSNR, one matcher, no more.

    python tests/performance/hand_written.py LFW NAMES [--without-untouched]

LFW is the data set's folder, NAMES a file of photographs (``Aaron_Eckhart_0001``, one a line). The network, the drawn mask and
the five-point alignment come from the package, as they would from their authors' repositories; the loop is by hand. Printed is
JSON: mean PSNR and FNMR at equal FMR, over all pairs. Nothing is kept, no interval is given, and a photograph that cannot be
read ends it.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from PIL import Image

from unmaskbench.benchmark.biometrics.alignment import align
from unmaskbench.benchmark.biometrics.matchers.edgeface import EDGEFACE_XS
from unmaskbench.benchmark.plugins import weights
from unmaskbench.benchmark.plugins.types import Face
from unmaskbench.datasets.occlusions.medical_mask import MedicalMask
from unmaskbench.methods.h2a_ms2a_gan.method import H2AMS2AGAN

SIDE, CROP, BATCH, FMR = 128, 150, 16, 1e-2


def masked(
    root: Path, name: str, points: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """A photograph's square, the same under a mask, the mask, and the landmarks."""
    left = (250 - CROP) // 2
    with Image.open(root / "images_deepfunneled" / name[:-5] / f"{name}.jpg") as photograph:
        box = (left, left, left + CROP, left + CROP)
        square = np.array(photograph.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BICUBIC, box=box))
    truth = torch.from_numpy(square).permute(2, 0, 1).contiguous().float() / 255
    points = (points + 0.5 - left) * (SIDE / CROP) - 0.5
    key = json.dumps(["lfw", name, "medical_mask", {"coverage": "standard"}, 0], sort_keys=True, separators=(",", ":"))
    rng = np.random.Generator(np.random.PCG64(int(hashlib.sha256(key.encode()).hexdigest(), 16)))
    drawn = MedicalMask().apply(Face(id=name, image=truth, landmarks=points), rng)
    return truth, (drawn.image.clamp(0, 1) * 255).round() / 255, (drawn.mask > 0.5).float(), points


def fnmr(genuine: np.ndarray, impostor: np.ndarray) -> float:
    """The share of genuine scores that the strictest of so many refused impostors is not below."""
    return float((genuine <= np.sort(impostor)[len(impostor) - 1 - int(FMR * len(impostor))]).mean())


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("root", type=Path)
    parser.add_argument("names", type=Path)
    parser.add_argument("--without-untouched", action="store_true")
    given = parser.parse_args()
    names = given.names.read_text().split()
    with (given.root / "landmarks.csv").open(newline="") as stream:
        marks = {row[0]: [float(x) for x in row[1:11]] for row in list(csv.reader(stream))[1:]}
    method = H2AMS2AGAN()
    method.load("cpu")
    session = onnxruntime.InferenceSession(str(weights.require(EDGEFACE_XS)), providers=["CPUExecutionProvider"])
    roles = ("TT", "UT") if given.without_untouched else ("TT", "MT", "UT")
    psnr: dict[str, list[float]] = {role: [] for role in roles}
    embeddings: dict[str, list[np.ndarray]] = {role: [] for role in roles}
    for start in range(0, len(names), BATCH):
        batch = names[start : start + BATCH]
        faces = [masked(given.root, n, torch.tensor(marks[f"{n[:-5]}/{n}.jpg"]).reshape(5, 2)) for n in batch]
        truth, occluded, mask, points = map(torch.stack, zip(*faces, strict=True))
        with torch.inference_mode():
            raw = method.restore(torch.where(mask > 0.5, 0.5, occluded), mask)
            restored = torch.where(mask > 0.5, (raw.clamp(0, 1) * 255).round() / 255, occluded)
            for role, images in {"TT": truth, "MT": occluded, "UT": restored}.items():
                if role in roles:
                    error = (images - truth).square().double().mean(dim=(1, 2, 3))
                    psnr[role] += (-10 * torch.log10(error)).tolist()
                    crops = align(images, points).mul(255).sub(127.5).div(127.5).numpy()
                    embeddings[role].append(session.run(None, {session.get_inputs()[0].name: crops})[0])
    vectors = {role: np.concatenate(found) for role, found in embeddings.items()}
    units = {role: found / np.linalg.norm(found, axis=1, keepdims=True) for role, found in vectors.items()}
    order = np.argsort(names, kind="stable")
    people = np.array([name[:-5] for name in names])[order]
    pairs = np.triu(np.ones((len(names), len(names)), bool), 1)
    same = people[:, None] == people[None]
    found: dict[str, float] = {}
    for role in roles:
        scores = units[role][order] @ units["TT"][order].T
        found[f"fnmr_equal {role}"] = fnmr(scores[pairs & same], scores[pairs & ~same])
        if role != "TT":
            found[f"psnr {role}"] = float(np.mean(psnr[role]))
    print(json.dumps(found))


if __name__ == "__main__":
    main()

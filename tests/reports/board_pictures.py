"""Drawn faces, covered and brought back more or less well, for the maker of boards."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from board_figures import Sim
from PIL import Image, ImageDraw, ImageFilter

SIDE = 96


def face(index: int, size: int = SIDE) -> tuple[Image.Image, Image.Image, Image.Image]:
    """A drawn face, the same with a mask over mouth and nose, and the mask's area."""
    rng = np.random.default_rng(100 + index)
    tone = tuple(int(v) for v in np.array([236, 196, 168]) * rng.uniform(0.55, 1.0))
    hair = tuple(int(v) for v in rng.integers(20, 120, 3))
    back = tuple(int(v) for v in rng.integers(120, 220, 3))
    big = size * 3
    image = Image.new("RGB", (big, big), back)
    pen = ImageDraw.Draw(image)
    c, w = big // 2, int(big * rng.uniform(0.27, 0.33))
    pen.ellipse((c - w - 12, big * 0.06, c + w + 12, big * 0.8), fill=hair)
    pen.rectangle((c - w // 2, big * 0.75, c + w // 2, big), fill=tuple(int(v * 0.9) for v in tone))
    pen.ellipse((c - w, big * 0.16, c + w, big * 0.9), fill=tone)
    for side in (-1, 1):
        x, y = c + side * w * 0.42, big * 0.44
        pen.ellipse((x - 17, y - 10, x + 17, y + 10), fill=(250, 250, 250))
        pen.ellipse((x - 8, y - 8, x + 8, y + 8), fill=tuple(int(v) for v in rng.integers(20, 110, 3)))
        pen.line((x - 22, y - 24, x + 22, y - 26 + int(rng.integers(-4, 5))), fill=hair, width=7)
    pen.line((c, big * 0.48, c - 9, big * 0.6, c + 8, big * 0.61), fill=tuple(int(v * 0.75) for v in tone), width=5)
    mouth = int(rng.integers(24, 40))
    pen.chord((c - mouth, big * 0.66, c + mouth, big * 0.76), 0, 180, fill=(168, 62, 66))
    mask = Image.new("L", (big, big), 0)
    ImageDraw.Draw(mask).polygon(
        [
            (c - w * 1.0, big * 0.52),
            (c, big * 0.49),
            (c + w * 1.0, big * 0.52),
            (c + w * 0.75, big * 0.78),
            (c, big * 0.93),
            (c - w * 0.75, big * 0.78),
        ],
        fill=255,
    )
    cover = Image.composite(Image.new("RGB", (big, big), (120, 160, 190)), image, mask)
    fold = ImageDraw.Draw(cover)
    for k in range(3):
        fold.line(
            (c - w * 0.8, big * (0.6 + 0.07 * k), c + w * 0.8, big * (0.6 + 0.07 * k)), fill=(98, 138, 170), width=3
        )
    small = [im.resize((size, size), Image.Resampling.LANCZOS) for im in (image, cover, mask)]
    return small[0], small[1], small[2].point(lambda v: 255 if v > 127 else 0)


def gallery(
    folder: Path, methods: tuple[Sim, ...], contexts: list[tuple[str, str]], samples: int
) -> list[dict[str, Any]]:
    (folder / "images").mkdir(parents=True, exist_ok=True)
    entries = []
    for index in range(samples):
        dataset, occlusion = contexts[index % len(contexts)]
        truth, occluded, mask = face(index)
        stem = f"images/s{index:02d}"
        for name, image in (("truth", truth), ("occluded", occluded), ("mask", mask.convert("1"))):
            image.save(folder / f"{stem}_{name}.png", optimize=True)
        shown = {}
        for m in methods:
            if m.state == "unavailable":
                continue
            if m.id == "fd_stackgan" and index % 3 == 0:
                shown[m.id] = {
                    "raw": None,
                    "composite": None,
                    "status": "failed_restore",
                    "message": "output is not finite",
                    "scores": {},
                }
                continue
            blur = truth.filter(ImageFilter.GaussianBlur(1 + 9 * (1 - m.image)))
            raw = occluded if m.id == "untouched" else Image.blend(blur, occluded, 0.25 * (1 - m.image))
            composite = Image.composite(raw, truth, mask)
            scores = {}
            for name, image in (("raw", raw), ("composite", composite)):
                image.save(folder / f"{stem}_{m.id}_{name}.png", optimize=True)
                error = (np.asarray(image, float) - np.asarray(truth, float)) ** 2
                hole = np.asarray(mask) > 0
                scores[f"psnr/hole/{name}"] = round(float(10 * np.log10(255**2 / max(error[hole].mean(), 1e-6))), 3)
                scores[f"psnr/whole/{name}"] = round(float(10 * np.log10(255**2 / max(error.mean(), 1e-6))), 3)
            scores["similarity/edgeface"] = round(0.25 + 0.4 * m.person + 0.02 * (index % 5), 4)
            shown[m.id] = {
                "raw": f"{stem}_{m.id}_raw.png",
                "composite": f"{stem}_{m.id}_composite.png",
                "status": "ok",
                "message": "",
                "scores": scores,
            }
        entries.append(
            {
                "dataset": dataset,
                "occlusion": occlusion,
                "sample": f"face-{index:04d}",
                "identity": f"person-{index // 2:03d}",
                "coverage": 0.3 + 0.02 * index % 0.3,
                "truth": f"{stem}_truth.png",
                "occluded": f"{stem}_occluded.png",
                "mask": f"{stem}_mask.png",
                "methods": shown,
            }
        )
    return entries

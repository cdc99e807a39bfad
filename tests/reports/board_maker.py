"""Writes a board.json of the size one asks for, with figures from simulated score distributions and drawn faces.

Run as a script it rewrites ``tests/golden/board_small``. Nobody's face is in it: the faces are ellipses.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

SIDE = 96
TARGETS = (1e-2, 1e-3, 1e-4)
BINS = ("20-30", "30-40", "40-50", "50-60")


@dataclass(frozen=True)
class Sim:
    """A simulated method: how much of the truth it brings back, and what the board says of it."""

    id: str
    title: str
    provenance: str
    needs_mask: bool
    image: float  # share of the hole's detail that comes back, 0..1
    person: float  # share of the lost similarity that comes back
    leak: float  # how far impostors move up
    parameters: int | None
    latency: float | None
    year: int | None = None
    state: str = "ok"
    trained_with: tuple[str, ...] = ()


METHODS = (
    Sim("untouched", "Untouched (occluded image)", "classical", False, 0.0, 0.0, 0.0, 0, 0.02),
    Sim("telea", "Telea fast marching", "classical", True, 0.42, 0.12, 0.0, 0, 6.1, 2004),
    Sim("navier_stokes", "Navier-Stokes inpainting", "classical", True, 0.40, 0.11, 0.0, 0, 5.4, 2001),
    Sim("ra_unet", "RA-UNet", "reimplemented", False, 0.78, 0.47, 0.01, 2_410_000, 21.0, 2022),
    Sim("modified_vnet", "Modified V-Net", "reimplemented", False, 0.80, 0.52, 0.02, 2_950_000, 26.0, 2025),
    Sim("lama", "LaMa", "official-weights", True, 0.86, 0.50, 0.01, 51_060_000, 310.0, 2022),
    Sim("psp_unmask", "pSp-unmask", "reimplemented", False, 0.55, 0.63, 0.09, 5_800_000, 48.0, 2022, "ok", ("compact",)),
    Sim("fd_stackgan", "FD-StackGAN", "reimplemented", True, 0.70, 0.38, 0.01, 2_700_000, 33.0, 2021, "failed"),
)  # fmt: skip

METRICS = (
    ("psnr", "PSNR", "full_reference", "higher", "dB", (0.0, "inf"), ("whole", "hole", "known")),
    ("ssim", "SSIM", "full_reference", "higher", "", (-1.0, 1.0), ("whole", "hole")),
    ("lpips", "LPIPS", "full_reference", "lower", "", (0.0, "inf"), ("whole", "hole")),
    ("fid", "FID", "set", "lower", "", (0.0, "inf"), ("whole",)),
)

MATCHERS = (("edgeface", "EdgeFace-S", 512, 0.62, "ok"), ("compact", "Compact embedder", 256, 0.50, "ok"))


def more_methods(count: int) -> tuple[Sim, ...]:
    """``count`` methods, the first eight as above and the others made up, for tests of size."""
    rng = np.random.default_rng(5)
    extra = [
        Sim(f"method_{i:02d}", f"Method {i}", "reimplemented", bool(i % 2), rng.uniform(0.3, 0.9), rng.uniform(0, 0.7),
            rng.uniform(0, 0.05), int(rng.integers(1_000_000, 40_000_000)), float(rng.uniform(5, 300)), 2020)
        for i in range(len(METHODS), count)
    ]  # fmt: skip
    return (METHODS + tuple(extra))[:count]


def score(metric: str, region: str, quality: float, coverage: float) -> float:
    """A plausible value of a metric for the share of detail brought back and the share of the face covered."""
    harm = (1 - quality) * (0.4 + coverage)
    hole = 1.0 if region == "hole" else 0.45
    if metric == "psnr":
        return 40.0 if region == "known" else 31 - 24 * harm * hole
    if metric == "ssim":
        return 0.985 - 0.6 * harm * hole
    if metric == "lpips":
        return 0.015 + 0.5 * harm * hole
    return 3 + 150 * harm


def ranks(values: dict[str, float], widths: dict[str, float], higher: bool) -> dict[str, tuple[int, int]]:
    """Rank and rank group by method: a new group starts where the interval leaves the group's first interval."""
    order = sorted(values, key=lambda m: -values[m] if higher else values[m])
    result, group, head = {}, 0, None
    for position, method in enumerate(order, 1):
        if head is None or abs(values[head] - values[method]) > widths[head] + widths[method]:
            group, head = group + 1, method
        result[method] = (position, group)
    return result


def image_rows(methods: tuple[Sim, ...], dataset: str, occlusion: str, slices: list[str], n: int) -> list[dict[str, Any]]:
    rows = []
    for output in ("composite", "raw"):
        for metric, _, kind, direction, _, _, regions in METRICS:
            for region in regions:
                for part in slices if kind != "set" else ["all"]:
                    low, _, _ = part.removeprefix("coverage=").partition("-")
                    coverage = (float(low) + 5) / 100 if low.isdigit() else 0.4
                    values, widths = {}, {}
                    for m in methods:
                        if m.state != "unavailable":
                            quality = m.image - (0.03 if output == "raw" else 0) - (0.15 if occlusion == "random_lines" else 0) * m.image
                            values[m.id] = score(metric, region, quality, coverage)
                            widths[m.id] = abs(values[m.id]) * 0.006 * (1 if part == "all" else 2.2)
                    placed = ranks(values, widths, direction == "higher")
                    for method, value in values.items():
                        ranked = kind != "set" or n >= 2048
                        known = metric == "psnr" and region == "known" and output == "composite"
                        rows.append({
                            "dataset": dataset, "occlusion": occlusion, "method": method, "output": output, "metric": metric,
                            "region": region, "slice": part, "value": "inf" if known else value,
                            "low": None if known else value - widths[method], "high": None if known else value + widths[method],
                            "n": n if part == "all" else n // 4, "failed": 7 if method == "fd_stackgan" and part == "all" else 0,
                            "ceiling": n if known else 0, "signature": f"{metric}|rgb|8bit|u1",
                            "rank": placed[method][0] if ranked else None, "group": placed[method][1] if ranked else None,
                            "ranked": ranked, "note": "" if ranked else f"N={n} is below 2048: not ranked",
                        })  # fmt: skip
    return rows


def error_rates(genuine: np.ndarray, impostor: np.ndarray, threshold: float) -> tuple[float, float]:
    return float(np.mean(genuine < threshold)), float(np.mean(impostor >= threshold))


def biometrics(
    methods: tuple[Sim, ...], dataset: str, occlusion: str, sizes: tuple[int, int], slices: list[str], curves: bool
) -> dict[str, list[dict[str, Any]]]:
    rng = np.random.default_rng(11)
    found: dict[str, list[dict[str, Any]]] = {"verification": [], "curves": [], "histograms": []}
    grid = np.linspace(-0.4, 1.0, 80)
    base_genuine, base_impostor = rng.standard_normal(sizes[0]), rng.standard_normal(sizes[1])
    for matcher, _, _, mean, _ in MATCHERS:
        truth = (mean + 0.12 * base_genuine, 0.04 + 0.09 * base_impostor)
        thresholds = {t: float(np.quantile(truth[1], 1 - t)) for t in TARGETS}
        cases: list[tuple[str, str, str, np.ndarray, np.ndarray, bool]] = [("TT", "", "composite", *truth, True)]
        for output in ("composite", "raw"):
            for m in methods:
                if m.state == "unavailable":
                    continue
                back = m.person - (0.04 if output == "raw" and m.person else 0)
                lost = (mean * 0.42) * (0.75 if occlusion == "random_lines" else 1)
                for setting in ("MT", "MM") if m.id == "untouched" else ("UT", "UU"):
                    loss = lost * (1 - back) * (0.9 if setting[0] == setting[1] else 1)
                    flagged = matcher in m.trained_with
                    cases.append((
                        setting, m.id, output, truth[0] - loss * (0.08 if flagged else 1) if flagged else truth[0] - loss,
                        truth[1] + m.leak * 0.6 + (0.03 if setting == "MM" else 0), not flagged,
                    ))  # fmt: skip
        occluded: dict[float, tuple[float, float]] = {}
        for setting, method, output, genuine, impostor, independent in cases:
            rates = np.array([error_rates(genuine, impostor, t) for t in grid])
            for policy in ("penalised", "completed"):
                for part in slices if policy == "penalised" else ["all"]:
                    everything = policy == "penalised" and part == "all"
                    shift = 0.05 * (slices.index(part) - 2) if part.startswith("coverage=") else 0.0
                    add = {
                        "dataset": dataset, "occlusion": occlusion, "method": method, "output": output, "setting": setting,
                        "matcher": matcher, "genuine": sizes[0], "impostor": sizes[1], "failed": 7 if method == "fd_stackgan" else 0,
                        "policy": policy, "independent": independent, "refused": "", "slice": part, "rank": None, "group": None,
                    }  # fmt: skip
                    for target in TARGETS:
                        refused = sizes[1] < 10 / target
                        if refused and not everything:
                            continue
                        fnmr, fmr = error_rates(genuine - shift, impostor, thresholds[target])
                        values = {"fnmr": fnmr, "fmr": fmr, "tmr": 1 - fnmr}
                        if refused or not everything:
                            values = {"tmr": 1 - fnmr}
                        if setting == "MT" and everything:
                            occluded[target] = (fnmr, fmr)
                        if setting == "UT" and target in occluded and everything and not refused:
                            values["fnmr_recovered"] = occluded[target][0] - fnmr
                            values["fmr_added"] = fmr - occluded[target][1]
                        for metric, value in values.items():
                            half = 1.96 * float(np.sqrt(max(abs(value) * (1 - abs(value)), 1e-6) / 400)) * 0.6
                            found["verification"].append(add | {
                                "metric": metric, "target": target, "threshold": None if refused else thresholds[target],
                                "value": None if refused else value, "low": None if refused else value - half,
                                "high": None if refused else value + half,
                                "refused": f"FMR {target:g} needs {10 / target:.0f} impostor pairs, there are {sizes[1]}" if refused else "",
                            })  # fmt: skip
                    if not everything:
                        continue
                    order = np.argsort(rates[:, 1])
                    auc = float(np.trapezoid(1 - rates[order, 0], rates[order, 1]))
                    eer = float(rates[np.argmin(abs(rates[:, 0] - rates[:, 1]))].mean())
                    for metric, value in (("auc", auc), ("eer", eer), ("accuracy", 1 - eer)):
                        found["verification"].append(
                            add | {"metric": metric, "target": None, "threshold": None, "value": value, "low": value - 0.008, "high": value + 0.008}
                        )  # fmt: skip
            if curves:
                where = {"dataset": dataset, "occlusion": occlusion, "method": method, "output": output, "matcher": matcher, "setting": setting}
                found["curves"].append(where | {
                    "fmr": [round(float(v), 6) for v in rates[:, 1]], "fnmr": [round(float(v), 6) for v in rates[:, 0]],
                    "thresholds": [round(float(v), 4) for v in grid],
                })  # fmt: skip
                edges = np.linspace(-0.4, 1.1, 41)
                found["histograms"].append(where | {
                    "edges": [round(float(v), 4) for v in edges], "genuine": np.histogram(genuine, edges)[0].tolist(),
                    "impostor": np.histogram(impostor, edges)[0].tolist(), "threshold": thresholds[1e-3], "target": 1e-3,
                })  # fmt: skip
    rank_verification(found["verification"])
    return found


def rank_verification(rows: list[dict[str, Any]]) -> None:
    tables: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for row in rows:
        if row["setting"] in ("UT", "UU") and row["value"] is not None:
            key = tuple(row[k] for k in ("output", "setting", "matcher", "metric", "target", "policy", "slice"))
            tables.setdefault(key, []).append(row)
    for table in tables.values():
        placed = ranks(
            {r["method"]: r["value"] for r in table},
            {r["method"]: (r["high"] - r["low"]) / 2 for r in table},
            table[0]["metric"] in ("auc", "tmr", "accuracy", "fnmr_recovered"),
        )
        for row in table:
            row["rank"], row["group"] = placed[row["method"]]


def differences(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    tables: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for row in rows:
        if row["slice"] == "all" and row["value"] != "inf" and row["ranked"]:
            key = tuple(row[k] for k in ("dataset", "occlusion", "output", "metric", "region"))
            tables.setdefault(key, []).append(row)
    found = []
    for (dataset, occlusion, output, metric, region), table in tables.items():
        for i, a in enumerate(table):
            for b in table[i + 1 :]:
                gap, half = a["value"] - b["value"], (a["high"] - a["low"] + b["high"] - b["low"]) / 2.6
                p = float(np.exp(-2.2 * (abs(gap) / max(half, 1e-9)) ** 2))
                found.append({
                    "dataset": dataset, "occlusion": occlusion, "output": output, "metric": metric, "region": region,
                    "method_a": a["method"], "method_b": b["method"], "difference": gap, "low": gap - half, "high": gap + half,
                    "p": p, "p_holm": min(1.0, p * 4), "significant": p * 4 < 0.05,
                })  # fmt: skip
    return found


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
        [(c - w * 1.0, big * 0.52), (c, big * 0.49), (c + w * 1.0, big * 0.52), (c + w * 0.75, big * 0.78), (c, big * 0.93), (c - w * 0.75, big * 0.78)],
        fill=255,
    )  # fmt: skip
    cover = Image.composite(Image.new("RGB", (big, big), (120, 160, 190)), image, mask)
    fold = ImageDraw.Draw(cover)
    for k in range(3):
        fold.line((c - w * 0.8, big * (0.6 + 0.07 * k), c + w * 0.8, big * (0.6 + 0.07 * k)), fill=(98, 138, 170), width=3)
    small = [im.resize((size, size), Image.Resampling.LANCZOS) for im in (image, cover, mask)]
    return small[0], small[1], small[2].point(lambda v: 255 if v > 127 else 0)


def gallery(folder: Path, methods: tuple[Sim, ...], contexts: list[tuple[str, str]], samples: int) -> list[dict[str, Any]]:
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
                shown[m.id] = {"raw": None, "composite": None, "status": "failed_restore", "message": "output is not finite", "scores": {}}
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
                "raw": f"{stem}_{m.id}_raw.png", "composite": f"{stem}_{m.id}_composite.png", "status": "ok", "message": "", "scores": scores,
            }  # fmt: skip
        entries.append({
            "dataset": dataset, "occlusion": occlusion, "sample": f"face-{index:04d}", "identity": f"person-{index // 2:03d}",
            "coverage": 0.3 + 0.02 * index % 0.3, "truth": f"{stem}_truth.png", "occluded": f"{stem}_occluded.png",
            "mask": f"{stem}_mask.png", "methods": shown,
        })  # fmt: skip
    return entries


def agreement(board: dict[str, Any], contexts: list[tuple[str, str]], methods: tuple[Sim, ...], points: int) -> None:
    """Correlations and the scatter behind them."""
    rng = np.random.default_rng(3)
    for dataset, occlusion in contexts:
        for output in ("composite", "raw"):
            for m in methods:
                if m.state == "unavailable":
                    continue
                for i in range(points):
                    psnr = 16 + 15 * m.image + rng.normal(0, 1.5)
                    board["scatter"].append({
                        "dataset": dataset, "occlusion": occlusion, "output": output, "method": m.id, "sample": f"face-{i:04d}",
                        "values": {"psnr/hole": round(psnr, 3), "lpips/whole": round(max(0.01, 0.3 - 0.25 * m.image + rng.normal(0, 0.02)), 4),
                                   "similarity/edgeface": round(0.25 + 0.4 * m.person + rng.normal(0, 0.08), 4)},
                    })  # fmt: skip
            for over, n in (("methods", len(methods)), ("samples", points * len(methods))):
                for image_metric, region, sign in (("psnr", "hole", 1), ("ssim", "hole", 1), ("lpips", "whole", -1)):
                    for biometric in ("similarity",) if over == "samples" else ("tmr@0.001", "auc"):
                        for matcher in ("edgeface", "compact"):
                            rho = sign * (0.55 if over == "methods" else 0.38)
                            board["correlations"].append({
                                "over": over, "dataset": dataset, "occlusion": occlusion, "output": output, "image_metric": image_metric,
                                "region": region, "biometric": biometric, "matcher": matcher, "spearman": rho,
                                "spearman_low": max(-1, rho - (0.5 if over == "methods" else 0.06)),
                                "spearman_high": min(1, rho + (0.5 if over == "methods" else 0.06)), "kendall": rho * 0.72, "n": n,
                            })  # fmt: skip


def make_board(
    folder: Path, methods: tuple[Sim, ...] = METHODS, samples: int = 6, extra_slices: int = 2, manifest: str = "5f" * 32,
    occlusions: tuple[str, ...] = ("medical_mask", "random_lines"), datasets: tuple[str, ...] = ("lfw",), name: str = "board_small",
    points: int = 25,
) -> Path:  # fmt: skip
    """Write ``folder/board.json`` and its images; returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    slices = ["all", *(f"coverage={b}" for b in BINS), *(f"pose={k}" for k in range(extra_slices))]
    contexts = [(d, o) for d in datasets for o in occlusions]
    board: dict[str, Any] = {
        "schema": "unmaskbench.board/1",
        "manifest": manifest,
        "run": {
            "name": name, "created": "2026-11-20T10:00:00Z", "command": f"bench run --suite lfw --methods all --out runs/{name}",
            "suite": {"name": "lfw", "resolution": 128, "occlusions": list(occlusions), "mask_source": "oracle"}, "suite_hash": "ab" * 32,
            "versions": {"unmaskbench": "0.1.0", "torch": "2.14.1", "numpy": "2.4.6"}, "git": "0123abc",
            "hardware": {"cpu": "Example CPU", "cores": 2, "memory_gb": 24, "gpu": ""}, "device": "cpu", "precision": "fp32", "seed": 0,
            "weights": {"lama": "cd" * 32, "edgeface": "ef" * 32}, "mask_source": "oracle",
        },
        "methods": [
            {"method": m.id, "title": m.title, "provenance": m.provenance, "needs_mask": m.needs_mask,
             "mask_source": "oracle" if m.needs_mask else "none", "paper": f"{m.title}: a paper" if m.year else "", "bibtex": "",
             "year": m.year, "code_licence": "Apache-2.0", "weights_licence": "CC BY 4.0" if m.parameters else "",
             "assumptions": ["weight of the second loss term is 1"] if m.provenance == "reimplemented" else [], "trained_with": list(m.trained_with),
             "training_card": {"data": "lfw training identities", "seed": 0, "steps": 20000} if m.provenance == "reimplemented" else None,
             "parameters": m.parameters, "macs": m.parameters * 900.0 if m.parameters else None, "latency_ms": m.latency,
             "latency_spread_ms": m.latency * 0.04 if m.latency else None, "throughput": 1400 / m.latency if m.latency else None,
             "best_batch": 16, "peak_memory_mb": 180.0 if m.latency else None, "state": m.state,
             "message": "output is not finite on 7 of 1500 images" if m.state == "failed" else ""}
            for m in methods
        ],
        "datasets": [
            {"dataset": d, "title": "Drawn faces standing in for LFW" if d == "lfw" else d, "licence": "none needed", "source": "drawn by a script",
             "bibtex": "", "samples": 1500, "identities": 400, "split": "test", "attributes": ["pose"]} for d in datasets
        ],
        "occlusions": [
            {"occlusion": o, "title": o.replace("_", " ").capitalize(), "source": "Randhawa 2022" if o == "medical_mask" else "Plesko 2025",
             "parameters": {"coverage": "standard"}, "coverage_mean": 0.41, "coverage_low": 0.28, "coverage_high": 0.56} for o in occlusions
        ],
        "metrics": [
            {"metric": i, "title": t, "kind": k, "direction": d, "range": list(r), "unit": u, "signature": f"{i}|rgb|8bit|u1",
             "regions": list(g), "source": "", "state": "ok", "message": ""} for i, t, k, d, u, r, g in METRICS
        ] + [{"metric": "brisque", "title": "BRISQUE", "kind": "no_reference", "direction": "lower", "range": [0, "inf"], "unit": "",
              "signature": "brisque|u1", "regions": ["whole"], "source": "", "state": "unavailable", "message": "needs weights: bench weights get brisque"}],
        "matchers": [
            {"matcher": i, "title": t, "dimension": n, "licence": "CC BY-NC", "source": "", "signature": f"{i}|cos|u1",
             "distilled_from": [], "state": s, "message": ""} for i, t, n, _, s in MATCHERS
        ] + [{"matcher": "arcface", "title": "ArcFace r50", "dimension": 512, "licence": "non-commercial", "source": "", "signature": "arcface|cos|u1",
              "distilled_from": [], "state": "unavailable", "message": "needs weights: bench weights get arcface"}],
        "rows": [], "verification": [], "differences": [], "correlations": [], "curves": [], "histograms": [], "scatter": [],
        "gallery": gallery(folder, methods, contexts, samples),
        "statuses": [], "timings": {"decode": 12.0, "occlude": 9.5, "restore": 410.0, "score": 230.0, "embed": 120.0, "write": 2.0, "total": 783.5},
    }  # fmt: skip
    for dataset, occlusion in contexts:
        rows = image_rows(methods, dataset, occlusion, slices, 1500)
        board["rows"] += rows
        board["differences"] += differences(rows)
        for key, found in biometrics(methods, dataset, occlusion, (1500, 12000), slices, curves=True).items():
            board[key] += found
        if any(m.id == "fd_stackgan" for m in methods):
            board["statuses"].append({"dataset": dataset, "occlusion": occlusion, "method": "fd_stackgan", "status": "failed_restore",
                                      "count": 7, "example": "face-0000", "message": "output is not finite"})  # fmt: skip
    agreement(board, contexts, methods, points)
    (folder / "board.json").write_text(json.dumps(rounded(board), separators=(",", ":")), encoding="utf-8")
    return folder


def rounded(value: Any) -> Any:
    """The same tree with floats at five significant digits, so that the file stays small."""
    if isinstance(value, float):
        return float(f"{value:.5g}")
    if isinstance(value, dict):
        return {k: rounded(v) for k, v in value.items()}
    if isinstance(value, list):
        return [rounded(v) for v in value]
    return value


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[1] / "golden" / "board_small"
    print(make_board(target, extra_slices=1, points=16))

"""Simulated methods and the figures they would get: image rows, error rates, differences, correlations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

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
    Sim(
        "psp_unmask", "pSp-unmask", "reimplemented", False, 0.55, 0.63, 0.09, 5_800_000, 48.0, 2022, "ok", ("compact",)
    ),
    Sim("fd_stackgan", "FD-StackGAN", "reimplemented", True, 0.70, 0.38, 0.01, 2_700_000, 33.0, 2021, "failed"),
)

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
        Sim(
            f"method_{i:02d}",
            f"Method {i}",
            "reimplemented",
            bool(i % 2),
            rng.uniform(0.3, 0.9),
            rng.uniform(0, 0.7),
            rng.uniform(0, 0.05),
            int(rng.integers(1_000_000, 40_000_000)),
            float(rng.uniform(5, 300)),
            2020,
        )
        for i in range(len(METHODS), count)
    ]
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


def image_rows(
    methods: tuple[Sim, ...], dataset: str, occlusion: str, slices: list[str], n: int
) -> list[dict[str, Any]]:
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
                            quality = (
                                m.image
                                - (0.03 if output == "raw" else 0)
                                - (0.15 if occlusion == "random_lines" else 0) * m.image
                            )
                            values[m.id] = score(metric, region, quality, coverage)
                            widths[m.id] = abs(values[m.id]) * 0.006 * (1 if part == "all" else 2.2)
                    placed = ranks(values, widths, direction == "higher")
                    for method, value in values.items():
                        ranked = kind != "set" or n >= 2048
                        known = metric == "psnr" and region == "known" and output == "composite"
                        rows.append(
                            {
                                "dataset": dataset,
                                "occlusion": occlusion,
                                "method": method,
                                "output": output,
                                "metric": metric,
                                "region": region,
                                "slice": part,
                                "value": "inf" if known else value,
                                "low": None if known else value - widths[method],
                                "high": None if known else value + widths[method],
                                "n": n if part == "all" else n // 4,
                                "failed": 7 if method == "fd_stackgan" and part == "all" else 0,
                                "ceiling": n if known else 0,
                                "signature": f"{metric}|rgb|8bit|u1",
                                "rank": placed[method][0] if ranked else None,
                                "group": placed[method][1] if ranked else None,
                                "ranked": ranked,
                                "note": "" if ranked else f"N={n} is below 2048: not ranked",
                            }
                        )
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
        # what no method touches is stored once, as raw
        cases: list[tuple[str, str, str, np.ndarray, np.ndarray, bool]] = [("TT", "", "raw", *truth, True)]
        for output in ("raw", "composite"):
            for m in methods:
                if m.state == "unavailable" or (m.id == "untouched" and output == "composite"):
                    continue
                back = m.person - (0.04 if output == "raw" and m.person else 0)
                lost = (mean * 0.42) * (0.75 if occlusion == "random_lines" else 1)
                for setting in ("MT", "MM") if m.id == "untouched" else ("UT", "UU"):
                    loss = lost * (1 - back) * (0.9 if setting[0] == setting[1] else 1)
                    flagged = matcher in m.trained_with
                    cases.append(
                        (
                            setting,
                            m.id,
                            output,
                            truth[0] - loss * (0.08 if flagged else 1) if flagged else truth[0] - loss,
                            truth[1] + m.leak * 0.6 + (0.03 if setting == "MM" else 0),
                            not flagged,
                        )
                    )
        occluded: dict[float, tuple[float, float]] = {}
        for setting, method, output, genuine, impostor, independent in cases:
            rates = np.array([error_rates(genuine, impostor, t) for t in grid])
            for policy in ("penalised", "completed"):
                for part in slices if policy == "penalised" else ["all"]:
                    everything = policy == "penalised" and part == "all"
                    shift = 0.05 * (slices.index(part) - 2) if part.startswith("coverage=") else 0.0
                    add = {
                        "dataset": dataset,
                        "occlusion": occlusion,
                        "method": method,
                        "output": output,
                        "setting": setting,
                        "matcher": matcher,
                        "genuine": sizes[0],
                        "impostor": sizes[1],
                        "failed": 7 if method == "fd_stackgan" else 0,
                        "policy": policy,
                        "independent": independent,
                        "refused": "",
                        "slice": part,
                        "rank": None,
                        "group": None,
                    }
                    for target in TARGETS:
                        refused = sizes[1] < 10 / target
                        if refused and not everything:
                            continue
                        fnmr, fmr = error_rates(genuine - shift, impostor, thresholds[target])
                        values = {"fnmr": fnmr, "fmr": fmr, "tmr": 1 - fnmr}
                        if refused or not everything:
                            values = {"fnmr": fnmr, "tmr": 1 - fnmr}
                        if setting == "MT" and everything:
                            occluded[target] = (fnmr, fmr)
                        if setting == "UT" and target in occluded and everything and not refused:
                            values["fnmr_recovered"] = occluded[target][0] - fnmr
                            values["fmr_added"] = fmr - occluded[target][1]
                        for metric, value in values.items():
                            half = 1.96 * float(np.sqrt(max(abs(value) * (1 - abs(value)), 1e-6) / 400)) * 0.6
                            found["verification"].append(
                                add
                                | {
                                    "metric": metric,
                                    "target": target,
                                    "threshold": None if refused else thresholds[target],
                                    "value": None if refused else value,
                                    "low": None if refused else value - half,
                                    "high": None if refused else value + half,
                                    "refused": f"FMR {target:g} needs {10 / target:.0f} impostor pairs, there are {sizes[1]}"
                                    if refused
                                    else "",
                                }
                            )
                    if not everything:
                        continue
                    order = np.argsort(rates[:, 1])
                    auc = float(np.trapezoid(1 - rates[order, 0], rates[order, 1]))
                    eer = float(rates[np.argmin(abs(rates[:, 0] - rates[:, 1]))].mean())
                    for metric, value in (("auc", auc), ("eer", eer), ("accuracy", 1 - eer)):
                        found["verification"].append(
                            add
                            | {
                                "metric": metric,
                                "target": None,
                                "threshold": None,
                                "value": value,
                                "low": value - 0.008,
                                "high": value + 0.008,
                            }
                        )
            if curves:
                where = {
                    "dataset": dataset,
                    "occlusion": occlusion,
                    "method": method,
                    "output": output,
                    "matcher": matcher,
                    "setting": setting,
                }
                found["curves"].append(
                    where
                    | {
                        "fmr": [round(float(v), 6) for v in rates[:, 1]],
                        "fnmr": [round(float(v), 6) for v in rates[:, 0]],
                        "thresholds": [round(float(v), 4) for v in grid],
                    }
                )
                edges = np.linspace(-0.4, 1.1, 41)
                found["histograms"].append(
                    where
                    | {
                        "edges": [round(float(v), 4) for v in edges],
                        "genuine": np.histogram(genuine, edges)[0].tolist(),
                        "impostor": np.histogram(impostor, edges)[0].tolist(),
                        "threshold": thresholds[1e-3],
                        "target": 1e-3,
                    }
                )
    rank_verification(found["verification"])
    return found


def rank_verification(rows: list[dict[str, Any]]) -> None:
    """Ranks in place; the untouched image's MT row competes with the restored ones of either output."""
    tables: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for row in rows:
        if row["setting"] in ("UT", "UU", "MT") and row["value"] is not None:
            setting = "UT" if row["setting"] == "MT" else row["setting"]
            for output in (row["output"],) if row["setting"] != "MT" else ("raw", "composite"):
                key = (output, setting, *(row[k] for k in ("matcher", "metric", "target", "policy", "slice")))
                tables.setdefault(key, []).append(row)
    for table in tables.values():
        placed = ranks(
            {r["method"]: r["value"] for r in table},
            {r["method"]: (r["high"] - r["low"]) / 2 for r in table},
            table[0]["metric"] in ("auc", "tmr", "accuracy", "fnmr_recovered"),
        )
        for row in table:
            row["rank"], row["group"] = placed[row["method"]]


def judged_differences(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Paired differences of FNMR at the kept threshold, untouched among the methods."""
    found = []
    for output in ("composite", "raw"):
        for matcher, *_ in MATCHERS:
            for target in TARGETS:
                table = [
                    r | {"output": output, "metric": f"fnmr@{target:g}", "region": matcher, "ranked": True}
                    for r in rows
                    if r["metric"] == "fnmr" and r["target"] == target and r["slice"] == "all" and r["value"] is not None
                    and r["policy"] == "penalised" and r["matcher"] == matcher
                    and (r["setting"] == "MT" or (r["setting"] == "UT" and r["output"] == output))
                ]  # fmt: skip
                found += differences(table)
    return found


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
                found.append(
                    {
                        "dataset": dataset,
                        "occlusion": occlusion,
                        "output": output,
                        "metric": metric,
                        "region": region,
                        "method_a": a["method"],
                        "method_b": b["method"],
                        "difference": gap,
                        "low": gap - half,
                        "high": gap + half,
                        "p": p,
                        "p_holm": min(1.0, p * 4),
                        "significant": p * 4 < 0.05,
                    }
                )
    return found


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
                    board["scatter"].append(
                        {
                            "dataset": dataset,
                            "occlusion": occlusion,
                            "output": output,
                            "method": m.id,
                            "sample": f"face-{i:04d}",
                            "values": {
                                "psnr/hole": round(psnr, 3),
                                "lpips/whole": round(max(0.01, 0.3 - 0.25 * m.image + rng.normal(0, 0.02)), 4),
                                "similarity/edgeface": round(0.25 + 0.4 * m.person + rng.normal(0, 0.08), 4),
                            },
                        }
                    )
            for over, n in (("methods", len(methods)), ("samples", points * len(methods))):
                for image_metric, region, sign in (("psnr", "hole", 1), ("ssim", "hole", 1), ("lpips", "whole", -1)):
                    for biometric in ("similarity",) if over == "samples" else ("fnmr@0.001", "auc"):
                        for matcher in ("edgeface", "compact"):
                            turn = -1 if biometric.startswith("fnmr") else 1
                            rho = turn * sign * (0.55 if over == "methods" else 0.38)
                            board["correlations"].append(
                                {
                                    "over": over,
                                    "dataset": dataset,
                                    "occlusion": occlusion,
                                    "output": output,
                                    "image_metric": image_metric,
                                    "region": region,
                                    "biometric": biometric,
                                    "matcher": matcher,
                                    "spearman": rho,
                                    "spearman_low": max(-1, rho - (0.5 if over == "methods" else 0.06)),
                                    "spearman_high": min(1, rho + (0.5 if over == "methods" else 0.06)),
                                    "kendall": rho * 0.72,
                                    "n": n,
                                }
                            )

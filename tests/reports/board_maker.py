"""Writes a board.json of the size one asks for, with figures from simulated score distributions and drawn faces.

Run as a script it rewrites ``tests/golden/board_small``. Nobody's face is in it: the faces are ellipses.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from board_figures import (
    BINS,
    MATCHERS,
    METHODS,
    METRICS,
    Sim,
    agreement,
    biometrics,
    differences,
    image_rows,
    judged_differences,
    more_methods,
)
from board_pictures import gallery

__all__ = ["make_board", "more_methods"]


def make_board(
    folder: Path,
    methods: tuple[Sim, ...] = METHODS,
    samples: int = 6,
    extra_slices: int = 2,
    manifest: str = "5f" * 32,
    occlusions: tuple[str, ...] = ("medical_mask", "random_lines"),
    datasets: tuple[str, ...] = ("lfw",),
    name: str = "board_small",
    points: int = 25,
    pairs: tuple[int, int] = (1500, 12000),
) -> Path:
    """Write ``folder/board.json`` and its images; returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    slices = ["all", *(f"coverage={b}" for b in BINS), *(f"pose={k}" for k in range(extra_slices))]
    contexts = [(d, o) for d in datasets for o in occlusions]
    board: dict[str, Any] = {
        "schema": "unmaskbench.board/1",
        "manifest": manifest,
        "run": {
            "name": name,
            "created": "2026-11-20T10:00:00Z",
            "command": f"bench run --suite lfw --methods all --out runs/{name}",
            "suite": {"name": "lfw", "resolution": 128, "occlusions": list(occlusions), "mask_source": "oracle"},
            "suite_hash": "ab" * 32,
            "versions": {"unmaskbench": "0.1.0", "torch": "2.14.1", "numpy": "2.4.6"},
            "git": "0123abc",
            "hardware": {"cpu": "Example CPU", "cores": 2, "memory_gb": 24, "gpu": ""},
            "device": "cpu",
            "precision": "fp32",
            "seed": 0,
            "weights": {"lama": "cd" * 32, "edgeface": "ef" * 32},
            "mask_source": "oracle",
        },
        "methods": [
            {
                "method": m.id,
                "title": m.title,
                "provenance": m.provenance,
                "needs_mask": m.needs_mask,
                "mask_source": "oracle" if m.needs_mask else "none",
                "paper": f"{m.title}: a paper" if m.year else "",
                "bibtex": "",
                "year": m.year,
                "code_licence": "Apache-2.0",
                "weights_licence": "CC BY 4.0" if m.parameters else "",
                "assumptions": ["weight of the second loss term is 1"] if m.provenance == "reimplemented" else [],
                "trained_with": list(m.trained_with),
                "training_card": {"data": "lfw training identities", "seed": 0, "steps": 20000}
                if m.provenance == "reimplemented"
                else None,
                "parameters": m.parameters,
                "macs": m.parameters * 900.0 if m.parameters else None,
                "latency_ms": m.latency,
                "latency_spread_ms": m.latency * 0.04 if m.latency else None,
                "throughput": 1400 / m.latency if m.latency else None,
                "best_batch": 16,
                "peak_memory_mb": 180.0 if m.latency else None,
                "state": m.state,
                "message": "output is not finite on 7 of 1500 images" if m.state == "failed" else "",
            }
            for m in methods
        ],
        "datasets": [
            {
                "dataset": d,
                "title": "Drawn faces standing in for LFW" if d == "lfw" else d,
                "licence": "none needed",
                "source": "drawn by a script",
                "bibtex": "",
                "samples": 1500,
                "identities": 400,
                "split": "test",
                "attributes": ["pose"],
            }
            for d in datasets
        ],
        "occlusions": [
            {
                "occlusion": o,
                "title": o.replace("_", " ").capitalize(),
                "source": "Randhawa 2022" if o == "medical_mask" else "Plesko 2025",
                "parameters": {"coverage": "standard"},
                "coverage_mean": 0.41,
                "coverage_low": 0.28,
                "coverage_high": 0.56,
            }
            for o in occlusions
        ],
        "metrics": [
            {
                "metric": i,
                "title": t,
                "kind": k,
                "direction": d,
                "range": list(r),
                "unit": u,
                "signature": f"{i}|rgb|8bit|u1",
                "regions": list(g),
                "source": "",
                "state": "ok",
                "message": "",
            }
            for i, t, k, d, u, r, g in METRICS
        ]
        + [
            {
                "metric": "brisque",
                "title": "BRISQUE",
                "kind": "no_reference",
                "direction": "lower",
                "range": [0, "inf"],
                "unit": "",
                "signature": "brisque|u1",
                "regions": ["whole"],
                "source": "",
                "state": "unavailable",
                "message": "needs weights: bench weights get brisque",
            }
        ],
        "matchers": [
            {
                "matcher": i,
                "title": t,
                "dimension": n,
                "licence": "CC BY-NC",
                "source": "",
                "signature": f"{i}|cos|u1",
                "distilled_from": [],
                "state": s,
                "message": "",
            }
            for i, t, n, _, s in MATCHERS
        ]
        + [
            {
                "matcher": "arcface",
                "title": "ArcFace r50",
                "dimension": 512,
                "licence": "non-commercial",
                "source": "",
                "signature": "arcface|cos|u1",
                "distilled_from": [],
                "state": "unavailable",
                "message": "needs weights: bench weights get arcface",
            }
        ],
        "rows": [],
        "verification": [],
        "differences": [],
        "correlations": [],
        "curves": [],
        "histograms": [],
        "scatter": [],
        "gallery": gallery(folder, methods, contexts, samples),
        "statuses": [],
        "timings": {
            "decode": 12.0,
            "occlude": 9.5,
            "restore": 410.0,
            "score": 230.0,
            "embed": 120.0,
            "write": 2.0,
            "total": 783.5,
        },
    }
    for dataset, occlusion in contexts:
        rows = image_rows(methods, dataset, occlusion, slices, 1500)
        board["rows"] += rows
        board["differences"] += differences(rows)
        for key, found in biometrics(methods, dataset, occlusion, pairs, slices, curves=True).items():
            board[key] += found
            board["differences"] += judged_differences(found) if key == "verification" else []
        if any(m.id == "fd_stackgan" for m in methods):
            board["statuses"].append(
                {
                    "dataset": dataset,
                    "occlusion": occlusion,
                    "method": "fd_stackgan",
                    "status": "failed_restore",
                    "count": 7,
                    "example": "face-0000",
                    "message": "output is not finite",
                }
            )
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

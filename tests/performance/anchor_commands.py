"""Whole commands: against pyiqa's, against a script written by hand, and the short ones against ``bench --help``."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import perf_folder
import perf_runs
from alternating import Anchor, MissingLibraryError, Values, need

from unmaskbench.benchmark.biometrics.error_rates import ScoreDistribution, auc, eer, threshold_at_fmr
from unmaskbench.benchmark.biometrics.folds import fold_accuracy
from unmaskbench.benchmark.biometrics.scores import PairScores
from unmaskbench.benchmark.plan.limit import limited
from unmaskbench.datasets.lfw import LFW

BENCH = [sys.executable, "-m", "unmaskbench.benchmark.cli.main"]
METHOD = "h2a_ms2a_gan"


def sklearn_rows() -> Iterator[Anchor]:
    need("sklearn")
    from sklearn.metrics import roc_curve

    rng = np.random.default_rng(0)
    scores = PairScores(
        rng.normal(0.6, 0.15, 20_000).astype(np.float32), rng.normal(0.0, 0.12, 10_000_000).astype(np.float32)
    )
    labels = np.concatenate([np.ones(20_000, bool), np.zeros(10_000_000, bool)])
    both = np.concatenate([scores.genuine, scores.impostor])

    def theirs() -> Values:
        fpr, tpr, thresholds = roc_curve(labels, both, drop_intermediate=False)
        allowed = int(np.searchsorted(fpr, 1e-3, side="right")) - 1
        equal = fpr[np.argmin(np.abs(fpr - (1 - tpr)))]
        return {"auc": np.trapezoid(tpr, fpr), "eer": equal, "threshold": thresholds[allowed]}

    def ours() -> Values:
        ordered = ScoreDistribution.of(scores)
        return {"auc": auc(ordered), "eer": eer(ordered)[0], "threshold": threshold_at_fmr(ordered, 1e-3)}

    what = "scikit-learn's roc_curve: AUC, EER and threshold at FMR 1e-3, 10 million impostors"
    # Their curve is read at its own points, of which EER has none.
    yield Anchor(what, theirs, ours, 1e-4, "5x")


def folds_rows() -> Iterator[Anchor]:
    """LFW's ten folds as the published verification scripts of face recognition judge them: no library has it."""
    rng = np.random.default_rng(0)
    same = np.tile(np.repeat([True, False], 300), 10)
    first, noise = rng.standard_normal((2, 6000, 512))
    second = np.where(same[:, None], first + 2.2 * noise, noise)
    first, second = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (first, second))
    folds = np.repeat(np.arange(10), 600)

    def by_grid() -> Values:
        distances, accuracies = np.square(first - second).sum(1), []
        for fold in range(10):
            held, grid = folds == fold, np.arange(0, 4, 0.01)
            right = [np.mean((distances[~held] < threshold) == same[~held]) for threshold in grid]
            accuracies.append(np.mean((distances[held] < grid[int(np.argmax(right))]) == same[held]))
        return {"accuracy": np.mean(accuracies)}

    def ours() -> Values:
        cosine = np.einsum("ij,ij->i", first, second).astype(np.float32)
        found = fold_accuracy(PairScores(cosine[same], cosine[~same]), folds[same], folds[~same])
        return {"accuracy": found.mean}

    what = "LFW's ten folds, 6,000 pairs: thresholds of a grid of 400, in numpy"
    # A grid's best threshold is not the best of all.
    yield Anchor(what, by_grid, ours, 5e-3, "10x")


def pyiqa_rows(count: int = 100) -> Iterator[Anchor]:
    beside = Path(sys.executable).with_name("pyiqa")
    command = os.environ.get("UNMASKBENCH_PYIQA", str(beside) if beside.is_file() else "")
    if not command:
        raise MissingLibraryError("pip install pyiqa (or name its command in UNMASKBENCH_PYIQA)")
    names = ("psnr", "ssim", "ms_ssim", "fsim")
    with tempfile.TemporaryDirectory() as folder:
        truth, restored = perf_folder.pictures(Path(folder), count)
        csv, said = Path(folder) / "scores.csv", [""]

        def theirs() -> Values:
            said[0] = perf_folder.timed(perf_folder.theirs(command, names, truth, restored))[1]
            return {}

        def ours() -> Values:
            perf_folder.timed(perf_folder.ours(names, truth, restored, csv))
            for expected, found in perf_folder.alike(names, csv, said[0]).values():
                assert abs(expected - found) < 1e-2
            return {}

        yield Anchor(f"pyiqa's command: {', '.join(names)} of {count} PNGs", theirs, ours, None, "5x", warm=False)


def hand_rows(counts: tuple[int, ...] = (100, 400)) -> Iterator[Anchor]:
    home = os.environ.get("UNMASKBENCH_HOME", "")
    if not Path(home, "data", "lfw").is_dir():
        raise MissingLibraryError("set UNMASKBENCH_HOME to a folder with data/lfw and weights/edgeface_xs.onnx")
    root = Path(home, "data", "lfw")
    samples = LFW(root, "test").samples
    with tempfile.TemporaryDirectory() as folder:
        for count in counts:
            names = Path(folder) / "names.txt"
            names.write_text("\n".join(samples[index].id for index in limited(samples, count)))
            suite = Path(folder) / "suite.yaml"
            suite.write_text(json.dumps(content := _same_work(root, count)))
            out = Path(folder) / "run"
            run = [*BENCH, "run", "--suite", str(suite), "--no-speed", "--fresh", "--keep", "none", "--out", str(out)]
            script = [sys.executable, str(Path(__file__).with_name("hand_written.py")), str(root), str(names)]
            aim = "at least 0.87x (costs 1.15)"
            theirs = partial(_said, script)
            what = f"a script by hand, {count} photographs of LFW"
            yield Anchor(f"{what}: `bench run`", theirs, partial(_board, run, out), 1e-6, aim, warm=False)
            if count == counts[0]:
                yield Anchor(f"{what}: `run()`, no page", theirs, partial(_called, content, out), 1e-6, aim, warm=False)


def _same_work(root: Path, count: int) -> dict[str, Any]:
    return {
        "name": "hand",
        "datasets": [{"id": "lfw", "split": "test", "root": str(root), "limit": count}],
        "crop": {"centre_px": 150},
        "size": 128,
        "occlusions": [{"id": "medical_mask", "parameters": {"coverage": "standard"}}],
        "methods": [METHOD],
        "outputs": ["composite"],
        "metrics": ["psnr"],
        "regions": ["whole"],
        "matchers": ["edgeface"],
        "pairs": {"impostors": "all", "genuine_per_identity": 100_000},
        "fmr_targets": [1e-2],
        "gallery": 0,
        "shard_size": 64,
    }


def _said(command: list[str]) -> Values:
    found: Values = json.loads(perf_folder.timed(command)[1].splitlines()[-1])
    return found


def _board(command: list[str], out: Path) -> Values:
    perf_folder.timed(command)
    return _figures(out)


def _called(content: dict[str, Any], out: Path) -> Values:
    shutil.rmtree(out, ignore_errors=True)
    perf_runs.measured(content, out, keep="none")
    return _figures(out)


def _figures(out: Path) -> Values:
    board = json.loads((out / "board.json").read_text())
    found = {f"psnr {'UT' if row['method'] == METHOD else 'MT'}": row["value"] for row in board["rows"]}
    for row in board["verification"]:
        if row["metric"] == "fnmr_equal" and row["slice"] == "all" and row["policy"] == "penalised":
            found[f"fnmr_equal {row['setting']}"] = row["value"]
    return found


def short_rows() -> Iterator[Anchor]:
    """What is there already, listed, looked up and drawn again; ``bench --help`` is the measure of the machine."""
    with tempfile.TemporaryDirectory() as folder:
        out = str(Path(folder) / "run")
        run = [*BENCH, "run", "--methods", f"untouched,telea,{METHOD}", "--limit", "4", "--no-speed", "--out", out]
        perf_folder.timed(run)
        for what, command, aim in (
            ("a finished run asked for again", run, "1 s"),
            ("`bench list`", [*BENCH, "list"], "0.3 s"),
            ("`bench report --help`, what starts it", [*BENCH, "report", "--help"], "0.3 s"),
            ("`bench report` of three methods, 4 faces", [*BENCH, "report", out], "1.5 s to start"),
        ):
            yield Anchor(
                f"`bench --help`: {what}", partial(_done, [*BENCH, "--help"]), partial(_done, command), None, aim
            )


def _done(command: list[str]) -> Values:
    perf_folder.timed(command)
    return {}

"""The board against figures counted by hand from the rows and embeddings of a run."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from tests import tiny
from unmaskbench.benchmark.board.build import rebuild_board
from unmaskbench.benchmark.board.verification import independent
from unmaskbench.benchmark.plugins.types import MatcherCard, MethodCard
from unmaskbench.benchmark.run.entry import run
from unmaskbench.benchmark.store.folder import RunFolder
from unmaskbench.reports.schema import board_check

PEOPLE, EACH = 6, 4


@pytest.fixture(autouse=True, scope="module")
def _plugins() -> Iterator[None]:
    with tiny.registered():
        yield


@pytest.fixture(scope="module")
def folder(_plugins: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    suite = tiny.suite(
        datasets=[{"id": "tiny_faces", "parameters": {"identities": PEOPLE, "each": EACH}}],
        methods=["untouched", "tiny_fill", "telea", tiny.odd("raise", "p1/2")],
        metrics=["psnr", "l1", "ssim"],
        matcher_outputs=["composite"],
        pairs={"impostors": "all"},
        fmr_targets=[0.1, 0.01],
        slice_by=["smile"],
    )
    return run(suite, tmp_path_factory.mktemp("score") / "run", speed=False)


@pytest.fixture(scope="module")
def board(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "board.json").read_text())
    return found


def keys(folder: Path, method: str) -> list[str]:
    return [unit["key"] for unit in json.loads((folder / "run.json").read_text())["units"] if unit["method"] == method]


def vectors(folder: Path, method: str, output: str) -> dict[str, np.ndarray]:
    held = RunFolder(folder).embeddings(keys(folder, method)).filter(pl.col("output") == output).collect()
    return {row["sample"]: np.array(row["vector"]) for row in held.iter_rows(named=True) if row["vector"] is not None}


def trials(folder: Path, probe: dict[str, np.ndarray], truth: dict[str, np.ndarray]) -> tuple[list[float], list[float]]:
    """Scores of all genuine and impostor pairs, the id that sorts first being the probe; where there is no probe a genuine
    pair is no match and an impostor pair is one."""
    ids = sorted(f"p{who}/{n}" for who in range(PEOPLE) for n in range(EACH))
    genuine, impostor = [], []
    for a, b in combinations(ids, 2):
        same = a[:2] == b[:2]
        lost = -math.inf if same else math.inf
        (genuine if same else impostor).append(float(probe[a] @ truth[b]) if a in probe else lost)
    return genuine, impostor


def row(board: dict[str, Any], table: str, **where: Any) -> dict[str, Any]:
    found = [r for r in board[table] if all(r[key] == value for key, value in where.items())]
    assert len(found) == 1, (where, len(found))
    return found[0]


def test_fits_its_schema(board: dict[str, Any]) -> None:
    board_check()(board, "board")


def test_means_are_those_of_the_rows(folder: Path, board: dict[str, Any]) -> None:
    for method in ("untouched", "tiny_fill", "telea", "raise"):
        rows = RunFolder(folder).rows(keys(folder, method)).collect()
        for metric in ("psnr", "l1", "ssim"):
            here = rows.filter(
                (pl.col("metric") == metric) & (pl.col("region") == "hole") & (pl.col("output") == "composite")
            )
            values = [value for value in here["value"].to_list() if value is not None]
            found = row(board, "rows", method=method, metric=metric, region="hole", output="composite", slice="all")
            assert (found["n"], found["of"]) == (len(values), PEOPLE * EACH)
            assert found["low"] <= found["value"] <= found["high"]
            if method != "raise":
                assert found["value"] == pytest.approx(sum(values) / len(values), rel=1e-9)
                assert (found["failed"], found["completed"], found["ranked"]) == (0, None, True)
                continue
            # what a user is left with where a method fails is the occluded image
            left = occluded(folder, metric)["p1/2"]
            assert found["value"] == pytest.approx((sum(values) + left) / (PEOPLE * EACH), rel=1e-9)
            assert found["completed"] == pytest.approx(sum(values) / len(values), rel=1e-9)
            assert (found["failed"], found["rank"], found["group"], found["ranked"]) == (1, None, None, False)
            assert "23 of 24 samples" in found["note"]


def occluded(folder: Path, metric: str) -> dict[str, float]:
    """A metric of the occluded faces' holes by sample."""
    rows = RunFolder(folder).rows(keys(folder, "untouched")).collect()
    here = rows.filter((pl.col("metric") == metric) & (pl.col("region") == "hole") & (pl.col("output") == "composite"))
    return dict(here.select("sample", "value").iter_rows())


def test_ranks_follow_the_direction(board: dict[str, Any]) -> None:
    for metric, best_first in (("psnr", False), ("l1", True)):
        rows = [
            r for r in board["rows"]
            if (r["metric"], r["region"], r["output"], r["slice"]) == (metric, "hole", "composite", "all") and r["ranked"]
        ]  # fmt: skip
        by_rank = [r["value"] for r in sorted(rows, key=lambda r: r["rank"])]
        assert by_rank == sorted(by_rank, reverse=not best_first)
        groups = [r["group"] for r in sorted(rows, key=lambda r: r["rank"])]
        assert groups == sorted(groups)
        assert groups[0] == 1


def test_slices_part_the_samples(board: dict[str, Any]) -> None:
    where = {"method": "telea", "metric": "psnr", "region": "whole", "output": "composite"}
    whole = row(board, "rows", **where, slice="all")
    parts = [row(board, "rows", **where, slice=f"smile={value}") for value in (True, False)]
    assert sum(part["n"] for part in parts) == whole["n"]
    mean = sum(part["n"] * part["value"] for part in parts) / whole["n"]
    assert mean == pytest.approx(whole["value"], rel=1e-9)
    assert all(part["low"] is None and "small slice" in part["note"] for part in parts)


@pytest.mark.parametrize(("method", "setting"), [("untouched", "MT"), ("telea", "UT"), ("raise", "UT")])
def test_error_rates_are_counted_at_the_threshold_kept_from_truth(
    folder: Path, board: dict[str, Any], method: str, setting: str
) -> None:
    truth = vectors(folder, "", "truth")
    genuine, impostor = trials(folder, truth, truth)
    target = 0.1
    # The lowest threshold whose FMR stays within the target.
    allowed = math.floor(target * len(impostor) + 1e-9)
    refused = sorted(impostor, reverse=True)[allowed]
    probe = vectors(folder, method, "composite")
    mated, strangers = trials(folder, probe, truth)
    kept = row(board, "verification", setting="TT", metric="fnmr", target=target, policy="penalised")["threshold"]
    assert refused < kept
    assert np.mean(np.array(impostor) >= kept) <= target
    output = "raw" if setting == "MT" else "composite"
    where = {"method": method, "setting": setting, "target": target, "policy": "penalised", "output": output}
    fnmr = row(board, "verification", metric="fnmr", **where)
    assert fnmr["threshold"] == kept
    assert fnmr["value"] == pytest.approx(np.mean(np.array(mated) < np.float32(kept)), abs=1e-12)
    fmr = row(board, "verification", metric="fmr", **where)
    assert fmr["value"] == pytest.approx(np.mean(np.array(strangers) >= np.float32(kept)), abs=1e-12)
    assert (fnmr["genuine"], fnmr["impostor"]) == (len(genuine), len(impostor))


@pytest.mark.parametrize(("method", "setting"), [("untouched", "MT"), ("telea", "UT"), ("raise", "UT")])
def test_equal_fmr_sets_each_roles_own_threshold(
    folder: Path, board: dict[str, Any], method: str, setting: str
) -> None:
    """FNMR at equal FMR and both recovered shares, from the stored embeddings by sorting and counting alone."""
    target, truth = 0.1, vectors(folder, "", "truth")

    def rates(probe: dict[str, np.ndarray], at: float | None = None) -> tuple[float, float]:
        mated, strangers = trials(folder, probe, truth)
        allowed = math.floor(target * len(strangers) + 1e-9)
        bar = sorted(strangers, reverse=True)[allowed]  # what a threshold has to refuse
        lost = sum(score <= bar for score in mated) if at is None else sum(np.float32(score) < at for score in mated)
        return lost / len(mated), bar

    own = {role: rates(vectors(folder, name, "composite" if name else "truth"))[0]
           for role, name in (("T", ""), ("M", "untouched"), ("U", method))}  # fmt: skip
    output = "raw" if setting == "MT" else "composite"
    where = {"method": method, "setting": setting, "target": target, "policy": "penalised", "output": output}
    found = row(board, "verification", metric="fnmr_equal", **where)
    assert found["value"] == pytest.approx(own["U"], abs=1e-12)
    assert found["low"] <= found["value"] <= found["high"]
    fmr = np.mean(
        np.array(trials(folder, vectors(folder, method, "composite"), truth)[1]) >= np.float32(found["threshold"])
    )
    if method == "raise":  # 20 of the 276 impostor pairs have no probe, and each of them gets in
        assert (
            fmr
            >= sum(1 for s in trials(folder, vectors(folder, method, "composite"), truth)[1] if s == math.inf) / 276
            > 0
        )
    assert fmr <= target
    if setting != "UT":
        return
    kept = row(board, "verification", setting="TT", metric="fnmr", target=target, policy="penalised")["threshold"]
    at_kept = {role: rates(vectors(folder, name, "composite" if name else "truth"), np.float32(kept))[0]
               for role, name in (("T", ""), ("M", "untouched"), ("U", method))}  # fmt: skip
    for metric, rate in (("recovered_equal", own), ("recovered_kept", at_kept)):
        given = row(board, "verification", metric=metric, **where)
        if rate["M"] <= rate["T"]:
            assert given["value"] is None
            assert "costs this matcher nothing" in given["refused"]
        else:
            assert given["value"] == pytest.approx((rate["M"] - rate["U"]) / (rate["M"] - rate["T"]), abs=1e-9)


def test_biometric_slices_count_the_trials_of_their_probes(tmp_path: Path) -> None:
    data = {"id": "tiny_faces", "parameters": {"identities": 12, "each": 6}}
    changes = {"datasets": [data], "methods": ["untouched", "telea"], "metrics": [], "slice_by": ["smile"]}
    suite = tiny.suite(**changes, pairs={"impostors": "all"}, fmr_targets=[0.1])
    sliced = json.loads((run(suite, tmp_path / "run", speed=False) / "board.json").read_text())
    where = {"method": "telea", "setting": "UT", "metric": "fnmr", "output": "composite", "policy": "penalised"}
    whole = row(sliced, "verification", slice="all", **where)
    parts = [row(sliced, "verification", slice=f"smile={value}", **where) for value in (True, False)]
    assert sum(part["genuine"] for part in parts) == whole["genuine"] == 12 * 15
    lost = sum(part["genuine"] * part["value"] for part in parts)
    assert lost == pytest.approx(whole["genuine"] * whole["value"], abs=1e-9)
    assert all(part["threshold"] == whole["threshold"] for part in parts)
    assert all(part["low"] <= part["value"] <= part["high"] for part in parts)


def test_a_failed_restoration_is_a_lost_comparison_and_the_completed_figure_stands_beside(
    board: dict[str, Any],
) -> None:
    where = {"method": "raise", "setting": "UT", "target": 0.1, "output": "composite", "metric": "fnmr"}
    penalised = row(board, "verification", policy="penalised", **where)
    completed = row(board, "verification", policy="completed", **where)
    assert completed["genuine"] < penalised["genuine"]
    assert completed["value"] < penalised["value"]
    status = row(board, "statuses", method="raise", status="failed_restore")
    assert (status["count"], status["example"]) == (1, "p1/2")
    assert "no face for you" in status["message"]


def test_a_target_with_too_few_impostors_is_refused(board: dict[str, Any]) -> None:
    found = row(
        board, "verification", method="telea", setting="UT", metric="fnmr", target=0.01, policy="penalised",
        output="composite",
    )  # fmt: skip
    assert found["value"] is None
    assert "1,000 impostor comparisons" in found["refused"]


def test_what_is_recovered_is_the_difference_of_both_rates(board: dict[str, Any]) -> None:
    def fnmr(method: str, setting: str, output: str) -> float:
        where = {"method": method, "setting": setting, "output": output, "target": 0.1, "policy": "penalised"}
        return float(row(board, "verification", metric="fnmr", **where)["value"])

    gained = row(
        board, "verification", method="telea", metric="fnmr_recovered", target=0.1, output="composite", setting="UT"
    )
    assert gained["value"] == pytest.approx(
        fnmr("untouched", "MT", "raw") - fnmr("telea", "UT", "composite"), abs=1e-12
    )


def test_scoring_again_calls_no_network_and_changes_nothing(folder: Path, board: dict[str, Any]) -> None:
    tiny.CALLS.clear()
    again = rebuild_board(folder)
    assert not tiny.CALLS
    assert json.loads(json.dumps(again)) == board


def test_a_teacher_and_its_pupils_are_no_independent_judges() -> None:
    def matcher(name: str, *teachers: str) -> MatcherCard:
        return MatcherCard(name, name, 8, "", "", "", distilled_from=teachers)

    trained = [MethodCard("m", "m", needs_mask=False, provenance="reimplemented", trained_with=("edgeface",))]
    assert not independent(matcher("edgeface"), trained)
    assert not independent(matcher("pupil", "edgeface"), trained)
    assert independent(matcher("mobilefacenet"), trained)
    taught_by_pupil = [MethodCard("m", "m", needs_mask=False, provenance="reimplemented", trained_with=("compact",))]
    assert not independent(matcher("edgeface"), taught_by_pupil)


def test_a_small_set_is_shown_unranked_with_its_size(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UNMASKBENCH_HOME", str(home))
    suite = tiny.suite(size=64, metrics=["fd_alexnet"], matchers=[], methods=["untouched", "telea"])
    found = json.loads((run(suite, tmp_path / "run", speed=False) / "board.json").read_text())
    rows = [r for r in found["rows"] if r["method"] == "telea"]
    assert {r["output"] for r in rows} == {"raw", "composite"}
    for r in rows:
        assert r["value"] > 0
        assert (r["n"], r["failed"], r["ranked"], r["rank"]) == (6, 0, False, None)
        assert "N = 6" in r["note"]


def test_a_set_that_lacks_a_shard_is_no_smaller_set(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from unmaskbench.benchmark.plugins.registry import METRICS

    monkeypatch.setenv("UNMASKBENCH_HOME", str(home))
    metric = METRICS.get("fd_alexnet")
    update, calls = metric.update, []

    def once_broken(self: Any, images: Any) -> Any:
        calls.append(len(images))
        if len(calls) == 4:
            raise RuntimeError("out of memory: 3 GiB")
        return update(self, images)

    monkeypatch.setattr(metric, "update", once_broken)
    suite = tiny.suite(
        size=64, metrics=["fd_alexnet"], matchers=[], methods=["untouched", "telea"], outputs=["raw"], shard_size=3
    )
    found = json.loads((run(suite, tmp_path / "run", speed=False) / "board.json").read_text())
    values = {r["method"]: (r["value"] is None, r["n"], r["failed"], r["note"]) for r in found["rows"]}
    hit = [v for v in values.values() if "out of memory: 3 GiB" in v[3]]
    assert hit
    assert all(v == (True, 0, 6, hit[0][3]) for v in hit), values
    assert len(calls) > 4

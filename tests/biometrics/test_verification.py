"""The protocol: thresholds from TT are kept, targets are refused without evidence, failures are penalised."""

from __future__ import annotations

import numpy as np
import pytest

from unmaskbench.benchmark.biometrics.error_rates import ScoreDistribution, auc, eer, threshold_at_fmr
from unmaskbench.benchmark.biometrics.scores import PairScores
from unmaskbench.benchmark.biometrics.verification import VerificationRow, set_thresholds, verification_rows


def _normal(shift: float, genuine: int = 400, impostor: int = 2_000, seed: int = 0) -> PairScores:
    rng = np.random.default_rng(seed)
    return PairScores(rng.normal(shift, 1, genuine).astype(np.float32), rng.normal(0, 1, impostor).astype(np.float32))


def _table(
    rows: list[VerificationRow], handling: str = "penalised"
) -> dict[tuple[str, str, float | None], VerificationRow]:
    table = {(row.setting, row.metric, row.target): row for row in rows if row.handling == handling}
    assert len(table) == sum(row.handling == handling for row in rows)
    return table


def test_thresholds_are_set_on_truth_and_kept() -> None:
    scores = {"TT": _normal(3.0), "MT": _normal(1.0, seed=1), "UT": _normal(2.0, seed=2)}
    thresholds = set_thresholds(scores["TT"], (1e-2, 1e-3))
    table = _table(verification_rows(scores, thresholds))
    kept = threshold_at_fmr(ScoreDistribution.of(scores["TT"]), 1e-2)
    for setting, found in scores.items():
        row = table[setting, "fnmr", 1e-2]
        assert row.threshold == kept
        assert row.value == pytest.approx(float((found.genuine < np.float32(kept)).mean()))
        assert table[setting, "fmr", 1e-2].value == pytest.approx(float((found.impostor >= np.float32(kept)).mean()))
        own = ScoreDistribution.of(found)
        assert table[setting, "auc", None].value == auc(own)
        assert table[setting, "eer", None].value == eer(own)[0]
        assert table[setting, "tmr", 1e-2].threshold == threshold_at_fmr(own, 1e-2)
        fpr, tpr = table[setting, "fpr", None].value, table[setting, "tpr", None].value
        assert table[setting, "accuracy", None].value == pytest.approx((tpr + 1 - fpr) / 2)
        assert (row.genuine, row.impostor) == (400, 2_000)
    assert table["TT", "fmr", 1e-2].value <= 1e-2
    assert table["TT", "tmr", 1e-2].value == pytest.approx(1 - table["TT", "fnmr", 1e-2].value)


def test_what_a_restoration_gives_back_and_lets_in() -> None:
    scores = {"TT": _normal(3.0), "MT": _normal(1.0, seed=1), "UT": _normal(2.0, seed=2)}
    table = _table(verification_rows(scores, set_thresholds(scores["TT"], (1e-2,))))
    recovered = table["MT", "fnmr", 1e-2].value - table["UT", "fnmr", 1e-2].value
    assert table["UT", "fnmr_recovered", 1e-2].value == pytest.approx(recovered)
    assert recovered > 0.2
    added = table["UT", "fmr", 1e-2].value - table["MT", "fmr", 1e-2].value
    assert table["UT", "fmr_added", 1e-2].value == pytest.approx(added)


def test_targets_without_evidence_are_refused_with_the_reason() -> None:
    scores = {"TT": _normal(3.0), "MT": _normal(1.0), "UT": _normal(2.0)}
    table = _table(verification_rows(scores, set_thresholds(scores["TT"], (1e-2, 1e-3))))
    for setting, metric in (("TT", "fnmr"), ("MT", "fmr"), ("UT", "tmr"), ("TT", "accuracy"), ("UT", "fnmr_recovered")):
        row = table[setting, metric, 1e-3]
        assert row.value is None
        assert "at least 10,000 impostor comparisons" in row.reason
        assert "2,000" in row.reason


def test_failures_are_penalised_and_shown_apart() -> None:
    truth, restored = _normal(3.0), _normal(3.0)
    genuine, impostor = restored.genuine.copy(), restored.impostor.copy()
    genuine[:100] = -np.inf
    impostor[:500] = -np.inf
    scores = {"TT": truth, "UT": PairScores(genuine, impostor)}
    rows = verification_rows(scores, set_thresholds(truth, (1e-2,)))
    penalised, completed = _table(rows), _table(rows, "completed")
    assert {setting for setting, _, _ in completed} == {"UT"}
    assert penalised["UT", "coverage", None].value == pytest.approx(1 - 600 / 2400)
    assert penalised["TT", "coverage", None].value == 1.0
    assert penalised["UT", "fnmr", 1e-2].value >= 0.25
    assert completed["UT", "fnmr", 1e-2].genuine == 300
    full = float((genuine[100:] < np.float32(completed["UT", "fnmr", 1e-2].threshold)).mean())
    assert completed["UT", "fnmr", 1e-2].value == pytest.approx(full)
    assert penalised["UT", "dprime", None].value == pytest.approx(completed["UT", "dprime", None].value)


def test_a_setting_in_which_everything_failed_says_so() -> None:
    lost = PairScores(np.full(5, -np.inf, np.float32), np.full(9, -np.inf, np.float32))
    truth = _normal(3.0)
    rows = verification_rows({"TT": truth, "UU": lost}, set_thresholds(truth, (1e-2,)), settings=["UU"])
    penalised, completed = _table(rows), _table(rows, "completed")
    assert penalised["UU", "fnmr", 1e-2].value == 1.0
    assert penalised["UU", "dprime", None].value is None
    assert completed["UU", "auc", None].value is None
    assert "0 genuine" in completed["UU", "auc", None].reason

"""The bootstrap of error rates by hand: a few people, and every figure of every resample from loops over comparisons."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest

from unmaskbench.benchmark.statistics import pair_bootstrap as module
from unmaskbench.benchmark.statistics.bootstrap import IdentityBootstrap
from unmaskbench.benchmark.statistics.pair_bootstrap import PairBootstrap

IMAGES = (3, 1, 2, 4, 2, 3, 2)
"""Images of each of seven people; the second has one, and so no genuine comparison."""


def _boot(images: tuple[int, ...] = IMAGES, resamples: int = 25, seed: int = 5) -> PairBootstrap:
    """All comparisons of all images with each other. Impostor comparisons name either person first."""
    owners = [person for person, count in enumerate(images) for _ in range(count)]
    couples = [(a, b) for a, b in combinations(owners, 2)]
    impostor = [couple if place % 3 else couple[::-1] for place, couple in enumerate(couples) if couple[0] != couple[1]]
    genuine = [a for a, b in couples if a == b]
    return PairBootstrap(
        np.array(genuine, np.int32),
        np.array(impostor, np.int32).reshape(-1, 2),
        IdentityBootstrap(len(images), resamples, seed),
    )


def _scores(boot: PairBootstrap, levels: int = 12, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Scores on a few levels, so that many are tied, in which people differ."""
    rng = np.random.default_rng(seed)
    ease = rng.normal(0, 0.6, boot.people.identities)
    genuine = 1.2 + ease[boot.genuine] + rng.normal(0, 0.8, len(boot.genuine))
    impostor = ease[boot.impostor].sum(axis=1) * 0.5 + rng.normal(0, 0.8, len(boot.impostor))
    step = levels / 6
    return tuple((np.round(kind * step) / step).astype(np.float32) for kind in (genuine, impostor))


def _times_drawn(boot: PairBootstrap) -> list[list[int]]:
    return [[int(times) for times in row] for block in boot.people.weight_blocks() for row in block]


def _share(marks: np.ndarray, counts: list[float]) -> float:
    total = sum(counts)
    return sum(count for mark, count in zip(marks, counts, strict=True) if mark) / total if total > 0 else math.nan


def _fnmr(boot: PairBootstrap, refused: np.ndarray) -> list[float]:
    """A genuine comparison counts as often as its person was drawn."""
    return [_share(refused, [times[p] for p in boot.genuine]) for times in _times_drawn(boot)]


def _fmr(boot: PairBootstrap, accepted: np.ndarray) -> list[float]:
    """An impostor comparison counts once for every drawn copy of one person beside every drawn copy of the other."""
    return [_share(accepted, [times[a] * times[b] for a, b in boot.impostor]) for times in _times_drawn(boot)]


def _first_order_fmr(boot: PairBootstrap, accepted: np.ndarray) -> list[float]:
    """w_a w_b to first order around one: w_a + w_b - 1."""
    return [_share(accepted, [times[a] + times[b] - 1 for a, b in boot.impostor]) for times in _times_drawn(boot)]


def test_rates_count_every_comparison_as_often_as_its_people_were_drawn() -> None:
    boot = _boot()
    genuine, impostor = _scores(boot)
    for threshold in (-0.5, 0.5, 1.0):
        np.testing.assert_allclose(boot.fnmr(genuine < threshold), _fnmr(boot, genuine < threshold), atol=1e-12)
        np.testing.assert_allclose(boot.fmr(impostor >= threshold), _fmr(boot, impostor >= threshold), atol=1e-12)
    # Over the marked comparisons alone, numerator and denominator.
    kept, held = np.arange(len(genuine)) % 3 > 0, np.arange(len(impostor)) % 4 > 0
    some = boot.limited(kept, held)
    np.testing.assert_allclose(some.fnmr(genuine[kept] < 1), _fnmr(some, genuine[kept] < 1), atol=1e-12)
    np.testing.assert_allclose(some.fmr(impostor[held] >= 1), _fmr(some, impostor[held] >= 1), atol=1e-12)


@pytest.mark.parametrize("dense_share", [0.0, 0.02, 1.0])
@pytest.mark.parametrize("people", [9, 1100])
def test_few_and_many_people_sparse_and_dense_give_the_counted_rates(
    dense_share: float, people: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Repeated comparisons of the same two people, in either order, each count."""
    monkeypatch.setattr(module, "DENSE_SHARE", dense_share)
    rng = np.random.default_rng(2)
    first = rng.integers(0, people, 60)
    pairs = np.stack([first, (first + rng.integers(1, people, 60)) % people], 1)
    pairs = np.concatenate([pairs, pairs[:20], pairs[10:30, ::-1]]).astype(np.int32)
    boot = PairBootstrap(np.zeros(1, np.int32), pairs, IdentityBootstrap(people, 5, seed=1))
    accepted = np.arange(len(pairs)) % 3 == 0
    np.testing.assert_allclose(boot.fmr(accepted), _fmr(boot, accepted), atol=1e-6)


@pytest.mark.parametrize(("neighbours", "dense"), [(1, False), (2, True)])
def test_two_in_a_hundred_couples_are_worth_a_whole_table(
    neighbours: int, dense: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of a hundred people meets the next one or two: counted or sorted, one or two per cent of the couples."""
    ring = np.array([(a, (a + step + 1) % 100) for a in range(100) for step in range(neighbours)], np.int32)
    expected = np.zeros((100, 100))
    for first, second in ring:
        expected[first, second] += 1
    for cells in (0, 1 << 20):
        monkeypatch.setattr(module, "COUNTED_CELLS", cells)
        found = module._couples(ring, 100)
        assert isinstance(found, np.ndarray) is dense
        np.testing.assert_array_equal(found if dense else found.toarray(), expected)
    for largest in (99, 100):
        monkeypatch.setattr(module, "LARGEST_DENSE", largest)
        assert isinstance(module._couples(ring, 100), np.ndarray) is (dense and largest == 100)


def test_a_few_comparisons_of_many_people_take_no_table_of_all_couples() -> None:
    """Such a table would take 320 GB; three comparisons are three numbers."""
    pairs = np.array([[199_999, 0], [7, 8], [7, 8]], np.int32)
    found = module._couples(pairs, 200_000)
    assert found.nnz == 2
    assert found.sum() == 3
    boot = PairBootstrap(np.zeros(1, np.int32), pairs, IdentityBootstrap(200_000, 3, seed=2))
    accepted = np.array([True, False, True])
    for rate, times in zip(boot.fmr(accepted), np.concatenate(list(boot.people.weight_blocks())), strict=True):
        far, near = times[0] * times[-1], times[7] * times[8]
        assert rate == (far + near) / (far + 2 * near) if far + near else np.isnan(rate)


def test_two_people_are_compared_only_where_both_are_drawn() -> None:
    """Half of the resamples draw one of the two twice, and have no impostor comparison; the other half have the one."""
    boot = _boot((2, 1), resamples=40)
    both = np.array([min(times) == 1 for times in _times_drawn(boot)])
    assert 0 < both.sum() < 40
    fmr = boot.fmr(np.array([True, False]))
    assert (fmr[both] == 0.5).all()
    assert np.isnan(fmr[~both]).all()
    assert np.isnan(boot.interval(fmr)).all()
    alone = boot.limited(np.array([True]), np.array([True, False])).fmr(np.array([True]))
    assert (alone[both] == 1).all()
    assert np.isnan(alone[~both]).all()
    # The second person has no genuine comparison, so FNMR is unknown where only that one is drawn, and 1 elsewhere.
    first = np.array([times[0] > 0 for times in _times_drawn(boot)])
    fnmr = boot.fnmr(np.array([True]))
    assert (fnmr[first] == 1).all()
    assert np.isnan(fnmr[~first]).all()
    # Scores of one genuine comparison have no spread of their own, those of two impostor ones do.
    assert np.isnan(boot.dprime(np.ones(1, np.float32), np.zeros(2, np.float32))).all()


def test_intervals_are_the_ends_of_the_middle_part_of_the_resamples() -> None:
    boot = _boot()
    values = np.random.default_rng(0).permutation(101.0 * np.arange(25))
    low, high = boot.interval(values)
    assert (low, high) == (pytest.approx(0.025 * 24 * 101), pytest.approx(0.975 * 24 * 101))
    assert boot.interval(np.full(25, 0.3)) == (pytest.approx(0.3), pytest.approx(0.3))
    assert isinstance(low, float)


def test_auc_moves_by_each_persons_influence_on_the_logit() -> None:
    """Influence from its definition: the derivative of the weighted AUC, over all couples of comparisons, by finite
    differences in each person's weight, with an impostor comparison's weight taken to first order."""
    boot = _boot((2, 3, 2, 2, 3))
    genuine, impostor = _scores(boot, seed=1)
    beats = (genuine[:, None] > impostor) + 0.5 * (genuine[:, None] == impostor)

    def weighted_auc(weights: np.ndarray) -> float:
        g, i = weights[boot.genuine], weights[boot.impostor].sum(axis=1) - 1
        return float((beats * g[:, None] * i).sum() / (g.sum() * i.sum()))

    ones = np.ones(5)
    step = 1e-6
    slopes = [(weighted_auc(ones + step * e) - weighted_auc(ones - step * e)) / (2 * step) for e in np.eye(5)]
    area = weighted_auc(ones)
    assert 0.6 < area < 0.95
    expected = []
    for times in _times_drawn(boot):
        odds = math.log(area / (1 - area)) + sum(
            (t - 1) * s / (area * (1 - area)) for t, s in zip(times, slopes, strict=True)
        )
        expected.append(1 / (1 + math.exp(-odds)))
    np.testing.assert_allclose(boot.auc(genuine, impostor), expected, atol=1e-7)
    # Turned round, the scores have the other part of the square.
    np.testing.assert_allclose(boot.auc(-genuine, -impostor), 1 - np.array(expected), atol=1e-7)
    for high, low, constant in ((1.0, 0.0, 1.0), (0.0, 1.0, 0.0)):
        full = np.full(len(genuine), high, np.float32), np.full(len(impostor), low, np.float32)
        assert boot.auc(*full).tolist() == [constant] * 25


def test_dprime_is_that_of_the_resampled_moments_of_completed_comparisons() -> None:
    """Genuine moments exactly, impostor ones to first order about their observed mean."""
    boot = _boot()
    genuine, impostor = _scores(boot)
    genuine[2], impostor[::11] = -np.inf, np.inf
    g, i = np.isfinite(genuine), np.isfinite(impostor)
    expected = []
    for times in _times_drawn(boot):
        weights = np.array([times[p] for p in boot.genuine[g]], float)
        moved = [sum(times[p] - 1 for p in couple) for couple in boot.impostor[i]]
        first, second = [], []
        for power, held in ((1, first), (2, second)):
            values, others = genuine[g].astype(float) ** power, impostor[i].astype(float) ** power
            held.append((weights * values).sum() / weights.sum())
            held.append(others.mean() + (moved * (others - others.mean())).sum() / len(others))
        spread = (second[0] - first[0] ** 2 + second[1] - first[1] ** 2) / 2
        expected.append(abs(first[0] - first[1]) / math.sqrt(spread))
    found = boot.dprime(genuine, impostor)
    np.testing.assert_allclose(found, expected, rtol=1e-9)
    # Neither order nor unit: the distance has no sign and no scale.
    np.testing.assert_allclose(boot.dprime(-2 * genuine, -2 * impostor), expected, rtol=1e-6)
    with np.errstate(all="raise"):
        nothing = boot.dprime(genuine, np.full(len(impostor), -np.inf, np.float32))
        assert np.isnan(nothing).all()
        constant = boot.dprime(np.full(len(genuine), 1, np.float32), np.zeros(len(impostor), np.float32))
        assert np.isnan(constant).all()


def _crossing(fmr: list[float], fnmr: list[float]) -> float:
    """The rate at which straight lines between neighbouring thresholds cross; the end's where they do not."""
    for before, after in zip(range(len(fmr) - 1), range(1, len(fmr)), strict=True):
        gap, following = fnmr[before] - fmr[before], fnmr[after] - fmr[after]
        if gap < 0 <= following:
            return fmr[before] + -gap / (following - gap) * (fmr[after] - fmr[before])
    return fmr[0] if fnmr[0] >= fmr[0] else fmr[-1]


def _curves(boot: PairBootstrap, genuine: np.ndarray, impostor: np.ndarray, grid: list[float]) -> tuple[list, list]:
    """FMR to first order and FNMR, of each resample (rows) at each threshold."""
    fmr = np.array([_first_order_fmr(boot, impostor >= t) for t in grid]).T.tolist()
    return fmr, np.array([_fnmr(boot, genuine < t) for t in grid]).T.tolist()


def test_eer_is_where_the_resampled_curves_cross() -> None:
    """Few levels of scores, so that the grid holds every one between a fifth and five times the rate."""
    boot = _boot()
    genuine, impostor = _scores(boot)
    threshold = next(t for t in np.unique(genuine) if (genuine < t).mean() >= (impostor >= t).mean())
    rate = float((genuine < threshold).mean() + (impostor >= threshold).mean()) / 2
    assert 0.15 < rate < 0.4
    levels = [float(t) for t in np.unique([*genuine, *impostor]) if 0.05 < (impostor >= t).mean() < 0.9]
    expected = [_crossing(*curves) for curves in zip(*_curves(boot, genuine, impostor, levels), strict=True)]
    found = boot.eer(genuine, impostor, rate, float(threshold))
    np.testing.assert_allclose(found, expected, atol=1e-12)
    assert np.std(found) > 0.02


def test_equal_fmr_is_read_where_the_resampled_fmr_meets_the_target() -> None:
    boot = _boot()
    genuine, impostor = _scores(boot)
    ordered = np.sort(impostor)
    target = 0.2
    threshold = float(min(t for t in np.unique(ordered) if (ordered >= t).mean() <= target))
    observed = float((genuine < threshold).mean())
    levels = [float(t) for t in np.unique(ordered) if target / 5 < (ordered >= t).mean()]
    levels.append(float(np.finfo(np.float32).max))
    fmr, fnmr = _curves(boot, genuine, impostor, levels)
    fmr.append([float((impostor >= t).mean()) for t in levels])
    fnmr.append([float((genuine < t).mean()) for t in levels])
    read = []
    for f, n in zip(fmr, fnmr, strict=True):
        after = next(k for k, rate in enumerate(f) if rate <= target)
        share = (f[after - 1] - target) / (f[after - 1] - f[after])
        read.append(n[after - 1] + share * (n[after] - n[after - 1]))
    expected = np.clip(np.array(read[:-1]) + observed - read[-1], 0, 1)
    found = boot.fnmr_at_fmr(genuine, impostor, target, threshold)
    np.testing.assert_allclose(found, expected, atol=1e-12)
    assert np.std(found) > 0.05


def _end_of_the_grid(seed_score: float) -> np.ndarray:
    """The EER where only the first of two people is drawn, who has one genuine comparison, of ``seed_score``.

    A thousand impostor scores of 1 to 1,000 between the two give every resample the observed FMR. The second person's
    two hundred genuine scores lie at 960, where the rates are about 0.04.
    """
    couples = np.tile(np.array([[0, 1]], np.int32), (1000, 1))
    boot = PairBootstrap(np.array([0] + [1] * 200, np.int32), couples, IdentityBootstrap(2, 40, seed=1))
    genuine = np.array([seed_score] + [960] * 200, np.float32)
    impostor = np.random.default_rng(0).permutation(1000).astype(np.float32) + 1
    found = boot.eer(genuine, impostor, 0.04, 960.0)
    alone = np.array([times == [2, 0] for times in _times_drawn(boot)])
    assert 0 < alone.sum() < 40
    return found[alone]


def test_the_grid_of_eer_reaches_from_a_fifth_to_five_times_the_rate() -> None:
    """A curve that crosses beyond the grid takes its end. More than 200 (or 8) scores of 1,000 are 201 (or 9)."""
    assert _end_of_the_grid(-9.0).tolist() == pytest.approx([0.201] * len(_end_of_the_grid(-9.0)), abs=1e-12)
    assert _end_of_the_grid(5000.0).tolist() == pytest.approx([0.009] * len(_end_of_the_grid(5000.0)), abs=1e-12)


@pytest.mark.parametrize(("lost", "beyond"), [(0, 11 / 21), (300, 1.0)])
def test_the_grid_of_equal_fmr_reaches_from_a_fifth_to_five_times_the_target(lost: int, beyond: float) -> None:
    """Three people, of whom the first and the second have 1,500 impostor scores of 0, the second and the third those of 1
    to 1,000. Drawn three times, the third has FMR 4 * 21 / 1000 where 21 of 2,500 scores are accepted, the last threshold
    before none is; there the straight line to 0 meets 0.04 at 11 / 21, and FNMR has gone from 0 to 1. With failed
    restorations, which are accepted everywhere, it never meets it, and nobody is let in. Drawn three times, the first has
    no FMR at all: FNMR is read at the lowest threshold, which 501 of the scores reach.
    """
    couples = np.array([[0, 1]] * 1500 + [[2, 1]] * 1000, np.int32)
    boot = PairBootstrap(np.array([0, 0, 0, 0, 2, 2, 2, 2], np.int32), couples, IdentityBootstrap(3, 200, seed=1))
    genuine = np.array([400, 499.5, 500.5, 3000, 2000, 2000, 2000, 2000], np.float32)
    impostor = np.append(np.zeros(1500), np.arange(1000) + 1).astype(np.float32)
    impostor[len(impostor) - lost :] = np.inf
    found = boot.fnmr_at_fmr(genuine, impostor, 0.04, 901.0 if not lost else float(np.finfo(np.float32).max))
    drawn = _times_drawn(boot)
    third = found[[times == [0, 0, 3] for times in drawn]]
    assert len(third)
    if lost:
        np.testing.assert_allclose(third, np.clip(1.0 + 1.0 - 1.0, 0, 1))
        return
    observed = (genuine < 901).mean()
    # At 901 a hundred of 2,500 are accepted, which is the target itself: no constant is added.
    np.testing.assert_allclose(third, beyond, atol=1e-9)
    first = found[[times == [3, 0, 0] for times in drawn]]
    assert len(first)
    np.testing.assert_allclose(first, 0.5, atol=1e-9)
    np.testing.assert_allclose(found[[times == [1, 1, 1] for times in drawn]], observed, atol=1e-9)


def test_the_constant_takes_no_rate_beyond_one() -> None:
    """As above, with 60 failed restorations: drawn three times, the third person lets nobody in, so FNMR is 1. The straight
    line misses the observed FNMR by a score of 900, which lies between the threshold and the one before: a constant is
    added to every resample but one that is at 1 already."""
    couples = np.array([[0, 1]] * 1500 + [[2, 1]] * 1000, np.int32)
    boot = PairBootstrap(np.array([0, 0, 0, 0, 2, 2, 2, 2], np.int32), couples, IdentityBootstrap(3, 200, seed=1))
    genuine = np.array([400, 499.5, 500.5, 900, 2000, 2000, 2000, 2000], np.float32)
    impostor = np.append(np.zeros(1500), np.arange(1000) + 1).astype(np.float32)
    impostor[-60:] = np.inf
    found = boot.fnmr_at_fmr(genuine, impostor, 0.0402, 901.0)
    third = np.array([times == [0, 0, 3] for times in _times_drawn(boot)])
    assert third.any()
    assert (found[third] == 1.0).all()
    once = np.array([times == [1, 1, 1] for times in _times_drawn(boot)])
    np.testing.assert_allclose(found[once], 0.5, atol=1e-9)


def test_one_comparison_of_either_kind_is_a_whole() -> None:
    """One genuine and one impostor score of 1: below it FMR is 1 and FNMR 0, above it the other way round, and a straight
    line between them meets either rate, or a target, at one half. Without the one person nothing is refused."""
    boot = PairBootstrap(np.zeros(1, np.int32), np.array([[0, 1]], np.int32), IdentityBootstrap(2, 30, seed=1))
    one = np.ones(1, np.float32)
    drawn = np.array([times[0] > 0 for times in _times_drawn(boot)])
    assert 0 < drawn.sum() < 30
    np.testing.assert_allclose(boot.eer(one, one, 0.5, 2.0), np.where(drawn, 0.5, 0.0))
    # FNMR is 1 at the threshold of 2 and one half where the line meets the target: the constant is one half.
    np.testing.assert_allclose(boot.fnmr_at_fmr(one, one, 0.5, 2.0), np.where(drawn, 1.0, 0.5))


def test_figures_that_nothing_can_move_are_constant() -> None:
    boot = _boot()
    genuine, impostor = _scores(boot)
    assert boot.eer(genuine, impostor, 0.0, 0.5).tolist() == [0.0] * 25
    assert boot.eer(genuine, impostor, 0.3, math.inf).tolist() == [0.3] * 25
    assert boot.fnmr_at_fmr(genuine, impostor, 0.1, math.inf).tolist() == [1.0] * 25
    genuine[:10], impostor[:10] = np.inf, np.inf
    held = boot.fnmr_at_fmr(genuine, impostor, 0.1, math.inf)
    assert held.tolist() == pytest.approx([1 - 10 / len(genuine)] * 25)


def test_comparisons_that_failed_stand_beyond_every_threshold() -> None:
    """Infinite scores are no thresholds, and no score that is infinite is refused or accepted by chance."""
    boot = _boot()
    genuine, impostor = _scores(boot)
    genuine[:3], impostor[:2] = -np.inf, np.inf
    far_genuine, far_impostor = genuine.copy(), impostor.copy()
    far_genuine[:3], far_impostor[:2] = -1e6, 1e6
    found = boot.eer(genuine, impostor, 0.3, 0.5)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found, boot.eer(far_genuine, far_impostor, 0.3, 0.5), atol=0.06)


def test_where_straight_lines_cross() -> None:
    crossing = module.crossings
    for fmr, fnmr, rate in (
        ([0.8, 0.4], [0.0, 0.6], 0.48),  # a gap of -0.8 to 0.2: four fifths of the way
        ([0.8, 0.4, 0.2], [0.0, 0.3, 0.5], 0.35),  # the second of two lines
        ([0.5, 0.4], [0.5, 0.6], 0.5),  # at the first threshold itself
        ([0.5, 0.4], [0.6, 0.7], 0.5),  # before the first
        ([0.5, 0.4], [0.1, 0.2], 0.4),  # after the last
        ([0.5, 0.4], [0.1, 0.0], 0.4),  # after the last, and getting further
        ([1.4, 1.2], [1.5, 1.5], 1.0),  # to first order a rate may exceed one,
        ([-0.1, -0.2], [0.0, 0.1], 0.0),  # or fall below none
    ):
        assert crossing(np.array([fmr] * 2), np.array([fnmr] * 2)).tolist() == pytest.approx([rate] * 2)


def test_where_a_straight_line_meets_the_target() -> None:
    for fmr, fnmr, target, rate in (
        ([0.8, 0.4], [0.0, 0.6], 0.5, 0.45),
        ([0.8, 0.4, 0.0], [0.0, 0.1, 0.5], 0.1, 0.4),
        ([0.5, 0.4], [0.2, 0.6], 0.5, 0.2),  # at the first threshold itself
        ([0.4, 0.3], [0.2, 0.6], 0.5, 0.2),  # before the first
        ([0.8, 0.5, 0.5, 0.1], [0.0, 0.2, 0.6, 0.9], 0.5, 0.2),  # at the first of two that meet it
        ([0.8, 0.6], [0.2, 0.6], 0.5, 0.6),  # never
        ([0.8, 0.6, 0.6], [0.2, 0.6, 0.7], 0.5, 0.7),  # never, on a level
    ):
        assert module.read_at(np.array([fmr] * 2), np.array([fnmr] * 2), target).tolist() == pytest.approx([rate] * 2)

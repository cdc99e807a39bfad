"""The gate on a set's figures, on rows that only one side has, and on what is measured otherwise."""

from __future__ import annotations

import pytest

from tests.gate.few_values import figure, row, side
from unmaskbench.benchmark.gate.baseline import Measure, SetValue
from unmaskbench.benchmark.gate.check import check, direction_of
from unmaskbench.benchmark.gate.tolerance import Name


@pytest.mark.parametrize(
    ("old", "value", "state", "message"),
    [
        ((2.0, 1.0, 4.0), 2.5, "same", ""),
        ((2.0, 1.0, 4.0), 1.5, "same", ""),
        (
            (2.0, 1.0, 4.0),
            4.0,
            "unclear",
            "beyond the tolerance, within the baseline's interval 100 % to 400 %",
        ),
        ((2.0, 1.0, 4.0), 4.25, "worse", "outside the baseline's interval 100 % to 400 %"),
        ((2.0, 1.0, 4.0), 1.0, "same", ""),
        ((2.0, 1.0, 4.0), 0.75, "better", "outside the baseline's interval 100 % to 400 %"),
        ((0.0, 0.0, 0.0), 0.75, "worse", "outside the baseline's interval 0 % to 0 %"),
        ((2.0, 2.0, 2.0), 2.5, "same", ""),
        ((2.0, 2.0, 2.0), 1.5, "same", ""),
        ((2.0, 0.0, 4.0), 0.5, "same", ""),
        ((2.0, None, None), 2.75, "worse", "no interval is known"),
        ((2.0, None, None), 1.25, "better", "no interval is known"),
        ((2.0, 1.0, None), 2.75, "worse", "no interval is known"),
        ((2.0, None, 4.0), 2.75, "worse", "no interval is known"),
        ((2.0, None, None), 2.5, "same", ""),
    ],
)
def test_a_figure_regresses_beyond_its_tolerance_and_outside_its_interval(
    old: tuple[float, float | None, float | None], value: float, state: str, message: str
) -> None:
    """FNMR, of which less is better, with a tolerance of 0.5."""
    (found,) = check(side(figures=(figure(*old),)), side(figures=(figure(value, None, None),))).verdicts
    assert (found.state, found.message) == (state, message)
    assert (found.before, found.after, found.difference) == (old[0], value, value - old[0])
    assert (found.tolerance, found.n) == (0.5, 100)


def test_a_figure_of_other_comparisons_or_inputs_is_not_the_same_figure() -> None:
    def against(before: SetValue, after: SetValue, **changes: object) -> tuple[str, str, float | None, float | None]:
        (found,) = check(side(figures=(before,)), side(figures=(after,), **changes)).verdicts
        return found.state, found.message, found.before, found.after

    held, images = figure(0.2, 0.1, 0.3), figure(0.2, 0.1, 0.3, trials=(12,))
    told = "signature changed: from 10 genuine and 90 impostor pairs -> 8 genuine and 90 impostor pairs"
    assert against(held, figure(0.5, None, None, trials=(8, 90))) == ("signature", told, 0.2, 0.5)
    told = "signature changed: from 12 images -> 11 images"
    assert against(images, figure(0.2, None, None, trials=(11,))) == ("signature", told, 0.2, 0.2)
    told = "the inputs are not those of the baseline"
    changed = {"inputs": ("t.o.m", "t.o.x")}
    assert against(held, figure(0.5, None, None), **changed) == ("not compared", told, 0.2, 0.5)
    told = "signature changed: size:32 -> size:64"
    assert against(held, held, geometry="size:64") == ("signature", told, None, None)


def test_a_row_that_is_gone_says_what_the_run_has_not() -> None:
    gone = {
        "another": "the run has no method 'another'",
        "elsewhere": "the run has no d/o2",
        "ssim": "the run has no metric 'ssim'",
        "l1": "the run has no value in this row",
        "truth": "the run has no metric 'truth'",
    }
    kept = side([row([20.0, 20.0]), row([1.0, 1.0], "l1").model_copy(update={"region": "hole"})])
    extra = [
        row([20.0, 20.0], "another").model_copy(update={"method": "another"}),
        row([20.0, 20.0], "elsewhere").model_copy(update={"occlusion": "o2"}),
        row([20.0, 20.0], "ssim"),
        row([20.0, 20.0], "l1"),
        row([20.0, 20.0], "truth").model_copy(update={"method": ""}),
    ]
    before = side([*kept.rows, *extra])
    result = check(before, kept)
    assert {v.name.metric: v.message for v in result.verdicts if v.state == "missing"} == gone
    assert [v.state for v in result.verdicts if v.state != "missing"] == ["same", "same"]
    assert (result.common, result.exit_code) == (2, 1)
    turned = check(kept, before)
    assert {(v.name.metric, v.message) for v in turned.verdicts if v.state == "new"} == {
        (metric, "not in the baseline") for metric in gone
    }
    assert (turned.common, turned.exit_code) == (2, 0)
    assert [v.name for v in result.verdicts] == sorted(v.name for v in result.verdicts)


def test_a_figure_that_is_gone_is_missing_and_a_new_one_is_a_note() -> None:
    with_one, without = side([row([1.0, 1.0])], figures=(figure(0.2, None, None),)), side([row([1.0, 1.0])])
    states = [(v.name.metric, v.state, v.message) for v in check(with_one, without).verdicts if v.state != "same"]
    assert states == [("fnmr@0.01", "missing", "the run has no metric 'fnmr@0.01'")]
    states = [(v.name.metric, v.state, v.message) for v in check(without, with_one).verdicts if v.state != "same"]
    assert states == [("fnmr@0.01", "new", "not in the baseline")]
    alone = check(side(figures=(figure(0.2, None, None),)), without)
    assert (alone.common, alone.exit_code) == (0, 3)


def test_another_signature_is_told_and_one_that_only_one_side_has_is_not() -> None:
    rows, one = [row([20.0, 20.0])], Measure(signature="a", direction="higher")
    other = one.model_copy(update={"signature": "b"})

    def messages(before: dict[str, object], after: dict[str, object]) -> list[str]:
        held = (figure(0.2, None, None),)
        result = check(side(rows, figures=held, **before), side(rows, figures=held, **after))
        return [f"{v.name.metric}: {v.message}" for v in result.verdicts if v.state == "signature"]

    assert messages({"measures": {"psnr": one}}, {"measures": {"psnr": other}}) == ["psnr: signature changed: a -> b"]
    found = messages({"measures": {"matcher:arc": one}}, {"measures": {"matcher:arc": other}})
    assert found == ["fnmr@0.01: signature changed: a -> b"]
    assert messages({"measures": {"psnr": one}}, {"measures": {}}) == []
    assert messages({"measures": {}}, {"measures": {"psnr": one}}) == []
    assert messages({}, {}) == []
    told = "signature changed: m with mask none -> oracle"
    found = messages({}, {"mask_sources": {"m": "oracle"}})
    assert sorted(found) == [f"fnmr@0.01: {told}", f"psnr: {told}"]
    found = messages({}, {"geometry": "size:64"})
    assert sorted(found) == [f"{name}: signature changed: size:32 -> size:64" for name in ("fnmr@0.01", "psnr")]


@pytest.mark.parametrize(
    ("metric", "direction"),
    [("psnr", 1.0), ("l1", -1.0), ("auc", 1.0), ("fnmr@0.001", -1.0), ("mask", 1.0), ("of no table", 1.0)],
)
def test_the_direction_is_the_measure_s_or_the_quantity_s(metric: str, direction: float) -> None:
    assert direction_of(Name("d", "o", "m", "raw", metric, "whole"), side()) == direction

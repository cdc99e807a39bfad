"""Figures in words: digits, units and names, as the board's page has them (tests/browser holds the script to the same)."""

from __future__ import annotations

import pytest

from unmaskbench.benchmark.board.figure_text import (
    exact,
    exact_difference,
    figure,
    interval_words,
    named_words,
    quantity_words,
    with_unit,
)


@pytest.mark.parametrize(
    ("metric", "value", "shown"),
    [
        ("fnmr_equal@0.001", 0.45384, "45.38"), ("auc", 0.98765, "98.8"), ("fmr_added", -0.00125, "\u22120.13"),
        ("psnr", 21.4, "21.40"), ("psnr", "inf", "100 (identical)"), ("psnr", float("inf"), "100 (identical)"),
        ("niqe", "inf", "∞"), ("lpips", 0.10349, "0.103"), ("lpips", 0.00123, "0.0012"), ("lpips", 1.234e-7, "1.2e\u22127"),
        ("fid", 123.456, "123.5"), ("fid", 12.3456, "12.35"), ("failed", 3.0, "3"), ("ssim", None, "–"), ("ssim", True, "–"),
        ("psnr", 0.125, "0.13"), ("psnr", -0.125, "\u22120.13"),
    ],
)  # fmt: skip
def test_a_figure_has_the_pages_digits(metric: str, value: object, shown: str) -> None:
    assert figure(metric, value) == shown


def test_a_gain_has_its_sign_and_a_share_its_unit() -> None:
    assert (figure("psnr", 0.5, sign=True), figure("psnr", 0.0, sign=True)) == ("+0.50", "0.00")
    assert with_unit("fnmr@0.01", figure("fnmr@0.01", 0.5)) == "50.00\u00a0%"
    assert with_unit("fnmr_recovered", "+1.2") == "+1.2\u00a0pp"
    assert (with_unit("lpips", "0.1"), with_unit("fnmr", "–")) == ("0.1", "–")
    assert (interval_words("fnmr", 0.1, 0.2), interval_words("fnmr", 0.1, None)) == ("10.00 to 20.00", "")


def test_a_gate_shows_the_last_digits_in_the_same_unit() -> None:
    assert (exact("fnmr@0.01", 0.123456), exact("psnr", 21.234567), exact("psnr", None)) == ("12.346 %", "21.235", "")
    assert exact_difference("fnmr@0.01", 0.0123) == "+1.23 pp"
    assert exact_difference("fnmr@0.01", 0.005, sign=False) == "0.5 pp"
    assert (exact_difference("ssim", -0.00051), exact_difference("ssim", None)) == ("-0.00051", "")


def test_a_quantity_is_named_with_its_target_in_percent() -> None:
    assert named_words("fnmr_equal@0.001") == "FNMR at equal FMR 0.1\u00a0%"
    assert named_words("tmr@1e-05") == "TMR at FMR 0.001\u00a0%"
    assert (named_words("auc"), quantity_words("psnr", None)) == ("AUC", "psnr")

"""A method of the baseline that the run has not: told apart from what regressed, and left out only where that is asked for."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner

from tests.gate.few_values import figure, row, side
from unmaskbench.benchmark.cli.main import app
from unmaskbench.benchmark.gate.baseline import Baseline
from unmaskbench.benchmark.gate.check import check
from unmaskbench.benchmark.gate.junit import junit
from unmaskbench.benchmark.gate.text import headline, markdown, regression_lines

GONE = ("lama", "mbnet")


def runs(fallen: float = 0.0) -> tuple[Baseline, Baseline]:
    """A baseline of m, lama and mbnet with two rows each, and a run of m alone, whose PSNR fell."""
    rows = [row([20.0, 22.0]).model_copy(update={"method": name}) for name in ("m", *GONE)]
    rates = [figure(0.2, 0.1, 0.3, method=name) for name in ("m", *GONE)]
    sources = {"m": "none", "lama": "oracle", "mbnet": "none"}
    before = side(rows, figures=rates, mask_sources=sources)
    return before, side([row([20.0 - fallen, 22.0 - fallen])], figures=rates[:1], mask_sources={"m": "none"})


def test_absent_methods_fail_the_check_and_are_counted_apart_from_what_regressed() -> None:
    result = check(*runs())
    assert result.exit_code == 1
    assert headline(result) == (
        "2 methods of the baseline (4 checks: lama, mbnet) are not in this run: run them, or check the methods of the run alone "
        "with --partial; apart from that nothing regressed: 2 of 2 guarded rows compared"
    )
    assert [(line.row, line.state, line.message) for line in regression_lines(result)] == [
        (f"method {name}", "not in the run", "2 checks of the baseline") for name in GONE
    ]
    fell = check(*runs(fallen=1.0))
    assert headline(fell).endswith("apart from that 1 of 2 guarded rows regressed")
    assert [line.state for line in regression_lines(fell)] == ["worse", "not in the run", "not in the run"]


def test_a_partial_check_passes_and_says_what_it_does_not_cover() -> None:
    result = check(*runs(), partial=True)
    assert result.exit_code == 0
    assert headline(result) == (
        "partial check, without 2 methods of the baseline (4 checks: lama, mbnet): "
        "nothing regressed: 2 of 2 guarded rows compared"
    )
    assert regression_lines(result) == []
    assert "## bench check: partial, passed" in markdown(result)
    fell = check(*runs(fallen=1.0), partial=True)
    assert (fell.exit_code, headline(fell).partition("): ")[2]) == (1, "1 of 2 guarded rows regressed")


def test_a_partial_check_of_a_run_with_every_method_is_a_whole_one() -> None:
    before, _ = runs()
    result = check(before, before, partial=True)
    assert headline(result) == "nothing regressed: 6 of 6 guarded rows compared"
    assert "bench check: passed" in markdown(result)


def test_another_row_that_is_gone_still_regresses_in_a_partial_check() -> None:
    before, after = runs()
    result = check(before, after.model_copy(update={"figures": ()}), partial=True)
    assert (result.exit_code, [v.name.metric for v in result.regressions]) == (1, ["fnmr@0.01"])


@pytest.mark.parametrize(("partial", "failures", "skipped"), [(False, 2, 4), (True, 0, 6)])
def test_junit_fails_once_for_an_absent_method_and_skips_its_rows(partial: bool, failures: int, skipped: int) -> None:
    root = ElementTree.fromstring(junit(check(*runs(), partial=partial)))
    # of each method whether it is there, six rows, the inputs
    assert [root.get(key) for key in ("tests", "failures", "skipped")] == ["10", str(failures), str(skipped)]
    cases = {case.get("name"): case for case in root.findall("testsuite[@name='methods']/testcase")}
    assert list(cases) == ["lama", "m", "mbnet"]
    assert cases["m"].find("failure") is cases["m"].find("skipped") is None
    told = cases["lama"].find("skipped" if partial else "failure")
    assert told is not None
    assert (told.get("message") or "").startswith("the run has no method 'lama': 2 checks of the baseline")


def test_a_partial_check_never_writes_a_baseline(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["check", "x", "--baseline", str(tmp_path / "b.json"), "--partial", "--update"])
    assert done.exit_code == 2
    assert not list(tmp_path.iterdir())

"""Two runs beside each other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests import tiny
from unmaskbench.benchmark.cli.main import app
from unmaskbench.benchmark.gate.baseline import BaselineError
from unmaskbench.benchmark.gate.compare import compare
from unmaskbench.benchmark.gate.text import difference_lines
from unmaskbench.benchmark.run.entry import run

FACES = {"id": "tiny_faces", "parameters": {"identities": 6, "each": 2}}


@pytest.fixture(autouse=True, scope="module")
def _plugins() -> Iterator[None]:
    with tiny.registered():
        yield


@pytest.fixture(scope="module")
def first(_plugins: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run(tiny.suite(datasets=[FACES]), tmp_path_factory.mktemp("first") / "run", speed=False)


def test_a_method_replaced_under_its_label_differs_and_the_others_are_equal(first: Path, tmp_path: Path) -> None:
    methods = ["untouched", {"id": "tiny_odd", "label": "tiny_fill", "parameters": {"mode": "inplace"}}]
    second = run(tiny.suite(datasets=[FACES], methods=methods), tmp_path / "run", speed=False)
    result = compare(first, second)
    worse = {verdict.name.method for verdict in result.verdicts if verdict.state == "worse"}
    assert worse == {"tiny_fill"}
    assert {v.difference for v in result.verdicts if v.name.method == "untouched"} == {0.0}
    lines = difference_lines(result, every=False)
    assert all("tiny_fill" in line.row for line in lines)
    back = {v.name: v.difference for v in compare(second, first).verdicts}
    assert all(back[v.name] == pytest.approx(-v.difference) for v in result.verdicts if v.difference is not None)
    said = CliRunner().invoke(app, ["compare", str(first), str(second)])
    assert said.exit_code == 0
    assert "equal to the last digit" in said.output


def test_runs_of_other_samples_are_refused_by_name(first: Path, tmp_path: Path) -> None:
    suite = tiny.suite(datasets=[FACES], occlusions=[{"id": "tiny_block", "parameters": {"share": 0.5}}])
    second = run(suite, tmp_path / "run", speed=False)
    with pytest.raises(BaselineError, match=r"did not see the same samples.*masks are not those.*12 samples"):
        compare(first, second)
    more = run(tiny.suite(datasets=["tiny_faces"]), tmp_path / "more", speed=False)
    with pytest.raises(BaselineError, match="samples are not in the run"):
        compare(first, more)


def test_rows_of_one_run_alone_are_told(first: Path, tmp_path: Path) -> None:
    second = run(tiny.suite(datasets=[FACES], methods=["untouched", "telea"]), tmp_path / "run", speed=False)
    lines = difference_lines(compare(first, second), every=False)
    assert {line.message for line in lines} == {"the first run alone has it", "the second run alone has it"}
    shown = CliRunner().invoke(app, ["compare", str(first), str(second), "--all"]).output
    assert "untouched" in shown

"""The gate and failures: what a run leaves out is never in its favour."""

from __future__ import annotations

import os

from hypothesis import given, settings
from hypothesis import strategies as st

from unmaskbench.benchmark.gate.baseline import Baseline, Bootstrap, Cell, Measure, SampleRow, Samples, SetValue
from unmaskbench.benchmark.gate.check import check
from unmaskbench.benchmark.gate.verdict import REGRESSED

EXAMPLES = settings(max_examples=1000 if os.environ.get("UNMASKBENCH_SLOW") else 25, deadline=None)
COUNT = 8
IDS = tuple(f"s{i}" for i in range(COUNT))


def kept(values: tuple[Cell, ...], fnmr: float) -> Baseline:
    """A run of one method with a value a sample and one figure at equal FMR."""
    place = {"dataset": "d", "occlusion": "o", "method": "m"}
    return Baseline(
        name="n", created="", git="", manifest="", geometry="", bootstrap=Bootstrap(resamples=100),
        measures={"psnr": Measure(signature="psnr", direction="higher")}, mask_sources={"m": "none"},
        samples={"d": Samples(ids=IDS, identities=tuple(f"p{i // 2}" for i in range(COUNT)))},
        inputs={"d/o": ("a.b.c",) * COUNT},
        rows=(SampleRow(**place, outputs=("raw",), metric="psnr", region="whole", values=values),),
        figures=(SetValue(**place, output="raw", metric="fnmr_equal@0.01", region="j UT", value=fnmr, low=fnmr - 0.01,
                        high=fnmr + 0.01, trials=(10, 90)),),
    )  # fmt: skip


CELLS = st.lists(st.sampled_from([20.0, 21.0, 24.0, 30.0, "inf", "failed", None]), min_size=COUNT, max_size=COUNT)


@EXAMPLES
@given(CELLS, CELLS, st.sets(st.integers(0, COUNT - 1), min_size=1))
def test_failing_never_turns_a_failed_check_into_a_passed_one(
    before: list[Cell], after: list[Cell], lost: set[int]
) -> None:
    baseline = kept(tuple(before), 0.2)
    full = check(baseline, kept(tuple(after), 0.2))
    failing = check(baseline, kept(tuple("failed" if i in lost else cell for i, cell in enumerate(after)), 0.2))
    assert failing.exit_code >= full.exit_code
    verdicts = {verdict.name: verdict.state for verdict in failing.verdicts}
    for verdict in full.verdicts:
        if verdict.regressed:
            assert verdicts[verdict.name] in REGRESSED


def test_the_figure_at_equal_fmr_is_guarded_downwards() -> None:
    values = (20.0,) * COUNT
    worse = check(kept(values, 0.2), kept(values, 0.3))
    assert [(v.name.metric, v.state) for v in worse.verdicts if v.regressed] == [("fnmr_equal@0.01", "worse")]
    assert not check(kept(values, 0.2), kept(values, 0.1)).regressions

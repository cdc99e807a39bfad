"""The gate under deletion, copies and reordering: what a run leaves out or repeats never changes a verdict in its favour."""

from __future__ import annotations

import os

from hypothesis import given, settings
from hypothesis import strategies as st

from unmaskbench.benchmark.gate.baseline import Baseline, Bootstrap, Cell, Measure, SampleRow, Samples, SetValue
from unmaskbench.benchmark.gate.check import check
from unmaskbench.benchmark.gate.verdict import Result

EXAMPLES = settings(max_examples=1000 if os.environ.get("UNMASKBENCH_SLOW") else 25, deadline=None)
COUNT = 8
IDS = tuple(f"s{i}" for i in range(COUNT))
VALUES = st.sampled_from([20.0, 21.0, 24.0, 30.0, "inf", "failed"])
CELLS = st.lists(VALUES, min_size=COUNT, max_size=COUNT).map(tuple)
RUNS = st.dictionaries(st.sampled_from(["a", "b", "c"]), st.tuples(CELLS, CELLS), min_size=1)
SOME = st.sets(st.integers(0, COUNT - 1), min_size=1)


def kept(methods: dict[str, tuple[Cell, ...]]) -> Baseline:
    """A run with a value a sample, and one figure at equal FMR, of each method."""
    here = {"dataset": "d", "occlusion": "o"}
    return Baseline(
        name="n", created="", git="", manifest="", geometry="", bootstrap=Bootstrap(resamples=100),
        measures={"psnr": Measure(signature="psnr", direction="higher")}, mask_sources=dict.fromkeys(methods, "none"),
        samples={"d": Samples(ids=IDS, identities=tuple(f"p{i // 2}" for i in range(COUNT)))},
        inputs={"d/o": ("a.b.c",) * COUNT},
        rows=tuple(SampleRow(**here, method=name, outputs=("raw",), metric="psnr", region="whole", values=values)
                   for name, values in methods.items()),
        figures=tuple(SetValue(**here, method=name, output="raw", metric="fnmr_equal@0.01", region="j UT", value=0.2,
                               low=0.19, high=0.21, trials=(10, 90)) for name in methods),
    )  # fmt: skip


def states(result: Result) -> dict[tuple[str, str], tuple[str, bool]]:
    return {(v.name.method, v.name.metric): (v.state, v.regressed) for v in result.verdicts}


@EXAMPLES
@given(CELLS, CELLS, SOME)
def test_deleted_samples_never_turn_a_failed_check_into_a_passed_one(
    before: tuple[Cell, ...], after: tuple[Cell, ...], lost: set[int]
) -> None:
    baseline = kept({"m": before})
    full = check(baseline, kept({"m": after}))
    left = check(baseline, kept({"m": tuple(None if i in lost else cell for i, cell in enumerate(after))}))
    assert left.exit_code >= full.exit_code
    for name, (_, regressed) in states(full).items():
        assert not regressed or states(left)[name][1]


@EXAMPLES
@given(CELLS, CELLS)
def test_a_row_that_is_taken_out_whole_is_a_regression(before: tuple[Cell, ...], after: tuple[Cell, ...]) -> None:
    run = kept({"m": after})
    assert check(kept({"m": before}), run.model_copy(update={"rows": ()})).exit_code
    assert check(kept({"m": before}), run.model_copy(update={"figures": ()})).exit_code


@EXAMPLES
@given(RUNS)
def test_the_order_of_methods_changes_nothing(runs: dict[str, tuple[tuple[Cell, ...], tuple[Cell, ...]]]) -> None:
    forward = {name: pair[1] for name, pair in runs.items()}
    baseline = kept({name: pair[0] for name, pair in runs.items()})
    turned = dict(reversed(forward.items()))
    assert states(check(baseline, kept(forward))) == states(check(baseline, kept(turned)))
    other = kept({name: pair[0] for name, pair in reversed(runs.items())})
    assert states(check(other, kept(forward))) == states(check(baseline, kept(forward)))


@EXAMPLES
@given(RUNS, st.integers(1, 3))
def test_copies_of_a_method_change_nobodys_verdict(
    runs: dict[str, tuple[tuple[Cell, ...], tuple[Cell, ...]]], copies: int
) -> None:
    baseline = kept({name: pair[0] for name, pair in runs.items()})
    after = {name: pair[1] for name, pair in runs.items()}
    twin = next(iter(after))
    more = after | {f"{twin}-{n}": after[twin] for n in range(copies)}
    alone, crowded = states(check(baseline, kept(after))), states(check(baseline, kept(more)))
    assert {name: crowded[name] for name in alone} == alone
    assert check(baseline, kept(after)).exit_code == check(baseline, kept(more)).exit_code

"""The one builder of a paired difference's row."""

from __future__ import annotations

from unmaskbench.benchmark.board.condition import Condition
from unmaskbench.benchmark.board.fields import finite
from unmaskbench.benchmark.board.rows import DifferenceRow
from unmaskbench.benchmark.plugins.types import Output
from unmaskbench.benchmark.statistics.levels import ALPHA
from unmaskbench.benchmark.statistics.paired import Difference


def difference_row(
    condition: Condition, output: Output, measure: tuple[str, str], methods: tuple[str, str], difference: Difference
) -> DifferenceRow:
    """A paired difference of ``methods`` (first minus second); ``measure`` is a metric and its region, or a matcher's quantity
    and the matcher."""
    return DifferenceRow(
        dataset=condition.dataset, occlusion=condition.occlusion, output=output, metric=measure[0], region=measure[1],
        method_a=methods[0], method_b=methods[1], difference=finite(difference.mean), low=finite(difference.low),
        high=finite(difference.high), p=finite(difference.p), p_holm=finite(difference.p_adjusted), n=difference.n,
        significant=bool(difference.p_adjusted < ALPHA),
    )  # fmt: skip

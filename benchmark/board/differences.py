"""The one builder of a paired difference's row."""

from __future__ import annotations

from unmaskbench.benchmark.board.condition import Condition
from unmaskbench.benchmark.board.fields import finite
from unmaskbench.benchmark.board.rows import DifferenceRow
from unmaskbench.benchmark.plugins.types import Output
from unmaskbench.benchmark.statistics.paired import Difference
from unmaskbench.benchmark.statistics.ranking import ALPHA


def difference_row(
    condition: Condition, output: Output, figure: tuple[str, str], methods: tuple[str, str], found: Difference
) -> DifferenceRow:
    """A paired difference of ``methods`` (first minus second); ``figure`` is a metric and its region, or a matcher's figure
    and the matcher."""
    return DifferenceRow(
        dataset=condition.dataset, occlusion=condition.occlusion, output=output, metric=figure[0], region=figure[1],
        method_a=methods[0], method_b=methods[1], difference=finite(found.mean), low=finite(found.low),
        high=finite(found.high), p=finite(found.p), p_holm=finite(found.p_adjusted), n=found.n,
        significant=bool(found.p_adjusted < ALPHA),
    )  # fmt: skip

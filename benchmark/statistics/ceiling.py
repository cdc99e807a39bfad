"""One rule for identical images: where a metric has no upper end, its values count as at most a ceiling."""

from __future__ import annotations

import numpy as np

from unmaskbench.benchmark.statistics.bootstrap import Floats
from unmaskbench.benchmark.statistics.levels import CEILING


def at_ceiling(values: Floats) -> Floats:
    """The values with plus infinity as the ceiling; NaN stays."""
    return np.where(np.isposinf(values), CEILING, values)

"""One rule for identical images: where a metric has no upper end, its values count as at most a ceiling."""

from __future__ import annotations

import numpy as np

from unmaskbench.benchmark.statistics.bootstrap import Floats

CEILING = 100.0
"""What an infinite value (an identical image's PSNR, in dB) counts as. A single step of one 8-bit value in a 128 px image
is 95 dB: leaving the ceiling is a difference, and a perfect image is never worse than a good one."""


def at_ceiling(values: Floats) -> Floats:
    """The values with plus infinity as the ceiling; NaN stays."""
    return np.where(np.isposinf(values), CEILING, values)

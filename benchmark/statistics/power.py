"""How many people a comparison needs: the sample size at which an effect of a given size would be found."""

from __future__ import annotations

import math
from statistics import NormalDist

from unmaskbench.benchmark.statistics.levels import ALPHA, CONFIDENCE

POWER = 0.8


def people_needed(
    effect: float, low: float, high: float, people: int, *, tests: int = 1, power: float = POWER, alpha: float = ALPHA
) -> int | None:
    """People at which ``effect`` is found with probability ``power`` by a two-sided test at ``alpha / tests``.

    ``low`` and ``high`` bound the 95 % interval of the difference over ``people``: its standard error falls as
    1 / sqrt(people) (Lachin 1981, eq. 1). At least 2. None where the effect is zero or the interval is not known.
    """
    if not math.isfinite(low) or not math.isfinite(high) or effect == 0 or people < 1:
        return None
    normal = NormalDist()
    error = (high - low) / (2.0 * normal.inv_cdf((1.0 + CONFIDENCE) / 2.0))
    reach = normal.inv_cdf(power) - normal.inv_cdf(alpha / (2.0 * max(tests, 1)))
    return max(2, math.ceil(people * (reach * error / effect) ** 2))

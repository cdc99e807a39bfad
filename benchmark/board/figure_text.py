"""How a figure is written for people: digits, unit and name of each, for the terminal, the history and the gate.

The board's page writes by the same rules in its script (``reports/templates/format.js``); a test holds the two together.
"""

from __future__ import annotations

import math
from decimal import ROUND_HALF_UP, Decimal

from unmaskbench.benchmark.board.quantities import QUANTITIES, kind_of
from unmaskbench.benchmark.statistics.levels import CEILING

SPACE, MINUS = "\u00a0", "\u2212"


def figure(metric: str, value: object, sign: bool = False) -> str:
    """A figure as the page shows it, without its unit: shares and changes of them in percent, image metrics at their usual
    digits; an en dash for nothing. ``sign`` marks a gain with a plus."""
    x = math.inf if value == "inf" else value
    if not isinstance(x, int | float) or isinstance(x, bool):
        return "–"
    kind = kind_of(metric)
    if math.isinf(x):
        return f"{CEILING:g} (identical)" if kind == "psnr" else "∞"
    return (("+" if sign and x > 0 else "") + _digits(kind, float(x))).replace("-", MINUS)


def _digits(kind: str, x: float) -> str:
    if is_share(kind):
        return _fixed(100 * x, 2 if QUANTITIES[kind].direction == "lower" else 1)
    if kind == "psnr":
        return _fixed(x, 2)
    size = abs(x)
    if x == int(x) and size < 1e6:
        return str(int(x))
    # three decimals would leave nothing of a small difference, or a zero with a sign
    if size < 1e-6:
        return f"{x:.1e}".replace("e-0", "e-")
    if size < 0.01:
        return _fixed(x, 1 - math.floor(math.log10(size)))
    return _fixed(x, 1 if size >= 100 else 2 if size >= 10 else 3)


def _fixed(x: float, decimals: int) -> str:
    """``x`` with so many decimals, a half away from zero as a browser rounds it."""
    return str(Decimal(x).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP))


def is_share(metric: str) -> bool:
    """Whether a figure is a share, or a change of one: written in percent."""
    quantity = QUANTITIES.get(kind_of(metric))
    return quantity is not None and quantity.unit != "number"


def unit_of(metric: str, difference: bool = False) -> str:
    """'%', 'pp' for a change of a share, "" for what needs its card to say."""
    if not is_share(metric):
        return ""
    return "pp" if difference or QUANTITIES[kind_of(metric)].unit == "change" else "%"


def with_unit(metric: str, text: str, difference: bool = False) -> str:
    """A written figure with its unit, with a space that does not break."""
    unit = unit_of(metric, difference)
    return f"{text}{SPACE}{unit}" if unit and text not in ("", "–") else text


def interval_words(metric: str, low: float | None, high: float | None) -> str:
    """'31.20 to 36.20', "" where no interval is known."""
    return "" if low is None or high is None else f"{figure(metric, low)} to {figure(metric, high)}"


def exact(metric: str, value: float | None) -> str:
    """A figure for a gate, where the last digits count: five significant ones with the unit, in plain
    characters; "" for none."""
    return "" if value is None else f"{_scaled(metric, value):.5g} {unit_of(metric)}".rstrip()


def exact_difference(metric: str, value: float | None, sign: bool = True) -> str:
    """A difference or a tolerance for a gate, as :func:`exact`, in four significant digits; of a share in percentage points."""
    return (
        "" if value is None else f"{_scaled(metric, value):{'+' if sign else ''}.4g} {unit_of(metric, True)}".rstrip()
    )


def _scaled(metric: str, value: float) -> float:
    return 100 * value if is_share(metric) else value


def target_words(target: float) -> str:
    """An FMR target as people say it: 0.001 -> '0.1 %'."""
    return f"{100 * target:.4g}{SPACE}%"


def quantity_words(metric: str, target: float | None) -> str:
    """A quantity at its target: 'FNMR at FMR 0.1 %', 'FNMR at equal FMR 0.1 %'; an image metric's id as it is."""
    quantity = QUANTITIES.get(kind_of(metric))
    words = quantity.title if quantity is not None else metric
    return words if target is None else f"{words}{'' if words.endswith(' FMR') else ' at FMR'} {target_words(target)}"


def named_words(name: str) -> str:
    """As :func:`quantity_words`, by the gate's name: 'fnmr@0.001' -> 'FNMR at FMR 0.1 %'."""
    metric, _, target = name.partition("@")
    return quantity_words(metric, float(target) if target else None)

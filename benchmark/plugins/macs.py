"""How many multiply-accumulates a call takes: what a network costs, the same on every machine."""

from __future__ import annotations

from collections.abc import Callable


def macs_of(call: Callable[[], object]) -> float | None:
    """Multiply-accumulates of ``call``, counted by torch's FLOP counter (matrix products and convolutions; Fourier transforms
    and element-wise work are not counted). None where it has none, or is nothing that the counter can follow (a compiled
    network, say)."""
    from torch.utils.flop_counter import FlopCounterMode

    try:
        with FlopCounterMode(display=False) as counter:
            call()
    except Exception:
        return None
    total = counter.get_total_flops()
    return total / 2 if total else None

"""How many multiply-accumulates a call takes: what a network costs, the same on every machine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def macs_of(call: Callable[[], object]) -> float | None:
    """Multiply-accumulates of ``call`` by the formulas of torch's FLOP counter (matrix products and convolutions; Fourier
    transforms and element-wise work are not counted). None where it has none, or is nothing that can be followed (a compiled
    network, say)."""
    from torch.utils._python_dispatch import TorchDispatchMode
    from torch.utils.flop_counter import flop_registry

    class Counter(TorchDispatchMode):  # type: ignore[no-untyped-call]
        """Adds up the formulas of what runs inside. ``FlopCounterMode`` does too, for each module apart; but its first call
        imports torch's compiler, which takes as long as all else that a run imports."""

        flops = 0

        @classmethod
        def _should_skip_dynamo(cls) -> bool:
            return False  # nothing is compiled in here: what torch would wrap this class with imports the compiler

        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            del types
            kwargs = kwargs or {}
            with self:  # an operation that is made of others is counted by these
                parts = func.decompose(*args, **kwargs)
            if parts is not NotImplemented:
                return parts
            out = func(*args, **kwargs)
            formula = flop_registry.get(func.overloadpacket)
            if formula is not None:
                self.flops += formula(*args, **kwargs, out_val=out)
            return out

    try:
        with Counter() as counter:  # type: ignore[no-untyped-call]
            call()
    except Exception:
        return None
    return counter.flops / 2 if counter.flops else None

"""Forward passes of the papers' own sizes: kernels with their channels first and last, and bfloat16, on this processor.

    OMP_NUM_THREADS=1 python tests/performance/perf_paper_size.py --rounds 3

The networks are as they are built: untrained weights take the time of trained ones. One face at a time, the three ways in
turn, processor seconds of the process; the least of the rounds counts, their spread stands beside it.
"""

from __future__ import annotations

import argparse
import copy
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn

from unmaskbench.benchmark.plugins.learned_method import _lay_channels_last
from unmaskbench.benchmark.plugins.registry import METHODS

SIDES = {"ra_unet": 256, "lama": 256, "h2a_ms2a_gan": 224}


def seconds(call: Callable[[], Tensor]) -> float:
    """Of the processor, for one call."""
    began = time.process_time()
    with torch.inference_mode():
        call()
    return time.process_time() - began


def ways(network: nn.Module, inputs: tuple[Tensor, ...]) -> dict[str, Callable[[], Tensor]]:
    """A forward pass with kernels' channels first, last, and last in bfloat16."""
    last = copy.deepcopy(network)
    _lay_channels_last(last)

    def low() -> Tensor:
        with torch.autocast("cpu", torch.bfloat16):
            return last(*inputs)

    return {"first": lambda: network(*inputs), "last": lambda: last(*inputs), "last, bf16": low}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--methods", default=",".join(SIDES))
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    for name in chosen.methods.split(","):
        torch.manual_seed(0)
        network = METHODS.get(name).build_network(size="paper").eval()
        side = SIDES[name]
        image, mask = torch.rand(1, 3, side, side), torch.zeros(1, 1, side, side)
        mask[..., side // 2 :, side // 5 : -side // 5] = 1
        inputs = (image, mask) if METHODS.get(name).card.needs_mask else (image,)
        calls = ways(network, inputs)
        taken: dict[str, list[float]] = {way: [] for way in calls}
        for call in calls.values():
            seconds(call)  # memory and kernels are made by the first call
        for _ in range(chosen.rounds):
            for way, call in calls.items():
                taken[way].append(seconds(call))
        millions = sum(value.numel() for value in network.parameters()) / 1e6
        print(f"{name}, {millions:.1f} M parameters, {side} px")
        for way, values in taken.items():
            ratio = min(taken["first"]) / min(values)
            print(f"  {way:10} {min(values):6.2f} s ({min(values):.2f} to {max(values):.2f})  {ratio:.2f}x")


if __name__ == "__main__":
    main()

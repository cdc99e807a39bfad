"""How fast and how large each method is: latency at batch 1, throughput at the best batch, parameters, MACs, memory."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from unmaskbench.benchmark.plan.chain import parts_of
from unmaskbench.benchmark.plan.entries import MethodEntry
from unmaskbench.benchmark.plan.fingerprint import fingerprint
from unmaskbench.benchmark.plan.suite import Suite, digest
from unmaskbench.benchmark.plugins.json_types import JsonObject
from unmaskbench.benchmark.plugins.macs import macs_of
from unmaskbench.benchmark.plugins.registry import METHODS
from unmaskbench.benchmark.run.metric_calls import describe
from unmaskbench.benchmark.run.restore import Restorer
from unmaskbench.benchmark.store.folder import RunFolder

BATCHES = (4, 16)
REPEATS = 7
FEWEST = 2
# Seconds in which a method is timed: a run has many, and the dear ones must not cost as much as their scores. At batch 1 it is
# timed FEWEST times, and up to REPEATS while less than half of the budget is spent; a larger batch is tried where two calls of
# it fit in what is left, should it be no faster.
BUDGET_SECONDS = 0.5
# How memory is measured: figures of another way are measured anew.
PEAK_MEMORY = "allocated on the GPU by the method"


def measure_speed(
    suite: Suite, entries: Sequence[MethodEntry], folder: RunFolder, device: str, note: Callable[[str], None]
) -> None:
    """Time every method on random faces of the suite's size and write ``speed.json``; kept on a resumed run.

    Predictions are files, so they have no speed; a method that fails here has none either.
    """
    kept: JsonObject = {}
    if (folder.path / "speed.json").is_file():
        from unmaskbench.benchmark.store.folder import read_json

        kept = read_json(folder.path / "speed.json", "speed measurements")
    timings: JsonObject = {}
    for entry in entries:
        code = [PEAK_MEMORY, *(fingerprint(METHODS.get(part.id)) for part in parts_of(entry))]
        key = digest(
            [entry.model_dump(mode="json"), code, suite.size, suite.precision, device, torch.get_num_threads()]
        )
        if kept.get(entry.label, {}).get("key") == key:
            timings[entry.label] = kept[entry.label]
            continue
        if entry.id == "predictions" or _timed_already(entry, entries):
            continue
        note(f"timing {entry.label}")
        try:
            timings[entry.label] = {"key": key, **time_method(Restorer(entry, device, suite.precision), suite.size)}
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # speed is a by-product: its failure must not cost the scores
            note(f"{entry.label} was not timed: {describe(error)}")
    if timings != kept:
        folder.write_json("speed.json", timings)


def _timed_already(entry: MethodEntry, entries: Sequence[MethodEntry]) -> bool:
    """Whether a row with predicted masks stands beside one of the same method that is told its masks: it is as fast."""
    return entry.mask_source.startswith("predicted") and any(
        (other.id, other.parameters) == (entry.id, entry.parameters) and not other.mask_source.startswith("predicted")
        for other in entries
    )


def time_method(restorer: Restorer, size: int) -> JsonObject:
    """Median and spread (interquartile range) of milliseconds per image at batch 1, images a second at the best batch
    (larger ones are tried until one is no faster, or would take more than is left of ``BUDGET_SECONDS``), parameters,
    multiply-accumulates per image, and on a GPU the most memory that was allocated at once, in MB (None on a CPU)."""
    if restorer.device.startswith("cuda"):
        torch.cuda.reset_peak_memory_stats(restorer.device)
    single = _inputs(1, size)
    _timed(restorer, single, 1)  # memory, kernels and caches are made by the first call
    seconds = _timed(restorer, single, FEWEST)
    while len(seconds) < REPEATS and sum(seconds) < BUDGET_SECONDS / 2:
        seconds += _timed(restorer, single, 1)
    quartiles = statistics.quantiles(seconds, n=4) if len(seconds) > 2 else [min(seconds), 0.0, max(seconds)]
    best_batch, throughput, left = 1, 1 / statistics.median(seconds), BUDGET_SECONDS - sum(seconds)
    for batch in BATCHES:
        if 2 * batch / throughput > left:
            break
        inputs = _inputs(batch, size)
        taken = _timed(restorer, inputs, 2)
        left -= sum(taken)
        rate = batch / min(taken)
        if rate <= throughput:
            break  # where a larger batch is no faster, a still larger one costs seconds and tells nothing
        best_batch, throughput = batch, rate
    return {
        "latency_ms": round(statistics.median(seconds) * 1000, 3),
        "latency_spread_ms": round((quartiles[2] - quartiles[0]) * 1000, 3),
        "throughput": round(throughput, 2),
        "best_batch": best_batch,
        "parameters": sum(p.numel() for network in restorer.networks() for p in network.parameters()) or None,
        "macs": macs(restorer, single),
        "peak_memory_mb": _peak_memory_mb(restorer.device),
        "size": size,
        "threads": torch.get_num_threads(),
    }


def macs(restorer: Restorer, inputs: tuple[Tensor, Tensor]) -> float | None:
    """Multiply-accumulates of one image; None where the method has no torch network."""
    return macs_of(lambda: restorer.restore(*inputs, ["speed/speed/0"])) if restorer.networks() else None


def _inputs(batch: int, size: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (batch, 3, size, size), generator=generator).float() / 255
    mask = torch.zeros(batch, 1, size, size)
    mask[..., size // 2 :, size // 5 : -size // 5] = 1
    return images, mask


def _timed(restorer: Restorer, inputs: tuple[Tensor, Tensor], repeats: int) -> list[float]:
    names = [f"speed/speed/{index}" for index in range(len(inputs[0]))]
    seconds = []
    for _ in range(repeats):
        started = time.perf_counter()
        result = restorer.restore(*inputs, names)  # ends with a copy to the CPU, which waits for the device
        seconds.append(time.perf_counter() - started)
        if result.errors[0]:
            raise RuntimeError(result.errors[0])
    return seconds


def _peak_memory_mb(device: str) -> float | None:
    if device.startswith("cuda"):
        return round(torch.cuda.max_memory_allocated(device) / 1e6, 1)
    return None  # a process's high-water mark holds whatever ran in it before

"""What a method costs: time, size, and what it must be told."""

from __future__ import annotations

from unmaskbench.reports.board_index import BoardIndex, number
from unmaskbench.reports.phrases import names


def cost(indexed: BoardIndex, method: str, output: str = "raw") -> str:
    """Speed, size and what the method must be told to make ``output``."""
    card = next((m for m in indexed.board.data["methods"] if m["method"] == method), None)
    if card is None:
        return "Nothing is stored about its cost."
    parts = []
    if number(card["latency_ms"]) is not None:
        device = indexed.board.data["run"]["device"]
        parts.append(f"{duration(card['latency_ms'])} an image (batch 1, {device})")
    if card["parameters"]:
        parts.append(f"{card['parameters'] / 1e6:.3g}\u00a0M parameters")
    elif card["parameters"] == 0 or card["provenance"] == "classical":
        parts.append("no learned parameters")
    if card["peak_memory_mb"]:
        parts.append(f"{card['peak_memory_mb']:.0f} MB at peak")
    source = {
        "oracle": "was given the true mask, which a deployment does not have",
        "predicted": "works from a predicted mask",
        "unknown": "is a folder of images: whether the true mask helped to make them is unknown",
    }
    blind = not card["needs_mask"] and card["mask_source"] == "none"
    need = "needs no mask" if blind else source.get(card["mask_source"], "needs a mask")
    if blind and output == "composite":
        need += "; only this composite took the true mask, to paste the visible pixels back"
    return f"{'; '.join(parts) or 'Speed was not measured'}. It {need}."


def duration(milliseconds: float) -> str:
    """A time at three significant digits: '45.3 ms', and seconds from 1,000 ms on: '1.9 s', '102 s'."""
    rounded = float(f"{milliseconds:.3g}")
    if rounded < 1000:
        return f"{rounded:g}\u00a0ms"
    return f"{float(f'{milliseconds / 1000:.3g}'):,g}\u00a0s"


def cheaper(indexed: BoardIndex, best: str, tied: list[str]) -> str:
    """The fastest of the methods that cannot be told from the best, where it is clearly faster; else nothing."""
    speed = {m["method"]: number(m["latency_ms"]) for m in indexed.board.data["methods"]}
    timed = [(latency, m) for m in tied if (latency := speed.get(m)) is not None]
    own = speed.get(best)
    if not timed or own is None or min(timed)[0] > 0.8 * own:
        return ""
    fastest, method = min(timed)
    return (
        f" Of those that cannot be told from it, {names(indexed.titles, [method])} is the fastest: {duration(fastest)}."
    )

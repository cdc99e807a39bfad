"""Values of a metric that may break, and what of a cached reference belongs to some samples."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from unmaskbench.benchmark.plugins.types import Metric


def metric_values(metric: Metric, images: Tensor, reference: object, region: Tensor | None) -> Tensor | str:
    """A metric's values (N,) for images (N, C, H, W), or the message of its failure: a metric that breaks costs its own
    rows only. ``reference`` is what the metric made of the truths, None where the images stand for themselves."""
    try:
        prepared = metric.reference(images) if reference is None else reference
        values: Tensor = metric.score(images, prepared, region)
        if values.shape != (len(images),):
            raise ValueError(f"{metric.card.id} gave shape {tuple(values.shape)} for {len(images)} images")
    except Exception as error:
        return describe(error)
    return values


def describe(error: BaseException) -> str:
    """The error in one line of at most 300 characters that a table can hold, whatever its own text is."""
    try:
        text = str(error)
    except Exception:
        text = "(its message cannot be shown)"
    # A file name that is no UTF-8 comes with lone surrogates, which no table can hold.
    legible = text.encode("utf-8", "replace").decode("utf-8")
    return f"{type(error).__name__}: {legible}".replace("\n", " ")[:300]


def select(reference: object, positions: Sequence[int], total: int) -> object:
    """The reference of some samples of a chunk; ``positions`` index its first axis of length ``total``."""
    if list(positions) == list(range(total)):
        return reference
    if isinstance(reference, Tensor):
        return reference[list(positions)]
    if isinstance(reference, tuple | list):
        return tuple(select(item, positions, total) for item in reference)
    if isinstance(reference, dict):
        return {key: select(value, positions, total) for key, value in reference.items()}
    return reference

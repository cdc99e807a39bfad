"""Restored pictures that go with a submission, as ``predictions/METHOD/DATASET/OCCLUSION/SAMPLE.png``."""

from __future__ import annotations

import io

from PIL import Image

from unmaskbench.benchmark.plan.geometry import array_of
from unmaskbench.benchmark.plugins.json_types import JsonObject
from unmaskbench.benchmark.run import kept
from unmaskbench.benchmark.store.folder import RunFolder, StoreError
from unmaskbench.benchmark.submissions.index import PREDICTIONS, SubmissionError, allowed

FLOOR = "untouched"


def attach(run: RunFolder, folder: RunFolder, record: JsonObject) -> int:
    """Write the raw pictures of every method but untouched, which anyone can draw, and return their number.

    Raises StoreError where the run keeps no pixels, SubmissionError where a sample's name is no file's.
    """
    count = 0
    for unit in record["units"]:
        if unit.get("measure") or unit["method"] in ("", FLOOR):
            continue
        restoration = kept.read(run, unit["key"])
        if restoration.raw is None and restoration.restored_any:
            raise StoreError(
                f"{run.path} keeps no restored pixels: give its bench run again with --keep restored, or bench submit without "
                "--predictions"
            )
        for position, (sample, error) in enumerate(zip(restoration.ids, restoration.errors, strict=True)):
            if error or restoration.raw is None:
                continue
            name = picture_of(unit["method"], unit["dataset"], unit["occlusion"], sample)
            if not allowed(name):
                raise SubmissionError(
                    f"sample '{sample}' cannot be a file's name in a submission; leave out --predictions"
                )
            buffer = io.BytesIO()
            Image.fromarray(array_of(restoration.raw[position])).save(buffer, format="PNG")
            folder.write_bytes(name, buffer.getvalue())
            count += 1
    return count


def picture_of(method: str, dataset: str, occlusion: str, sample: str) -> str:
    """Where a submission has a method's picture of a sample."""
    return f"{PREDICTIONS}/{method}/{dataset}/{occlusion}/{sample}.png"

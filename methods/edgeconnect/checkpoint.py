"""The published pair of EdgeConnect: a folder with one file for each generator."""

from __future__ import annotations

from pathlib import Path

from unmaskbench.methods.edgeconnect.network import EdgeConnect
from unmaskbench.plugin import WeightsError, load_strict, read_published

EDGE_FILE, INPAINT_FILE = "EdgeModel_gen.pth", "InpaintingModel_gen.pth"


def load_edgeconnect(network: EdgeConnect, folder: Path) -> None:
    """Put the published weights in `folder` into `network`; each file holds its generator under ``generator``.

    Raises WeightsError where `folder` is none or lacks a file, where a file is unsafe or damaged, or where names do not
    fit one by one.
    """
    absent = [name for name in (EDGE_FILE, INPAINT_FILE) if not (folder / name).is_file()]
    if absent:
        raise WeightsError(
            f"{folder}: expected the folder of the published EdgeConnect files {EDGE_FILE} and {INPAINT_FILE}; "
            f"{' and '.join(absent)} not there"
        )
    for name, generator in ((EDGE_FILE, network.edge), (INPAINT_FILE, network.inpaint)):
        load_strict(generator, read_published(folder / name, "generator"), folder / name)

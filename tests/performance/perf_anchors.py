"""This harness against what people would use instead, both on the same work in turns, in one command:

    OMP_NUM_THREADS=1 python tests/performance/perf_anchors.py [--rows piq,sklearn] [--repeats 5]

prints a table. Each side is asked once before it is measured (whole jobs are not), then in turns; the ratio is that of the
processor's seconds, its median and range over the turns, and the wall's beside it. A row fails only where values differ by more
than it allows. What is not installed is named with its command (docs/performance.md has all of them). ``hand`` and LPIPS need
UNMASKBENCH_HOME.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

sys.path.insert(
    0, str(Path(__file__).parent)
)  # pytest does not look for a test's neighbours, and pyiqa brings a ``tests`` along
import anchor_commands
import anchor_images
from alternating import HEADING, Anchor, MissingLibraryError, line

ROWS: dict[str, Callable[[], Iterator[Anchor]]] = {
    "piq": anchor_images.piq_rows,
    "torchmetrics": anchor_images.torchmetrics_rows,
    "skimage": anchor_images.skimage_rows,
    "torch-fidelity": anchor_images.fidelity_rows,
    "regions": anchor_images.region_rows,
    "sklearn": anchor_commands.sklearn_rows,
    "folds": anchor_commands.folds_rows,
    "pyiqa": anchor_commands.pyiqa_rows,
    "hand": anchor_commands.hand_rows,
    "short": anchor_commands.short_rows,
}


@pytest.mark.parametrize("name", ROWS)
def test_values_agree_with(name: str) -> None:
    try:
        print("\n" + HEADING)
        for anchor in ROWS[name]():
            print(line(anchor, 2))
    except MissingLibraryError as missing:
        pytest.skip(str(missing))


def main() -> None:
    parser = argparse.ArgumentParser(description="This harness against what people would use instead.")
    parser.add_argument("--rows", default=",".join(ROWS), help=f"some of {', '.join(ROWS)}, separated by commas")
    parser.add_argument("--repeats", type=int, default=5)
    given = parser.parse_args()
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", torch.get_num_threads())))
    print(HEADING, flush=True)
    for name in given.rows.split(","):
        try:
            for anchor in ROWS[name]():
                print(line(anchor, given.repeats), flush=True)
        except MissingLibraryError as missing:
            print(f"| {name}: {missing} | | | | | | |", flush=True)
    print(f"\n{torch.get_num_threads()} thread(s); load of the machine {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()

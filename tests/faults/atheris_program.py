"""``python atheris_program.py TARGET FOLDER RUNS SECONDS``: one target of fuzz_targets.py under atheris.

Ends with 0 after RUNS inputs or SECONDS; libFuzzer ends it otherwise, and leaves the input in FOLDER. A fault's
traceback is on stderr.
"""

from __future__ import annotations

import sys
from pathlib import Path

import atheris

# Only what reads a stranger's file is instrumented: torch and polars would take minutes, and are not ours to test.
READERS = [
    "unmaskbench.benchmark.plan.suite",
    "unmaskbench.benchmark.plugins.yaml_file",
    "unmaskbench.benchmark.plugins.model_file",
    "unmaskbench.benchmark.plugins.learned_method",
    "unmaskbench.benchmark.plugins.weights.loading",
    "unmaskbench.benchmark.gate.baseline",
    "unmaskbench.benchmark.run.mask_set",
    "unmaskbench.benchmark.store.folder",
    "unmaskbench.benchmark.board.build",
    "unmaskbench.benchmark.training.recipe",
    "unmaskbench.benchmark.training.recipes",
    "unmaskbench.benchmark.store.images",
    "unmaskbench.methods.predictions",
    "unmaskbench.reports.board",
    "yaml",
    "json",
    "zipfile",
]

with atheris.instrument_imports(include=READERS, enable_loader_override=False):
    from tests.faults.fuzz_targets import TARGETS, fuzz


def main() -> None:
    """Lay out the seeds as libFuzzer's corpus and go."""
    name, out, runs, seconds = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    corpus, scratch = out / "corpus", out / "scratch"
    for folder in (corpus, scratch):
        folder.mkdir(parents=True, exist_ok=True)
    counts = {True: 0, False: 0}
    for index, seed in enumerate(TARGETS[name].seeds()):
        (corpus / f"seed-{index}").write_bytes(seed)

    def one(content: bytes) -> None:
        counts[fuzz(name, scratch, content)] += 1
        # libFuzzer ends the process itself and runs nothing on its way out.
        (out / "told").write_text(f"{counts[True]} read, {counts[False]} refused", encoding="utf-8")

    options = [f"-runs={runs}", f"-max_total_time={seconds}", "-seed=1", "-timeout=20", "-rss_limit_mb=4096"]
    longest = max(65536, *(2 * len(seed) for seed in TARGETS[name].seeds()))
    options += [f"-max_len={longest}", f"-artifact_prefix={out}/", "-verbosity=0"]
    atheris.Setup([sys.argv[0], *options, str(corpus)], one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()

"""All impostor pairs of many faces, streamed: time, memory and the exact FNMR at each FMR target. Not a test:

    OMP_NUM_THREADS=2 python tests/performance/stream_impostors.py --faces 45000 --people 22500

Faces are made up: a direction a person and noise around it, so that nothing but the number of pairs is like that of a data set.
``--listed`` also lists the pairs, where they can be, and says whether both ways give the same numbers.
"""

from __future__ import annotations

import argparse
import resource
import time

import numpy as np
import torch

from unmaskbench.benchmark.biometrics.cosine import CosineSimilarity
from unmaskbench.benchmark.biometrics.error_rates import ScoreDistribution, auc, eer, enough_impostors, threshold_at_fmr
from unmaskbench.benchmark.biometrics.impostor_people import count_people
from unmaskbench.benchmark.biometrics.impostor_stream import ImpostorStream
from unmaskbench.benchmark.biometrics.impostor_tally import tally
from unmaskbench.benchmark.biometrics.impostors import ImpostorList
from unmaskbench.benchmark.biometrics.pairs import PairSet, own_pairs
from unmaskbench.benchmark.biometrics.scores import PairScores, score_pairs
from unmaskbench.benchmark.biometrics.streamed_scores import StreamedScores
from unmaskbench.benchmark.plugins.types import SampleRef
from unmaskbench.benchmark.statistics.bootstrap import IdentityBootstrap
from unmaskbench.benchmark.statistics.streamed_bootstrap import ResampledCurve, StreamedBootstrap

TARGETS = (1e-3, 1e-4, 1e-5, 1e-6)


class Cosine(CosineSimilarity):
    """A matcher of ready embeddings."""

    card = None

    def load(self, device: str) -> None:
        """Nothing to load."""

    def embed(self, images: torch.Tensor, landmarks: torch.Tensor) -> torch.Tensor:
        """The embeddings themselves."""
        return images


class Clock:
    """Seconds of the wall and of the processor since the last question, and the peak of memory."""

    def __init__(self) -> None:
        self.wall, self.processor = time.perf_counter(), time.process_time()

    def lap(self, what: str) -> None:
        """Say what the last step took."""
        wall, processor = time.perf_counter(), time.process_time()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        spent = f"{wall - self.wall:8.1f} s, {processor - self.processor:8.1f} s of processor"
        print(f"{what:<44} {spent}, peak {peak:.2f} GiB", flush=True)
        self.wall, self.processor = wall, processor


def faces_of(count: int, people: int, dimension: int, spread: float) -> tuple[PairSet, torch.Tensor]:
    """The trials and the embeddings (N, D) of ``count`` faces; ``spread`` is the noise's length against the person's."""
    names = [SampleRef(f"{number:06d}", f"{number % people:06d}") for number in range(count)]
    pairs = own_pairs(names, impostors=0)
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((people, dimension), dtype=np.float32)
    noise = rng.standard_normal((count, dimension), dtype=np.float32) * np.float32(spread)
    return pairs, torch.from_numpy(centres[pairs.identities] + noise)


def main() -> None:
    """Measure and say so."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faces", type=int, default=11_400)
    parser.add_argument("--people", type=int, default=5_700)
    parser.add_argument("--dimension", type=int, default=512)
    parser.add_argument("--spread", type=float, default=1.6)
    parser.add_argument("--listed", action="store_true")
    asked = parser.parse_args()
    pairs, faces = faces_of(asked.faces, asked.people, asked.dimension, asked.spread)
    stream = ImpostorStream.of(Cosine(), pairs, (faces, None), (faces, None))
    print(f"{asked.faces:,} faces of {asked.people:,} people, {asked.dimension}-d, {torch.get_num_threads()} threads")
    print(f"{len(stream):,} impostor and {len(pairs.genuine):,} genuine pairs", flush=True)
    clock = Clock()
    genuine = score_pairs(stream.matcher, pairs, faces, faces).genuine
    found = tally(stream, genuine, TARGETS)
    clock.lap("first pass: thresholds, counts, tail")
    counts = count_people(stream, found, TARGETS)
    clock.lap("second pass: each person's counts")
    ours = ScoreDistribution.of(StreamedScores(genuine, found, counts))
    bootstrap = StreamedBootstrap(pairs.genuine_identities, stream.images, IdentityBootstrap(asked.people))
    curve = ResampledCurve(bootstrap, genuine, counts.grid, counts.cells)
    for target in TARGETS:
        if not enough_impostors(len(found), target):
            continue
        threshold = threshold_at_fmr(ours, target)
        fnmr = float(ours.fnmr(threshold))
        low, high = bootstrap.interval(curve.fnmr_at_fmr(target, fnmr))
        print(
            f"FMR {target:g}: FNMR {fnmr:.6f} [{low:.6f}, {high:.6f}] at {threshold:.7f}, {float(ours.fmr(threshold)):.3g}"
        )
    rate, crossing = eer(ours)
    print(f"AUC {auc(ours):.8f}, EER {rate:.6f} at {crossing:.6f}; knots {found.step:.2g} apart")
    clock.lap("rates and intervals of 2,000 resamples")
    if asked.listed:
        listed = PairSet(pairs.ids, pairs.identities, pairs.genuine, ImpostorList(pairs.identities).every(), "listed")
        theirs = ScoreDistribution.of(PairScores(genuine, score_pairs(Cosine(), listed, faces, faces).impostor))
        clock.lap("the same pairs, listed, scored and sorted")
        for target in TARGETS:
            threshold = threshold_at_fmr(theirs, target)
            assert threshold == threshold_at_fmr(ours, target), target
            assert theirs.fmr(threshold) == ours.fmr(threshold), target
        assert auc(theirs) == auc(ours)
        assert eer(theirs) == eer(ours) or abs(eer(theirs)[1] - crossing) <= 2 * found.step
        print("thresholds, FMR and AUC are those of the list, bit for bit")


if __name__ == "__main__":
    main()

"""Face embeddings of truths and restored images, by every matcher of the suite."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from unmaskbench.benchmark.detection.detectors import detect_batch, detector_named
from unmaskbench.benchmark.plan.entries import Entry
from unmaskbench.benchmark.plan.suite import Suite
from unmaskbench.benchmark.plugins.registry import MATCHERS
from unmaskbench.benchmark.plugins.types import Matcher
from unmaskbench.benchmark.run.image_scores import chunks_of
from unmaskbench.benchmark.run.picture_names import restored_picture, truth_picture
from unmaskbench.benchmark.run.restore import Restored
from unmaskbench.benchmark.run.rows import Row, RowMaker
from unmaskbench.benchmark.run.shards import OccludedShard


class Embedder:
    """The suite's matchers, loaded once a worker. A matcher that breaks costs its own comparisons only."""

    def __init__(self, suite: Suite, device: str) -> None:
        self.suite, self.device = suite, device
        self._matchers: dict[str, Matcher] = {}

    def truths(self, make: RowMaker, shard: OccludedShard, entry: Entry) -> list[Row]:
        """Rows of the embeddings of the truths, or of the bare photographs, by one matcher; computed once for all occlusions
        of a shard."""
        ids, places = shard.unoccluded()
        if self.matcher(entry).card.needs_names:
            # A table has a picture of the truth for each occlusion.
            where = make.unit.dataset.label, make.unit.occlusion.label
            names = [truth_picture(*where, name) for name in ids]
            vectors, errors = self.embed(entry, shard.truth.truth[places], shard.truth.landmarks[places], names)
            return [
                make.embedding("truth", entry.label, name, vectors[position], errors[position])
                for position, name in enumerate(ids)
            ]
        found = shard.truth.embeddings.get(entry.label)
        if found is None:
            found = self.embed(entry, shard.truth.truth, shard.truth.landmarks)
            shard.truth.embeddings[entry.label] = found
        vectors, errors = found
        return [
            make.embedding("truth", entry.label, identifier, vectors[position], errors[position])
            for identifier, position in zip(ids, places, strict=True)
        ]

    def restored(self, make: RowMaker, shard: OccludedShard, restored: Restored, entry: Entry) -> list[Row]:
        """Rows of the restored images' embeddings by one matcher, for every output that matchers see."""
        rows: list[Row] = []
        landmarks = shard.truth.landmarks[shard.keep]
        looks_up = self.matcher(entry).card.needs_names
        same = torch.equal(restored.raw, restored.composite) and not looks_up
        done: tuple[Tensor, list[str]] | None = None
        where, method = (make.unit.dataset.label, make.unit.occlusion.label), make.unit.method_label
        for output in self.suite.matcher_outputs:
            if done is None or not same:
                names = [restored_picture(*where, name, method, output) for name in shard.ids] if looks_up else ()
                done = self.embed(entry, restored.output(output), landmarks, names)
            for position, identifier in enumerate(shard.ids):
                error = "failed_restore" if restored.errors[position] else done[1][position]
                rows.append(make.embedding(output, entry.label, identifier, done[0][position], error))
        return rows

    def embed(
        self, entry: Entry, images: Tensor, landmarks: Tensor, names: Sequence[str] = ()
    ) -> tuple[Tensor, list[str]]:
        """Embeddings (N, D) and a status per image ("" = ok); landmarks that are not finite are a face not found by a matcher
        that needs them. ``names`` are the pictures', for one that looks them up."""
        matcher = self.matcher(entry)
        if not matcher.card.needs_landmarks:
            found = torch.ones(len(images), dtype=torch.bool)
        elif self.suite.detector:
            landmarks, detected = detect_batch(images, detector_named(self.suite.detector))
            found = torch.as_tensor(detected, dtype=torch.bool)
        else:
            found = torch.isfinite(landmarks).flatten(1).all(1)
        vectors = torch.zeros(len(images), matcher.card.dimension)
        errors = ["" if ok else "failed_detect" for ok in found.tolist()]
        where = found.nonzero().flatten()
        for chunk in chunks_of(len(where), self.suite.batch_size):
            rows = where[chunk]
            extra = {"names": [names[row] for row in rows.tolist()]} if matcher.card.needs_names else {}
            try:
                with torch.inference_mode():
                    vectors[rows] = matcher.embed(images[rows], landmarks[rows], **extra).float().cpu()
                bad = rows[~torch.isfinite(vectors[rows]).all(1)].tolist()
            except Exception:  # a matcher that breaks on a batch has no score for it
                bad = rows.tolist()
            for row in bad:
                errors[row] = "failed_score"
        return vectors, errors

    def matcher(self, entry: Entry) -> Matcher:
        """The loaded matcher of an entry."""
        if entry.label not in self._matchers:
            matcher: Matcher = MATCHERS.build(entry.id, **entry.parameters)
            matcher.load(self.device)
            self._matchers[entry.label] = matcher
        return self._matchers[entry.label]

"""Who is trained on, who validates, and who must never be seen: the people of a training run, recorded and checked.

A dataset with a ``train`` split is trained on it and validated on ``validation``; its ``test`` people are the evaluation's
and must not appear. A dataset with one split only (a user's folder) gives one identity in ten, by hash, to validation.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from unmaskbench.benchmark.plugins.hooks import takes
from unmaskbench.benchmark.plugins.registry import DATASETS
from unmaskbench.benchmark.plugins.types import Face
from unmaskbench.benchmark.store.write import write_file
from unmaskbench.benchmark.training.data import Faces
from unmaskbench.benchmark.training.packed_faces import Pack, Source, identities_hash, pack
from unmaskbench.benchmark.training.recipe import Data

HELD_OUT_OF_TEN = 1


@dataclass(frozen=True)
class Split:
    """Identities, as ``dataset/name``, of the three roles; sorted, without repetition."""

    training: tuple[str, ...]
    validation: tuple[str, ...]
    evaluation: tuple[str, ...]

    def check(self) -> None:
        """Raise ValueError where a person of the evaluation, or of the validation, is trained on."""
        for role, names in (("evaluation", self.evaluation), ("validation", self.validation)):
            shared = sorted(set(self.training) & set(names))
            if shared:
                raise ValueError(
                    f"{len(shared)} people of the {role} are among the training identities, such as {shared[0]}; "
                    "train on another split"
                )
        shared = sorted(set(self.validation) & set(self.evaluation))
        if shared:
            raise ValueError(f"{len(shared)} people of the evaluation would choose the weights, such as {shared[0]}")

    def record(self) -> dict[str, object]:
        """Counts and hashes for a card; the hash is of the sorted names, one per line."""
        return {
            role: {"identities": len(names), "sha256": identities_hash(names)}
            for role, names in (
                ("training", self.training), ("validation", self.validation), ("evaluation_excluded", self.evaluation),
            )
        }  # fmt: skip

    def ledger(self) -> dict[str, list[str]]:
        """Every identity as the first 16 hex digits of its sha256: who was trained on can be checked, not read."""
        return {
            "training": hashed(self.training), "validation": hashed(self.validation), "evaluation": hashed(self.evaluation)
        }  # fmt: skip


def hashed(names: Sequence[str]) -> list[str]:
    """Sorted first 16 hex digits of each name's sha256."""
    return sorted(hashlib.sha256(name.encode()).hexdigest()[:16] for name in names)


def select(datasets: Sequence[str], root: Path | str | None, data: Data) -> tuple[Faces, Faces, Split]:
    """Training faces, validation faces and the record of people, for registered datasets under ``root``.

    ``name=DIR`` gives a dataset a root of its own. Raises ValueError where nothing is left to train on or roles overlap.
    """
    training: list[Pack] = []
    validation: list[Pack] = []
    evaluation: set[str] = set()
    names = [entry.partition("=")[0] for entry in datasets]
    if lacking := sorted(set(data.validate_on) - set(names)):
        raise ValueError(f"the recipe validates on {', '.join(lacking)}; name it among the data ({', '.join(names)})")
    learnt = [name for name in names if name not in data.validate_on]
    judging = data.validate_on or names
    share = None if data.train_limit is None else max(1, data.train_limit // max(1, len(learnt)))
    limit = max(1, data.validation_limit // len(judging))
    for entry in datasets:
        name, _, own_root = entry.partition("=")
        cls = DATASETS.get(name)
        parameters = _parameters(cls, own_root or root)
        splits = cls.card.splits
        held_out = "train" not in splits
        if name in learnt or held_out:
            more = tuple(sorted(data.parameters.get(name, {}).items()))
            train_split = splits[0] if held_out else "train"
            packed = pack(Source(name, train_split, (*parameters, *more)), data.size_px, data.crop_px)
            if name in learnt:
                rows = held_out_rows(packed, validation=False) if held_out else range(len(packed))
                training.append(Subset(packed, rows, share))
            if held_out and name in judging:
                validation.append(Subset(packed, held_out_rows(packed, validation=True), limit))
        if held_out:
            continue
        validation_split = next((split for split in ("validation", "val") if split in splits), None)
        if validation_split is not None and name in judging:
            packed = pack(Source(name, validation_split, parameters), data.size_px, data.crop_px)
            validation.append(Subset(packed, range(len(packed)), limit))
        if "test" in splits:
            evaluation |= {f"{name}/{s.identity or s.id}" for s in Source(name, "test", parameters).build().samples}
    if not training:
        raise ValueError(f"the recipe validates on {', '.join(names)}; name what to train on, too")
    if not validation:
        raise ValueError(f"none of {', '.join(judging)} has a validation split")
    people = Split(_people(training), _people(validation), tuple(sorted(evaluation)))
    people.check()
    return Faces(training), Faces(validation), people


class Subset(Pack):
    """Some faces of a pack: at most ``limit`` of ``rows``, the first in the order of sha256(id), so that a limit picks the
    same faces on every machine."""

    def __init__(self, whole: Pack, rows: Sequence[int], limit: int | None) -> None:
        super().__init__(whole.folder)
        keep = list(rows)
        if limit is not None and limit < len(keep):
            keep = sorted(sorted(keep, key=lambda i: hashlib.sha256(whole.ids[i].encode()).digest())[:limit])
        self._rows = keep
        self.ids = [whole.ids[i] for i in keep]
        self.identities = [whole.identities[i] for i in keep]

    def __getitem__(self, index: int) -> Face:
        return super().__getitem__(self._rows[index])


def held_out_rows(whole: Pack, validation: bool) -> list[int]:
    """Rows of the training or of the validation people of a pack that has one split. ValueError where none is left."""
    rows = [i for i, name in enumerate(whole.identities) if is_held_out(name) == validation]
    if not rows:
        raise ValueError(
            f"{whole.dataset} has too few identities: none is left for {'validation' if validation else 'training'}"
        )
    return rows


def is_held_out(identity: str) -> bool:
    """Whether an identity validates: the hash's last decimal digit is below ``HELD_OUT_OF_TEN``."""
    return int(hashlib.sha256(identity.encode()).hexdigest(), 16) % 10 < HELD_OUT_OF_TEN


def write_ledger(people: Split, folder: Path) -> Path:
    """Write the ledger of ``people`` into ``folder``, named by the hash of the training identities; returns its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{identities_hash(people.training)[:16]}.json"
    return write_file(path, json.dumps({**people.record(), "ledger": people.ledger()}, indent=0) + "\n")


def _people(packs: Sequence[Pack]) -> tuple[str, ...]:
    return tuple(sorted({f"{p.dataset}/{identity}" for p in packs for identity in p.identities}))


def _parameters(cls: type, root: Path | str | None) -> tuple[tuple[str, object], ...]:
    return (("root", str(Path(root).absolute())),) if root is not None and takes(cls, "root") else ()

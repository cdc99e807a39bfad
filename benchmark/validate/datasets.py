"""The contract of datasets: every face decoded, landmarks inside the picture with left and right in order, ids and people.

What is wrong is told once with how often, and the first face that it was seen on.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from unmaskbench.benchmark.plan.entries import DatasetEntry
from unmaskbench.benchmark.plan.sample_ids import check_ids
from unmaskbench.benchmark.plan.suite import SuiteError
from unmaskbench.benchmark.plugins.data_hooks import owns_pairs
from unmaskbench.benchmark.plugins.hooks import takes
from unmaskbench.benchmark.plugins.registry import UnavailablePluginError
from unmaskbench.benchmark.plugins.types import Dataset, Face, FiledDataset, PairedDataset, SampleRef
from unmaskbench.benchmark.validate.cards import check_card, resolve
from unmaskbench.benchmark.validate.findings import Findings, one_line

SIZE_PX = 64
POINTS = ("left eye", "right eye", "nose", "left mouth corner", "right mouth corner")


class _Counted:
    """Sentences about faces, each with its number and the first face's id."""

    def __init__(self, findings: Findings) -> None:
        self.findings = findings
        self._seen: dict[str, tuple[int, str, str]] = {}

    def expect(self, holds: bool, face: str, sentence: str, detail: str = "") -> bool:
        if not holds:
            count, first, first_detail = self._seen.get(sentence, (0, face, detail))
            self._seen[sentence] = count + 1, first, first_detail
        return bool(holds)

    def close(self) -> None:
        """Hand the sentences over."""
        for sentence, (count, face, detail) in self._seen.items():
            of = f"'{face}'" if count == 1 else f"{count} faces, the first '{face}'"
            self.findings.problems.append(f"{sentence} ({of}{': ' + detail if detail else ''})")


def dataset_findings(
    plugin: str | type, root: Path | str | None = None, split: str = "", advance: Callable[[int, int], None] | None = None,
    **parameters: Any,
) -> Findings:  # fmt: skip
    """What is wrong with a dataset; every face is decoded. ``root`` holds the user's files, ``split`` is the card's first
    without it; ``advance`` is told how many faces of how many are done."""
    cls, findings = resolve("dataset", plugin)
    if not check_card(findings, "dataset", cls):
        return findings
    card: Any = cls.card  # type: ignore[attr-defined]
    findings.expect(bool(card.splits), "its card has no splits")
    if card.needs_root:
        _check_without_files(findings, cls, split or card.splits[0])
    if root is None and card.needs_root:
        findings.notes.append("no face was decoded: it reads files; give --root DIR (root=...)")
        return findings
    dataset = _built(findings, cls, root, split or card.splits[0], parameters)
    if dataset is None:
        return findings
    with findings.during("reading the index"):
        if _check_index(findings, dataset):
            _check_faces(findings, dataset, advance or (lambda done, of: None))
            _check_pairs(findings, dataset, dataset.samples)
    return findings


def _built(findings: Findings, cls: type, root: Path | str | None, split: str, parameters: dict[str, object]) -> Any:
    if root is not None and not takes(cls, "root"):
        findings.expect(False, "its constructor takes no root, and a root was given")
        return None
    if root is None and takes(cls, "size") and "size" not in parameters:
        parameters = {**parameters, "size": SIZE_PX}
    given = {**parameters, "split": split, **({} if root is None else {"root": str(root)})}
    try:
        return cls(**given)
    except UnavailablePluginError:
        raise
    except Exception as error:
        findings.expect(False, f"it cannot be opened with {given}: {one_line(error)}")
    return None


def _check_without_files(findings: Findings, cls: Any, split: str) -> None:
    """What a dataset of files says where they are not there."""
    findings.expect(bool(cls.card.layout), "its card has no layout: tell which files it expects below its root")
    findings.expect(
        issubclass(cls, FiledDataset),
        "it reads files and has no files(index): a changed picture would be answered from an older run",
    )
    if not findings.expect(takes(cls, "root"), "its card says needs_root, and its constructor takes no root"):
        return
    with tempfile.TemporaryDirectory() as empty:
        absent = str(Path(empty) / "absent")
        for root, wanted in ((None, "--root DIR"), (absent, absent), (empty, empty)):
            place = {None: "without a root", absent: "with a root that is not there"}.get(root, "with an empty root")
            try:
                cls(split=split, **({} if root is None else {"root": root}))
            except (FileNotFoundError, ValueError) as error:
                findings.expect(
                    wanted in str(error), f"{place}, its error does not name {'the root' if root else wanted}"
                )
            except Exception as error:
                findings.expect(
                    False, f"{place} it raises {one_line(error)}; expected FileNotFoundError with what is missing"
                )
            else:
                findings.expect(False, f"{place} it opens: expected FileNotFoundError with what is missing")


def _check_index(findings: Findings, dataset: Dataset) -> bool:
    samples: Sequence[SampleRef] = dataset.samples
    refs = findings.expect(
        all(isinstance(ref, SampleRef) for ref in samples), "samples holds something else than SampleRef"
    )
    findings.expect(len(dataset) == len(samples), f"len() is {len(dataset)}, samples holds {len(samples)}")
    if not refs or not findings.expect(len(samples) > 0, "it has no sample"):
        return False
    try:
        check_ids(DatasetEntry(id="it"), tuple(samples))
    except SuiteError as error:
        findings.problems.append(str(error))
    people = Counter(ref.identity for ref in samples if ref.identity is not None)
    once = sum(1 for count in people.values() if count == 1)
    findings.facts |= {"faces": len(samples), "identities": len(people), "identities_with_one_photograph": once}
    unknown = sum(1 for ref in samples if ref.identity is None)
    if unknown:
        findings.notes.append(f"{unknown} of {len(samples)} faces have no identity: they count for image metrics alone")
    if once:
        findings.notes.append(f"{once} of {len(people)} identities have one photograph: they give no genuine pair")
    return True


def _check_faces(findings: Findings, dataset: Dataset, advance: Callable[[int, int], None]) -> None:
    counted = _Counted(findings)
    bare = 0
    total = len(dataset.samples)
    for index, ref in enumerate(dataset.samples):
        try:
            face = dataset[index]
        except Exception as error:  # decoders raise anything; the other faces are looked at all the same
            counted.expect(False, ref.id, "a face cannot be decoded", one_line(error))
            continue
        if counted.expect(isinstance(face, Face), ref.id, "an item is no Face", type(face).__name__):
            _check_face(counted, face, ref)
            bare += face.landmarks is None
        if isinstance(dataset, FiledDataset):
            absent = [str(path) for path in dataset.files(index) if not Path(path).is_file()]
            counted.expect(not absent, ref.id, "files(index) names files that are not there", ", ".join(absent[:2]))
        advance(index + 1, total)
    findings.expect(_same_twice(dataset), "the same face decoded twice gives other pixels")
    counted.close()
    findings.facts["faces_without_landmarks"] = bare
    if bare:
        findings.notes.append(
            f"{bare} of {total} faces have no landmarks: occlusions that need them and matchers skip these"
        )


def _same_twice(dataset: Dataset) -> bool:
    try:
        first, again = dataset[0], dataset[0]
        return bool(torch.equal(first.image, again.image))
    except Exception:  # told already
        return True


def _check_face(counted: _Counted, face: Face, ref: SampleRef) -> None:
    counted.expect(face.id == ref.id, ref.id, "a face has another id than the index", face.id)
    counted.expect(
        face.identity == ref.identity, ref.id, "a face has another identity than the index", str(face.identity)
    )
    counted.expect(face.role == ref.role, ref.id, "a face has another role than the index", face.role)
    image = face.image
    shaped = isinstance(image, Tensor) and image.ndim == 3 and image.shape[0] == 3 and 0 not in image.shape
    if not counted.expect(
        shaped, ref.id, "an image is no tensor (3, H, W)", str(getattr(image, "shape", type(image).__name__))
    ):
        return
    counted.expect(image.dtype == torch.float32, ref.id, "an image is not float32", str(image.dtype))
    low, high = float(image.amin()), float(image.amax())
    counted.expect(0 <= low <= high <= 1, ref.id, "an image leaves [0, 1]", f"[{low:.3g}, {high:.3g}]")
    if face.landmarks is not None:
        _check_landmarks(counted, face.landmarks, ref, image.shape[-2], image.shape[-1])
    for name in ("face_region", "given_mask"):
        plane = getattr(face, name)
        if plane is not None:
            fits = tuple(plane.shape) == (1, *image.shape[-2:])
            counted.expect(fits, ref.id, f"a {name} has not its image's size", str(tuple(plane.shape)))
            counted.expect(
                set(plane.unique().tolist()) <= {0.0, 1.0}, ref.id, f"a {name} holds other values than 0 and 1"
            )
    plain = all(
        isinstance(key, str) and isinstance(value, str | int | float | bool) for key, value in face.attributes.items()
    )
    counted.expect(plain, ref.id, "attributes hold something else than texts, numbers, true and false")


def _check_landmarks(counted: _Counted, points: Tensor, ref: SampleRef, height: int, width: int) -> None:
    if not counted.expect(tuple(points.shape) == (5, 2), ref.id, "landmarks are not (5, 2)", str(tuple(points.shape))):
        return
    if not counted.expect(bool(torch.isfinite(points).all()), ref.id, "a landmark is no finite number"):
        return
    x, y = points[:, 0], points[:, 1]
    # Pixel centres lie at integers: the picture reaches half a pixel beyond the outermost.
    inside = (x >= -0.5) & (x <= width - 0.5) & (y >= -0.5) & (y <= height - 0.5)
    outside = ", ".join(name for name, good in zip(POINTS, inside.tolist(), strict=True) if not good)
    counted.expect(not outside, ref.id, "a landmark lies outside the picture", outside)
    for left, right in ((0, 1), (3, 4)):
        ordered = float(x[left]) < float(x[right])
        pair = f"{POINTS[left]} right of the {POINTS[right]}"
        counted.expect(ordered, ref.id, "left and right landmarks are swapped: left is left as seen in the image", pair)


def _check_pairs(findings: Findings, dataset: Dataset, samples: Sequence[SampleRef]) -> None:
    if not isinstance(dataset, PairedDataset):
        return
    people = {ref.id: ref.identity for ref in samples}
    with findings.during("pairs()"):
        pairs = list(dataset.pairs())
        if not pairs and owns_pairs(dataset):
            return  # nobody has written a list
        findings.facts["pairs"] = len(pairs)
        unknown = [pair for pair in pairs if pair.a not in people or pair.b not in people]
        if unknown:
            findings.expect(False, f"pairs() names '{unknown[0].a}' and '{unknown[0].b}', of which one is no sample")
            return
        wrong = [pair for pair in pairs if pair.genuine != (people[pair.a] == people[pair.b])]
        if wrong:
            first = wrong[0]
            findings.expect(
                False,
                f"{len(wrong)} pairs contradict the identities, the first '{first.a}' and '{first.b}' (genuine: {first.genuine})",
            )

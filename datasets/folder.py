"""Any folder of face images, with optional identities, attributes, masks and landmarks.

Identities come from a CSV (``id,identity[,role][,attribute...]``) or, for images that lie in a sub-folder, from its name: that
of the first sub-folder, or where all lie in one album, of the first in it. The id
of an image is its path under the root without extension ("anna/001").
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from posixpath import commonpath
from typing import TYPE_CHECKING, Literal

from unmaskbench.plugin import (
    DATASETS,
    DETECTORS,
    DatasetCard,
    Face,
    FoundFaces,
    ImageError,
    Labels,
    Pair,
    Role,
    SampleRef,
    detector_named,
    not_here,
    read_labels,
    read_landmarks,
    read_mask,
    read_pairs,
    read_pixels,
    to_tensor,
    torch,
    walk,
)

if TYPE_CHECKING:
    from torch import Tensor

LAYOUT = """ROOT/
  a.jpg, b.png ...          images, in any sub-folders; one sub-folder per person gives identities
  labels.csv                optional: id,identity[,role][,attribute...]
  pairs.csv                 optional: a,b,genuine[,fold], the trials (or LFW's pairs.txt)
  landmarks.csv             optional: file (path under ROOT),left_eye_x,left_eye_y,...,mouth_right_y
and, anywhere, a folder of masks with the same names (white = occluded)"""


PAIRS = ("pairs.csv", "pairs.txt")
ROLES_BY: tuple[str, ...] = ("labels", "pairs")


@DATASETS.register("folder")
class Folder:
    """Faces of a folder, searched recursively.

    ``labels`` and ``landmarks`` are CSV files (``labels.csv`` and ``landmarks.csv`` in the root unless told); ``masks`` is a
    folder whose files bear the images' ids, where ``holes_are`` white or black. Landmarks that no file gives are found by a
    ``detector``, "yunet" or "insightface", unless ``detect`` is "never". ``pairs`` is a list of trials (``pairs.csv`` in the
    root unless told). Roles are those of the labels, or, with ``roles`` "pairs", those that the list gives: the first image of
    a trial is a probe, the second is of the gallery.
    """

    pairs_are_own = True

    card = DatasetCard(
        id="folder",
        title="A folder of images",
        licence="the owner's",
        source="your own images",
        layout=LAYOUT,
        needs_root=True,
        splits=("test", "all"),
        notes="both splits are the whole folder",
    )

    def __init__(
        self,
        root: Path | str | None = None,
        split: str = "test",
        labels: Path | str | None = None,
        landmarks: Path | str | None = None,
        masks: Path | str | None = None,
        holes_are: Literal["white", "black"] = "white",
        detect: Literal["auto", "never"] = "auto",
        detector: Literal["yunet", "insightface"] = "yunet",
        pairs: Path | str | None = None,
        roles: Literal["labels", "pairs"] = "labels",
    ) -> None:
        """Raises FileNotFoundError where something named is not there or the folder holds no image, ValueError for two files
        of one id, for labels and pairs that do not fit, and for other parameters."""
        if split not in self.card.splits:
            raise ValueError(f"folder has no split '{split}'; splits: test, all (the same)")
        if holes_are not in ("white", "black"):
            raise ValueError(f"folder: holes_are must be 'white' or 'black'; found {holes_are!r}")
        if detect not in ("auto", "never"):
            raise ValueError(f"folder: detect must be 'auto' or 'never'; found {detect!r}")
        if detector not in DETECTORS:
            raise ValueError(f"folder: detector must be one of {', '.join(DETECTORS)}; found {detector!r}")
        if roles not in ROLES_BY:
            raise ValueError(f"folder: roles must be 'labels' or 'pairs'; found {roles!r}")
        if root is None or not Path(root).is_dir():
            where = "folder needs a root (--root DIR)" if root is None else f"there is no folder {root}"
            raise not_here(f"{where}.", LAYOUT)
        self.split, self.root, self.holes_are = split, Path(root), holes_are
        self._masks = None if masks is None else _by_id(Path(masks), None)[0]
        self._files, self.remarks = _by_id(self.root, None if masks is None else Path(masks))
        self._faces = None if detect == "never" else FoundFaces(detector_named(detector))
        self._known = self._labels(None if labels is None else Path(labels))
        self._pairs = self._listed_pairs(None if pairs is None else Path(pairs), self._known.identities)
        if roles == "pairs":
            self._known.roles.clear()
            self._known.roles.update(roles_by_side(self._pairs))
        self.samples: Sequence[SampleRef] = tuple(
            SampleRef(id_, self._known.identities.get(id_), self._known.roles.get(id_, "truth")) for id_ in self._files
        )
        points = self.root / "landmarks.csv" if landmarks is None else Path(landmarks)
        if landmarks is not None and not points.is_file():
            raise FileNotFoundError(f"folder: there is no file {points} (landmarks)")
        self._landmarks = read_landmarks(points, base=self.root)
        self.remarks += self._landmarks.remarks
        lists = (points, self.root / "labels.csv" if labels is None else Path(labels))
        self._lists = tuple(path for path in lists if path.is_file())

    def __len__(self) -> int:
        return len(self.samples)

    def files(self, index: int) -> Sequence[Path]:
        """The picture, its mask, and the files of labels and landmarks."""
        return (*self._pictures(self.samples[index].id), *self._lists)

    def __getitem__(self, index: int) -> Face:
        sample = self.samples[index]
        path = self._files[sample.id]
        pixels = read_pixels(path)
        image = to_tensor(pixels)
        landmarks = self._landmarks.get(path.relative_to(self.root).as_posix())
        if landmarks is None and self._faces is not None:
            landmarks = torch.from_numpy(self._faces.look(path, lambda _: pixels).points).float()
        attributes = self._known.attributes.get(sample.id, {})
        mask = self._given_mask(index, image)
        return Face(sample.id, image, sample.identity, landmarks, attributes, given_mask=mask, role=sample.role)

    def undetected(self, indices: Sequence[int]) -> list[int]:
        """Those of the samples whose landmarks no file gives, so that a face must be found in the picture."""
        if self._faces is None:
            return []
        places = {index: self._files[self.samples[index].id].relative_to(self.root).as_posix() for index in indices}
        return [index for index, place in places.items() if place not in self._landmarks]

    def find_face(self, index: int) -> str:
        """Look for a sample's face, whose answer is then remembered; "" where it is found, else why not."""
        return "" if self._faces is None else self._faces.why_not(self._files[self.samples[index].id])

    def _pictures(self, id_: str) -> Iterator[Path]:
        yield self._files[id_]
        if self._masks is not None and id_ in self._masks:
            yield self._masks[id_]

    def _given_mask(self, index: int, image: Tensor) -> Tensor | None:
        """The image's own mask (1, H, W), 1 = occluded; None where no masks folder was given or the role says that the face
        is bare.

        Raises ImageError where there is none for this image, its size differs, or nearly everything is a hole.
        """
        if self._masks is None or self.samples[index].role in ("gallery", "calibration"):
            return None
        id_ = self.samples[index].id
        path = self._masks.get(id_)
        if path is None:
            raise ImageError(f"no mask for '{id_}' in the masks folder; add {id_}.png or remove the image")
        hole = read_mask(path, self.holes_are)
        size = tuple(image.shape[1:])
        if hole.shape != size:
            found, wanted = (f"{w}x{h}" for h, w in (hole.shape, size))
            raise ImageError(f"{path}: is {found} and its image {wanted}; a mask has its image's size")
        share = float(hole.mean())
        if share > 0.95:
            other = "black" if self.holes_are == "white" else "white"
            raise ImageError(f"{path}: {share:.0%} would be occluded; if the holes are {other}, set holes_are: {other}")
        return torch.from_numpy(hole)[None].to(torch.float32)

    def pairs(self) -> Sequence[Pair]:
        """The trials of the list ``pairs``; none where there is no list."""
        return self._pairs

    def _labels(self, path: Path | None) -> Labels:
        people, remarks = _by_folder(self._files)
        if path is None and (self.root / "labels.csv").is_file():
            path = self.root / "labels.csv"
        if path is not None:
            return read_labels(path, self._files, people)
        self.remarks += remarks
        return Labels(people)

    def _listed_pairs(self, path: Path | None, identities: Mapping[str, str]) -> tuple[Pair, ...]:
        """The trials of ``pairs.csv``, or of LFW's ``pairs.txt``, which names an image without its folder."""
        if path is None:
            path = next((found for name in PAIRS if (found := self.root / name).is_file()), None)
        if path is None:
            return ()
        names = {id_: id_ for id_ in self._files}
        names |= {id_ + file.suffix: id_ for id_, file in self._files.items()}
        by_stem: dict[str, list[str]] = {}
        for id_ in self._files:
            by_stem.setdefault(id_.rpartition("/")[2], []).append(id_)
        names = {stem: ids[0] for stem, ids in by_stem.items() if len(ids) == 1} | names
        return read_pairs(path, names.get, identities.get)


def _by_id(root: Path, without: Path | None) -> tuple[dict[str, Path], list[str]]:
    """Image files by id, in the order of ids, and what is to be said of those left out."""
    found: dict[str, Path] = {}
    left_out = None if without is None else without.resolve()
    walked = walk(root)
    for path in walked.files:
        if left_out is not None and left_out in path.resolve().parents:
            continue
        id_ = path.relative_to(root).with_suffix("").as_posix()
        if id_ in found:
            raise ValueError(
                f"two files have the id '{id_}': {found[id_].name} and {path.name} in {path.parent}; remove one"
            )
        found[id_] = path
    if not found:
        raise not_here(f"no image in {root} or its sub-folders.", LAYOUT)
    return dict(sorted(found.items())), walked.remarks()


def roles_by_side(pairs: Sequence[Pair]) -> dict[str, Role]:
    """The role of each image by its side in the trials: probe, then gallery. Raises ValueError where there is no trial and
    where an image stands on both sides."""
    if not pairs:
        raise ValueError("folder: roles: pairs needs a list of trials; add pairs.csv (a,b,genuine)")
    probes = dict.fromkeys(pair.a for pair in pairs)
    both = next((pair.b for pair in pairs if pair.b in probes), None)
    if both is not None:
        raise ValueError(f"folder: roles: pairs: '{both}' is the first image of one trial and the second of another")
    return {**dict.fromkeys((pair.b for pair in pairs), "gallery"), **dict.fromkeys(probes, "probe")}


def _by_folder(files: Mapping[str, Path]) -> tuple[dict[str, str], list[str]]:
    """The name of the person's folder for each image that lies in one, and what is to be said. People are the first folders
    that stand side by side: an album around all of them is nobody."""
    folders = [id_.split("/")[:-1] for id_ in files]
    album = [part for part in commonpath(["/".join(folder) for folder in folders]).split("/") if part]
    if album and album in folders:  # one person, whose photographs may lie in folders of their own too
        album = album[:-1]
    depth = len(album)
    people = {id_: folder[depth] for id_, folder in zip(files, folders, strict=True) if len(folder) > depth}
    strays = [id_ for id_ in files if "/" not in id_]
    if album:
        return people, [f"all images lie in {'/'.join(album)}; each folder in it is taken for one person"]
    if not people or not strays:
        return people, []
    count = "1 image lies" if len(strays) == 1 else f"{len(strays)} images lie"
    return people, [f"{count} beside the folders of people and belongs to nobody, the first '{strays[0]}'"]

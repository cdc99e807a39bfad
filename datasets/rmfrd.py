"""RMFRD, the Real-World Masked Face Recognition Dataset (Wang et al. 2020): the same people with and without real masks.

A photograph of a masked person has no truth: its role is ``probe`` (its attribute ``masked`` is True), and no occlusion is
drawn over it. A bare one is of the ``gallery``.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

from unmaskbench.plugin import (
    DATASETS,
    DatasetCard,
    Face,
    FoundFaces,
    ImageError,
    NoFaceError,
    SampleRef,
    detector_named,
    existing,
    not_here,
    read_landmarks,
    read_pixels,
    to_tensor,
    torch,
    walk,
)

FOLDERS = {"unmasked": "AFDB_face_dataset", "masked": "AFDB_masked_face_dataset"}
SPLITS = ("test", "masked", "unmasked")
SOURCE = "https://github.com/X-zhangyang/Real-World-Masked-Face-Dataset"
LAYOUT = """ROOT/
  AFDB_face_dataset/<name>/*.jpg          without mask
  AFDB_masked_face_dataset/<name>/*.jpg   with a real mask
  landmarks.csv                           optional: file (path under ROOT),left_eye_x,...,mouth_right_y"""


@DATASETS.register("rmfrd")
class RMFRD:
    """Faces of RMFRD; ``test`` is both kinds, ``masked`` and ``unmasked`` one of them.

    The id is "<name>/masked/<file>" or "<name>/unmasked/<file>" without the file's extension. Landmarks that no file gives are
    found by YuNet.
    """

    card = DatasetCard(
        id="rmfrd",
        title="Real-World Masked Face Recognition Dataset",
        licence="research use",
        source=SOURCE,
        layout=LAYOUT,
        needs_root=True,
        bibtex="@article{rmfrd, title={Masked Face Recognition Dataset and Application}, author={Wang, Zhongyuan and others}, "
        "journal={arXiv:2003.09093}, year={2020}}",
        splits=SPLITS,
        attributes=("masked",),
        notes="masked photographs have no truth; the published folders differ in size and sharpness",
    )

    def __init__(self, root: Path | str | None = None, split: str = "test") -> None:
        """Raises ValueError for an unknown split or two files of one id, FileNotFoundError where there is no image."""
        if split not in SPLITS:
            raise ValueError(f"rmfrd has no split '{split}'; splits: {', '.join(SPLITS)}")
        where = (
            "rmfrd needs a root folder (--root DIR)" if root is None else f"no RMFRD images of '{split}' under {root}"
        )
        absent = not_here(f"{where}.", LAYOUT, SOURCE)
        if root is None:
            raise absent
        self.split = split
        self.root = next(
            (base for base in _bases(Path(root)) if any((base / f).is_dir() for f in FOLDERS.values())), Path(root)
        )
        found: dict[str, tuple[Path, str, bool]] = {}
        for kind in FOLDERS if split == "test" else (split,):
            folder = self.root / FOLDERS[kind]
            for path in walk(folder).files if folder.is_dir() else ():
                if path.parent.parent == folder:
                    id_ = f"{path.parent.name}/{kind}/{path.stem}"
                    if id_ in found:
                        raise ValueError(f"two files have the id '{id_}': {found[id_][0]} and {path}; remove one")
                    found[id_] = (path, path.parent.name, kind == "masked")
        if not found:
            raise absent
        self._files = [found[id_] for id_ in sorted(found)]
        self.samples: Sequence[SampleRef] = tuple(
            SampleRef(id_, found[id_][1], "probe" if found[id_][2] else "gallery") for id_ in sorted(found)
        )
        self._landmarks = read_landmarks(self.root / "landmarks.csv", base=self.root)
        self.remarks = self._landmarks.remarks
        self._faces = FoundFaces(detector_named("yunet"))
        self._lists = existing(self.root, "landmarks.csv")

    def __len__(self) -> int:
        return len(self.samples)

    def files(self, index: int) -> Sequence[Path]:
        """The photograph and the landmarks."""
        return (self._files[index][0], *self._lists)

    def __getitem__(self, index: int) -> Face:
        path, name, masked = self._files[index]
        pixels = read_pixels(path)
        landmarks = self._landmarks.get(self._place(index))
        if landmarks is None:
            with contextlib.suppress(NoFaceError):  # it may still be shown whole
                landmarks = torch.from_numpy(self._faces.look(path, lambda _: pixels).points).float()
        return Face(
            id=self.samples[index].id,
            image=to_tensor(pixels),
            identity=name,
            landmarks=landmarks,
            attributes={"masked": masked},
            role=self.samples[index].role,
        )

    def undetected(self, indices: Sequence[int]) -> list[int]:
        """Those of the samples whose landmarks no file gives, so that a face must be found in the picture."""
        return [index for index in indices if self._place(index) not in self._landmarks]

    def find_face(self, index: int) -> str:
        """Look for a sample's face, whose answer is then remembered; "" where it is found, else why not."""
        try:
            self._faces.look(self._files[index][0])
        except (NoFaceError, ImageError) as error:
            return str(error)
        return ""

    def _place(self, index: int) -> str:
        return self._files[index][0].relative_to(self.root).as_posix()


def _bases(root: Path) -> list[Path]:
    # the published archive has one more folder around both
    return [root, root / "self-built-masked-face-recognition-dataset"]

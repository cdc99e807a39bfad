"""``dfdnet``: the component dictionaries of Li et al. (2020), an enhancer that is told where the parts of a face lie."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unmaskbench.plugin import METHODS, Missing, PublishedMethod, load_strict, read_method_card, read_published

if TYPE_CHECKING:
    from torch import Tensor, nn

GENERATOR, DICTIONARIES = "latest_net_G.pth", "DictionaryCenter512"
REMEDY = (
    f"get {GENERATOR} and the folder {DICTIONARIES} of 16 dictionaries from github.com/csxmli2016/DFDNet into one folder, "
    "then: parameters: {checkpoint: FOLDER, landmarks: FILE.csv}"
)
POINTS = "find 68 landmarks of each face at 512 px (FAN, dlib), then: parameters: {landmarks: FILE.csv}, id,x0,y0 ... x67,y67"


@METHODS.register("dfdnet")
class DFDNetMethod(PublishedMethod):
    """No mask. ``checkpoint`` takes the folder of the generator and the dictionaries, ``landmarks`` a CSV file of 68 points a
    face, in px of the 512 px face."""

    card = read_method_card(Path(__file__).parent / "card.yaml")
    weights = ()

    def __init__(
        self,
        checkpoint: Path | str | None = None,
        landmarks: Path | str | None = None,
        settings: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(checkpoint, settings)
        self.landmarks = Path(landmarks) if landmarks is not None else None
        self.points: dict[str, Tensor] = {}

    @classmethod
    def missing(cls, checkpoint: Path | str | None = None, landmarks: Path | str | None = None) -> list[Missing]:
        """The authors' files and the landmarks, where they are not named: neither has a place of its own here."""
        lacking = [] if checkpoint is not None else [Missing("weights", "dfdnet", REMEDY)]
        return [*lacking, *([] if landmarks is not None else [Missing("data", "68 landmarks", POINTS)])]

    def _network(self) -> nn.Module:
        from unmaskbench.methods.dfdnet.landmarks import read_landmarks_68
        from unmaskbench.methods.dfdnet.network import PARTS, SCALES, DFDNet

        if self.checkpoint is None or self.landmarks is None:
            raise FileNotFoundError(f"method 'dfdnet' lacks its files; {REMEDY if self.checkpoint is None else POINTS}")
        self.points = read_landmarks_68(self.landmarks)
        network, path = DFDNet(**self.settings), self.checkpoint / GENERATOR
        load_strict(network, read_published(path), path)
        for part in PARTS:
            for scale, width in zip(SCALES, network.widths, strict=True):
                network.take(part, scale, dictionary(self.checkpoint / DICTIONARIES, part, scale, width))
        return network

    def restore(self, occluded: Tensor, mask: Tensor | None, ids: Sequence[str] = ()) -> Tensor:
        """Restored (N, 3, 512, 512) in [0, 1]; ``ids`` are the samples', by which their landmarks are found."""
        from unmaskbench.methods.dfdnet.landmarks import landmarks_of
        from unmaskbench.methods.dfdnet.network import part_boxes

        del mask
        network: Any = self.network
        if network is None or self.landmarks is None:
            raise RuntimeError("method 'dfdnet' is not loaded; call load(device) first")
        boxes = part_boxes(landmarks_of(self.points, ids, self.landmarks))
        outside = (boxes < 0) | (boxes > occluded.shape[-1])
        if outside.any():
            raise ValueError(f"the parts of {ids[int(outside.any(2).any(1).nonzero()[0])]} reach out of the face")
        restored: Tensor = network(occluded, boxes)
        return restored.float()


def dictionary(folder: Path, part: str, scale: int, channels: int) -> Tensor:
    """Entries (K, channels, side, side) of a published ``PART_SCALE_center.npy``, a row an entry.

    Raises WeightsError where the file is not there, asks for code to be run, or holds no such entries.
    """
    import numpy as np
    import torch

    from unmaskbench.plugin import WeightsError

    path = folder / f"{part}_{scale}_center.npy"
    if not path.is_file():
        raise WeightsError(f"no dictionary at {path}; {REMEDY}")
    try:
        rows = np.load(path, allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise WeightsError(f"{path}: cannot be read as an array ({error}); fetch it again") from error
    area = rows.size // max(len(rows) * channels, 1) if rows.ndim else 0
    side = round(area**0.5)
    if side < 2 or side * side * channels * len(rows) != rows.size or rows.dtype.kind != "f":
        raise WeightsError(
            f"{path}: {rows.dtype} of shape {list(rows.shape)}; expected square entries of {channels} channels"
        )
    return torch.from_numpy(rows.astype("float32")).reshape(len(rows), channels, side, side)

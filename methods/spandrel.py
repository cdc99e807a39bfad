"""Published checkpoints of some fifty architectures by one loader: the package spandrel tells a network by its weights' names.

``spandrel:GFPGANv1.4.pth``; settings lie in ``GFPGANv1.4.yaml`` beside the file, or are parameters. Files are read as weights
alone, never as programs or pickles; a TorchScript file gives its weights too.
"""

from __future__ import annotations

import warnings
import zipfile
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unmaskbench.plugin import METHODS, MethodCard, Missing, missing_extra, read_checkpoint, read_settings

if TYPE_CHECKING:
    from torch import Tensor, nn

SETTINGS = {"accept_licence": bool, "native_size": int, "title": str}
EXTRA = "spandrel_extra_arches"
LARGE = 64  # px; a network that takes none smaller, or square ones alone, is asked at the least size that it takes


@METHODS.register("spandrel")
class Spandrel:
    """Inpainters (LaMa, MAT) take the mask; enhancers (GFPGAN, CodeFormer, RestoreFormer...) see the cloth.

    ``accept_licence: true`` is needed for the architectures of ``spandrel_extra_arches`` (MAT, CodeFormer...), whose licences
    restrict their use. ``native_size`` is the side in pixels that the network was trained at, where it does not say one itself.
    """

    card = MethodCard(id="spandrel", title="Checkpoint by spandrel", needs_mask=False, provenance="user-model")
    libraries = ("spandrel", EXTRA)

    @staticmethod
    def missing() -> list[Missing]:
        """The package, where it is not here."""
        return missing_extra("spandrel", "spandrel")

    def __init__(self, source: str | Path, **settings: object) -> None:
        self.path = Path(source)
        if not self.path.is_file():
            raise ValueError(f"spandrel: no file at {self.path}; give spandrel:FILE")
        held = read_settings(self.path.with_suffix(".yaml"), SETTINGS, settings)
        self.accepted = bool(held.pop("accept_licence", False))
        self.card = replace(_card(self.path, self.accepted, self.path.stat().st_mtime_ns), **held)
        self.network: nn.Module | None = None
        self._descriptor: Any = None

    def load(self, device: str) -> None:
        """Build the network and fill it. Raises ValueError as the constructor does."""
        self._descriptor, _ = _described(self.path, self.accepted)
        self._descriptor.to(device).eval()
        self.network = self._descriptor.model

    def restore(self, occluded: Tensor, mask: Tensor | None) -> Tensor:
        """Restored (N, 3, H, W) in [0, 1]."""
        import torch

        if self._descriptor is None:
            raise RuntimeError("method 'spandrel' is not loaded; call load(device) first")
        holes = [()] * len(occluded) if mask is None else [(mask[i : i + 1],) for i in range(len(mask))]
        return torch.cat([self._descriptor(occluded[i : i + 1].clone(), *hole) for i, hole in enumerate(holes)])


@lru_cache(maxsize=32)
def _card(path: Path, accepted: bool, state: int) -> MethodCard:
    """The card of a file, which is read once for a ``state`` (its time of change)."""
    del state
    network, licence = _described(path, accepted)
    kind, needs = network.architecture.name, network.size_requirements
    if network.scale != 1 or (network.input_channels, network.output_channels) != (3, 3):
        raise ValueError(
            f"{path} is a {kind} network from {network.input_channels} to {network.output_channels} channels that scales by "
            f"{network.scale}; a restorer gives the RGB picture that it was given at the same size"
        )
    least = max(needs.minimum, needs.multiple_of) if needs.square or needs.minimum >= LARGE else None
    return MethodCard(
        id="spandrel", title=f"{kind} ({path.stem})", needs_mask=network.purpose == "Inpainting", provenance="user-model",
        native_size=least, size_multiple=1 if least else needs.multiple_of, code_licence=licence,
        weights_licence="the user's", notes=f"{kind}, {network.purpose}, file {path.name}",
    )  # fmt: skip


def _described(path: Path, accepted: bool) -> tuple[Any, str]:
    """spandrel's network for a file, and its code's licence. Raises ValueError where no architecture has these weights, or
    only one whose licence was not accepted."""
    from spandrel import ModelLoader, UnsupportedModelError, canonicalize_state_dict

    state = canonicalize_state_dict(_weights(path))
    try:
        return ModelLoader().load_from_state_dict(dict(state)), "MIT, Apache-2.0 or BSD, by architecture (spandrel)"
    except UnsupportedModelError:
        pass
    except Exception as error:  # what a constructor or a strict loader says to weights that are nearly its own
        raise ValueError(f"{path}: spandrel cannot load it: {str(error).splitlines()[0][:200]}") from error
    unknown = f"{path}: no architecture of spandrel has these weights"
    if missing_extra(EXTRA, "spandrel"):
        raise ValueError(
            f"{unknown}; those whose licence restricts use (MAT, CodeFormer...) are in another package: pip install {EXTRA}, "
            "and set accept_licence: true once you have read it"
        )
    from spandrel_extra_arches import EXTRA_REGISTRY

    found = [support.architecture for support in EXTRA_REGISTRY if support.detect(state)]
    if not found:
        raise ValueError(f"{unknown}, nor one of {EXTRA}")
    if not accepted:
        raise ValueError(
            f"{path} is a {found[0].name} network, whose licence restricts its use; read it (package {EXTRA}), then set "
            f"accept_licence: true in {path.with_suffix('.yaml').name} beside the file"
        )
    return ModelLoader(registry=EXTRA_REGISTRY).load_from_state_dict(dict(state)), f"restrictive, see {EXTRA}; accepted"


def _weights(path: Path) -> dict[str, Any]:
    """What a file holds, read safely; of a TorchScript program its weights."""
    import torch

    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            program = any(name.endswith("/constants.pkl") for name in archive.namelist())
        if program:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return dict(torch.jit.load(str(path), map_location="cpu").state_dict())  # type: ignore[no-untyped-call]
    held = read_checkpoint(path)
    if not isinstance(held, dict):
        raise ValueError(f"{path} holds a {type(held).__name__}, not the weights of a network")
    return held

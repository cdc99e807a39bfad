"""Diffusion pipelines that inpaint, as the package diffusers saves them: ``diffusers:FOLDER``.

The folder is read offline. ``hub: true`` fetches ``diffusers:OWNER/NAME`` from the Hugging Face hub. Settings lie in
``unmaskbench.yaml`` in the folder, or are parameters. Weights are read as safetensors, and no code of a folder is run.
"""

from __future__ import annotations

import inspect
import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unmaskbench.plugin import METHODS, MethodCard, Missing, missing_extra, read_settings

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Settings:
    """What decides a pipeline's pixels beside its weights. ``strength`` 1 begins at noise; every picture begins at ``seed``."""

    steps: int = 50
    guidance: float = 7.5
    strength: float = 1.0
    prompt: str = "a photograph of a face"
    negative_prompt: str = ""
    seed: int = 0
    native_size: int = 512
    hub: bool = False
    revision: str = ""
    title: str = ""


LEGAL = {
    field.name: {"int": int, "float": float, "str": str, "bool": bool}[str(field.type)] for field in fields(Settings)
}
REPAINT = "RePaintPipeline"
HAVE_A_FORM = ("StableDiffusionPipeline", "StableDiffusionXLPipeline", "StableDiffusion3Pipeline", "FluxPipeline")
"""Text-to-image pipelines of which diffusers makes an inpainting one."""


@METHODS.register("diffusers")
class Diffusers:
    """Pipelines with "Inpaint" or "Fill" in their name, RePaint, and text-to-image ones that have an inpainting form."""

    card = MethodCard(id="diffusers", title="Diffusion pipeline", needs_mask=True, provenance="user-model")
    libraries = ("diffusers", "transformers")

    @staticmethod
    def missing() -> list[Missing]:
        """The packages, where they are not here."""
        return missing_extra("diffusers", "diffusers") + missing_extra("transformers", "diffusers")

    def __init__(self, source: str, **settings: Any) -> None:
        folder = Path(source)
        self.source = source
        self.settings = Settings(**read_settings(folder / "unmaskbench.yaml", LEGAL, settings))
        if not folder.is_dir() and not self.settings.hub:
            raise ValueError(f"diffusers: no folder at {source}; a pipeline of the hub is fetched only with hub: true")
        self.kind = _kind(folder) if folder.is_dir() else ""
        s = self.settings
        if s.steps < 1 or not 0 < s.strength <= 1 or s.native_size < 8:
            raise ValueError("diffusers: steps must be 1 or more, strength in (0, 1] and native_size 8 or more")
        said = f"steps {s.steps}, guidance {s.guidance:g}, strength {s.strength:g}, seed {s.seed}, prompt '{s.prompt}'"
        self.card = MethodCard(
            id="diffusers", title=s.title or folder.name, needs_mask=True, provenance="user-model", native_size=s.native_size,
            code_licence="Apache-2.0 (diffusers)", weights_licence="the user's",
            notes=f"{self.kind or 'pipeline of the hub'}: {said}; without a safety checker",
        )  # fmt: skip
        self._pipeline: Any = None

    def load(self, device: str) -> None:
        """Open the pipeline. Raises ValueError where it cannot be read or does not inpaint."""
        import diffusers

        diffusers.utils.logging.set_verbosity_error()
        diffusers.utils.logging.disable_progress_bar()
        named = self.kind and self.kind not in HAVE_A_FORM
        opener = getattr(diffusers, self.kind if named else "AutoPipelineForInpainting", None)
        if opener is None:
            raise ValueError(
                f"{self.source} holds a {self.kind}, which diffusers {diffusers.__version__} does not have"
            )
        options: dict[str, Any] = {"revision": self.settings.revision} if self.settings.revision else {}
        if not named or "safety_checker" in inspect.signature(opener.__init__).parameters:
            options |= {"safety_checker": None, "requires_safety_checker": False}
        try:
            self._pipeline = opener.from_pretrained(
                self.source, local_files_only=not self.settings.hub, use_safetensors=True, **options
            ).to(device)
        except Exception as error:  # readers of many parts, each with errors of its own
            reason = (str(error) or type(error).__name__).splitlines()[0][:200]
            raise ValueError(f"{self.source} is no inpainting pipeline that diffusers can open: {reason}") from error
        self._pipeline.set_progress_bar_config(disable=True)

    def restore(self, occluded: Tensor, mask: Tensor | None) -> Tensor:
        """Restored (N, 3, H, W) in [0, 1]; one picture at a time, so that none depends on its neighbours."""
        import torch

        if self._pipeline is None or mask is None:
            raise RuntimeError("method 'diffusers' needs to be loaded and a mask")
        return torch.cat([self._one(occluded[i : i + 1], mask[i : i + 1]) for i in range(len(mask))]).to(occluded)

    def _one(self, image: Tensor, mask: Tensor) -> Tensor:
        import torch

        s = self.settings
        repaint = self.kind == REPAINT
        # RePaint's mask says what is known, and its pictures lie in [-1, 1].
        asked: dict[str, Any] = {
            "image": image * 2 - 1 if repaint else image, "mask_image": 1 - mask if repaint else mask,
            "num_inference_steps": s.steps, "guidance_scale": s.guidance, "strength": s.strength, "prompt": s.prompt,
            "negative_prompt": s.negative_prompt, "height": image.shape[2], "width": image.shape[3],
            "generator": torch.Generator("cpu").manual_seed(s.seed), "output_type": "np",
        }  # fmt: skip
        taken = inspect.signature(self._pipeline.__call__).parameters
        shown = self._pipeline(**{key: value for key, value in asked.items() if key in taken}).images
        return torch.from_numpy(shown).permute(0, 3, 1, 2)


def _kind(folder: Path) -> str:
    """The class of the pipeline in a folder. Raises ValueError where there is none, or one that does not inpaint."""
    index = folder / "model_index.json"
    try:
        kind = str(json.loads(index.read_text(encoding="utf-8"))["_class_name"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{folder} holds no model_index.json of a pipeline; save one by pipeline.save_pretrained('{folder}')"
        ) from error
    if kind not in (REPAINT, *HAVE_A_FORM) and not ("Inpaint" in kind or "Fill" in kind):
        raise ValueError(
            f"{folder} holds a {kind}, which does not inpaint; one with Inpaint or Fill in its name does, or RePaint"
        )
    return kind

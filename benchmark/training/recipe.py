"""A training recipe: everything that decides a training run, read from YAML, validated, hashed.

Where recipes live: ``methods/<id>/recipe.yaml`` (``<id>_recipe.yaml`` beside the plug-in where several share a folder)
holds one mapping per recipe: ``compact``, ``paper``, and named ablations. A recipe may say ``extends: compact``, or
``extends: ra_unet/compact`` for one of another plug-in, and give only what differs; mappings are merged key by key,
lists are replaced. A user's own file holds one recipe at its top level.

Four tasks share the room: ``restoration`` (occluded face to face), ``segmentation`` (occluded face to mask),
``embedding`` (face to identity vector) and ``generation`` (noise to face, the StyleGAN2 that an encoder needs).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from unmaskbench.benchmark.plugins.yaml_file import read_mapping
from unmaskbench.benchmark.training.holes import HoleJitter
from unmaskbench.benchmark.training.plugin_folder import recipe_file

Task = Literal["restoration", "segmentation", "embedding", "generation"]
Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]

LARGEST_RECIPE_BYTES = 1 << 20
TEACHING = ("identity", "verification")
"""Losses through which a matcher teaches."""


class RecipeError(ValueError):
    """A recipe that cannot be read; the message names the file, the key and what was expected."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class OcclusionShare(_Frozen):
    """One occlusion family, its parameters, and its share of the draws (relative to the other shares)."""

    id: str
    share: Positive = 1.0
    parameters: dict[str, Any] = Field(default_factory=dict)


class Augmentation(_Frozen):
    """Random changes of the whole face before it is occluded: the restoration task is the same for all of them.

    ``rotate_degrees``, ``scale`` and ``shift`` are the half-widths of uniform draws (scale and shift as shares of the
    image side); ``light`` the half-width of a brightness and contrast factor; ``flip`` mirrors half of the draws. Beyond the
    image's edge there is its mirror image, or with ``border: repeated`` its outermost pixels, as where a crop left a photograph.
    """

    flip: bool = True
    rotate_degrees: Annotated[float, Field(ge=0, le=90)] = 0.0
    scale: Annotated[float, Field(ge=0, lt=0.5)] = 0.0
    shift: Annotated[float, Field(ge=0, lt=0.5)] = 0.0
    border: Literal["mirrored", "repeated"] = "mirrored"
    light: Annotated[float, Field(ge=0, lt=1)] = 0.0
    colour: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Half-width of a factor per colour channel: lamps and cameras differ in white balance."""
    degrade: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Probability of blur, noise or a coarser sampling (embedding task only)."""


class Data(_Frozen):
    """Which faces, at which size. ``crop_px`` is the centre square taken from the source image, None for all of it."""

    size_px: Annotated[int, Field(ge=16, le=1024)] = 128
    crop_px: Annotated[int, Field(ge=16)] | None = 150
    occlusions: list[OcclusionShare] = Field(default_factory=list)
    clean_share: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of draws without any occlusion (mask of zeros)."""
    draws: Count | None = None
    """How many occlusions are drawn per face and then reused under ever new augmentation; None draws anew each epoch."""
    draw_seed: int = 0
    augmentation: Augmentation = Augmentation()
    hole: HoleJitter | None = None
    """How training holes differ from the cloth under them; None: not at all (validation never)."""
    train_limit: Count | None = None
    validation_limit: Count = 256
    workers: Annotated[int, Field(ge=0, le=64)] = 1
    parameters: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """Further parameters of a dataset's training split, by the dataset's id (how many heads are rendered, say)."""


class Coarse(_Frozen):
    """The first share of a restorer's run, at a smaller size: what a face is made of is learnt there at a fraction of the
    cost, and the rest of the run sharpens it (progressive resizing; a fully convolutional network takes both sizes).

    Images are averaged over ``factor`` x ``factor`` pixels; a pixel that holds any occluded one is occluded.
    """

    factor: Annotated[int, Field(ge=2, le=8)] = 2
    until: Annotated[float, Field(gt=0, lt=1)]


class LossTerm(_Frozen):
    """One term of the generator's loss: ``weight`` times the loss ``id`` with ``parameters``.

    ``start`` is the share of the run after which the term is switched on (an adversary is better met late).
    """

    id: str
    weight: Annotated[float, Field(ge=0)]
    parameters: dict[str, Any] = Field(default_factory=dict)
    start: Annotated[float, Field(ge=0, lt=1)] = 0.0
    output: str = "restored"
    """Which of the network's outputs the term sees, by the name that its method gives it. An output that is not of the face
    itself brings its truth with it, named ``<output>_truth``; a smaller one is compared with the truth at its size."""


class Adversary(_Frozen):
    """One discriminator and its game. ``sees`` is the output that it judges, ``view`` what of it.

    ``r1`` is the weight gamma of R1 (Mescheder et al. 2018), taken every ``r1_every`` steps and scaled up accordingly.
    """

    id: str
    parameters: dict[str, Any] = Field(default_factory=dict)
    game: Literal["bce", "hinge", "non_saturating", "least_squares", "wasserstein"] = "non_saturating"
    weight: Positive = 1.0
    feature_matching: Annotated[float, Field(ge=0)] = 0.0
    r1: Annotated[float, Field(ge=0)] = 0.0
    r1_every: Count = 1
    start: Annotated[float, Field(ge=0, lt=1)] = 0.0
    sees: str = "restored"
    view: Literal["raw", "composite"] = "raw"
    conditional: bool = False
    """Whether the occluded image and the mask are stacked behind the candidate (3 + 4 channels)."""
    known_is_real: bool = False
    """Whether patches of an output that see no missing pixel are to be called real (Suvorov et al. 2022, section 2.2.2)."""
    soft_mask_px: Annotated[float, Field(ge=0)] = 0.0
    """Sigma of the Gaussian that softens the mask before patches are to be called real by their known share (Zeng et al. 2022,
    section 3.2), for the game least_squares; 0 for none."""
    gradient_penalty: Annotated[float, Field(ge=0)] = 0.0
    """Weight of the gradient penalty in the hole, for the game wasserstein (Yu et al. 2018, eq. 3)."""

    @model_validator(mode="after")
    def _belongs(self) -> Adversary:
        if self.soft_mask_px and self.game != "least_squares":
            raise ValueError(f"soft_mask_px belongs to the game least_squares, not {self.game}")
        if self.known_is_real and self.game == "wasserstein":
            raise ValueError("known_is_real asks for a decision; the game wasserstein has none")
        return self


class Optimiser(_Frozen):
    """Adam for the generator and, at a rate of its own (TTUR, Heusel et al. 2017), for the discriminators."""

    rate: Positive = 1e-4
    discriminator_rate: Positive = 4e-4
    betas: tuple[float, float] = (0.9, 0.999)
    discriminator_betas: tuple[float, float] = (0.5, 0.99)
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    warmup_steps: Annotated[int, Field(ge=0)] = 0
    schedule: Literal["constant", "cosine"] = "constant"
    clip_norm: Positive | None = None


class Validation(_Frozen):
    """Validation with the benchmark's own metrics: every ``every`` steps on the EMA weights, composite output.

    ``metrics`` are ``metric/region`` names, or one of the task's own (``iou``, ``accuracy``, ``similarity/<matcher>``).
    ``best`` decides which weights are kept, ``best_direction`` whether more of it is better.
    """

    every: Count = 500
    batch: Count = 32
    metrics: list[str] = Field(default_factory=lambda: ["psnr/hole", "ssim/hole"])
    best: str = "psnr/hole"
    best_direction: Literal["higher", "lower"] = "higher"


class Network(_Frozen):
    """Which network the method builds: its ``size`` and further ``settings`` of its constructor."""

    size: str = "compact"
    settings: dict[str, Any] = Field(default_factory=dict)
    start_from: str | None = None
    """A weight file (relative to the recipe's method) to start from instead of a random initialisation."""


class Recipe(_Frozen):
    """One training run. ``steps`` counts generator updates, ``batch`` is the global batch over all processes."""

    name: str
    method: str
    task: Task = "restoration"
    notes: str = ""
    assumptions: list[str] = Field(default_factory=list)
    seed: int = 0
    steps: Count
    batch: Count
    precision: Literal["fp32", "bf16"] = "fp32"
    network: Network = Network()
    data: Data = Data()
    coarse: Coarse | None = None
    losses: list[LossTerm] = Field(default_factory=list)
    adversaries: list[Adversary] = Field(default_factory=list)
    optimiser: Optimiser = Optimiser()
    ema: Annotated[float, Field(ge=0, lt=1)] = 0.999
    """Decay of the moving average of the weights, which is validated and ships; 0 ships the weights as they are."""
    validation: Validation = Validation()
    checkpoint_every: Count = 500
    log_every: Count = 50
    options: dict[str, Any] = Field(default_factory=dict)
    """What only one task or method knows (teacher of a distillation, style mixing, ...)."""

    @model_validator(mode="after")
    def _complete(self) -> Recipe:
        if self.task == "restoration" and not (self.losses or self.adversaries):
            raise ValueError("a restoration recipe needs at least one loss")
        if self.task in ("restoration", "segmentation") and not self.data.occlusions:
            raise ValueError(f"a {self.task} recipe needs at least one entry in data.occlusions")
        if self.coarse and (self.task != "restoration" or self.data.size_px % self.coarse.factor):
            raise ValueError(
                f"coarse steps are for restorers and need a factor that divides data.size_px ({self.data.size_px})"
            )
        return self

    def replaced(self, **changes: Any) -> Recipe:
        """The recipe with top-level keys changed, validated anew."""
        return Recipe.model_validate({**self.model_dump(), **changes})

    def canonical(self) -> str:
        """What decides the run, as canonical JSON; notes do not count."""
        content = self.model_dump(mode="json", exclude={"notes", "assumptions", "checkpoint_every", "log_every"})
        if content["coarse"] is None:
            # Recipes from before these fields keep the hash that their weights' cards state.
            del content["coarse"]
        if not content["data"]["parameters"]:
            del content["data"]["parameters"]
        if content["data"]["hole"] is None:
            del content["data"]["hole"]
        if not content["data"]["augmentation"]["colour"]:
            del content["data"]["augmentation"]["colour"]
        if content["data"]["augmentation"]["border"] == "mirrored":
            del content["data"]["augmentation"]["border"]
        for adversary in content["adversaries"]:
            for key in ("known_is_real", "soft_mask_px", "gradient_penalty"):
                if not adversary[key]:
                    del adversary[key]
        return json.dumps(content, sort_keys=True, separators=(",", ":"))

    @property
    def hash(self) -> str:
        """sha256 of the canonical recipe, 64 hex digits."""
        return hashlib.sha256(self.canonical().encode()).hexdigest()

    @property
    def teachers(self) -> tuple[str, ...]:
        """Matchers that take part in this training, and so are no independent judges of its result, sorted."""
        named = {str(term.parameters.get("teacher", "edgeface")) for term in self.losses if term.id in TEACHING}
        if "teacher" in self.options:
            named.add(str(self.options["teacher"]))
        # The compact matcher learnt from EdgeFace: what it teaches comes from both.
        return tuple(sorted(named | ({"edgeface"} if "compact" in named else set())))


def load_recipe(method: str, recipe: str | Path) -> Recipe:
    """The recipe called ``recipe`` of ``method``, or the one in the YAML file ``recipe``.

    Raises RecipeError, with the names that exist, where there is none, and with the key where a value does not fit.
    """
    path = Path(recipe)
    if path.suffix in (".yaml", ".yml"):
        content = _read(path)
        content.setdefault("name", path.stem)
        if "extends" in content:
            try:
                base = _base(method, str(content.pop("extends")), ())
            except RecipeError as error:
                raise RecipeError(f"{path}: extends: {error}") from error
            content = merged(base, content)
    else:
        content = _section(method, str(recipe), ())
        path = recipe_file(method) or path
    content.setdefault("method", method)
    return parse(content, str(path))


def recipe_names(method: str) -> list[str]:
    """The recipes that ship with ``method``, in the order of its file; empty where it has none."""
    path = recipe_file(method)
    return list(_read(path)) if path is not None and path.is_file() else []


def parse(content: Mapping[str, Any], source: str) -> Recipe:
    """A recipe from a mapping; RecipeError names the first keys of ``source`` that do not fit."""
    try:
        return Recipe.model_validate(dict(content))
    except ValidationError as error:
        details = [
            f"key '{'.'.join(str(part) for part in detail['loc']) or '(top)'}': {detail['msg']}"
            for detail in error.errors()[:5]
        ]
        raise RecipeError(f"{source}: " + "; ".join(details)) from error


def merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """``base`` with ``changes`` laid over it: mappings key by key, everything else replaced."""
    result = dict(base)
    for key, value in changes.items():
        inner = result.get(key)
        result[key] = merged(inner, value) if isinstance(inner, Mapping) and isinstance(value, Mapping) else value
    return result


def _section(method: str, name: str, chain: tuple[str, ...]) -> dict[str, Any]:
    path = recipe_file(method)
    if path is None:
        raise RecipeError(f"there is nothing to train in '{method}'")
    if not path.is_file():
        raise RecipeError(f"'{method}' ships no recipe ({path} is not there); pass a YAML file of your own")
    sections = _read(path)
    if name not in sections:
        raise RecipeError(f"'{method}' has no recipe '{name}'; {path} has {', '.join(sections)}")
    step = f"{method}/{name}"
    if step in chain:
        raise RecipeError(f"{path}: recipes extend each other in a circle: {' -> '.join((*chain, step))}")
    content = dict(sections[name])
    if "extends" in content:
        content = merged(_base(method, str(content.pop("extends")), (*chain, step)), content)
    return {**content, "name": name, "method": method}


def _base(method: str, extends: str, chain: tuple[str, ...]) -> dict[str, Any]:
    """What ``extends`` names: a recipe of ``method``, or ``other/recipe``. Its own method and name stay behind."""
    other, _, name = extends.rpartition("/")
    content = _section(other or method, name, chain)
    return {key: value for key, value in content.items() if key not in ("method", "name")}


def _read(path: Path) -> dict[str, Any]:
    try:
        return read_mapping(path, "recipe", LARGEST_RECIPE_BYTES)
    except ValueError as error:
        raise RecipeError(str(error)) from error

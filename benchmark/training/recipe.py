"""A training recipe: everything that decides a training run, read from YAML, validated, hashed.

Four tasks share the room: ``restoration`` (occluded face to face), ``segmentation`` (occluded face to mask),
``embedding`` (face to identity vector) and ``generation`` (noise to face, the StyleGAN2 that an encoder needs).
"""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from unmaskbench.benchmark.plugins.json_types import JsonObject
from unmaskbench.benchmark.training.holes import HoleJitter

Task = Literal["restoration", "segmentation", "embedding", "generation"]
Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]

TEACHING = ("identity", "verification")
"""Losses through which a matcher teaches."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class OcclusionShare(_Frozen):
    """One occlusion family, its parameters, and its share of the draws (relative to the other shares)."""

    id: str
    share: Positive = 1.0
    parameters: JsonObject = Field(default_factory=dict)


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
    validate_on: list[str] = Field(default_factory=list)
    """Datasets, by id, that choose the weights and are not trained on; the others then train alone. None: all do both."""
    parameters: dict[str, JsonObject] = Field(default_factory=dict)
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
    parameters: JsonObject = Field(default_factory=dict)
    start: Annotated[float, Field(ge=0, lt=1)] = 0.0
    output: str = "restored"
    """Which of the network's outputs the term sees, by the name that its method gives it. An output that is not of the face
    itself brings its truth with it, named ``<output>_truth``; a smaller one is compared with the truth at its size."""
    turn: str = ""
    """Terms that name the same turn share the steps: each step draws one of them, each as likely. Several teachers then
    cost as much as one."""


class Adversary(_Frozen):
    """One discriminator and its game. ``sees`` is the output that it judges, ``view`` what of it.

    ``r1`` is the weight gamma of R1 (Mescheder et al. 2018), taken every ``r1_every`` steps and scaled up accordingly.
    """

    id: str
    parameters: JsonObject = Field(default_factory=dict)
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


class ValidationSettings(_Frozen):
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
    settings: JsonObject = Field(default_factory=dict)
    start_from: str | Annotated[list[str], Field(min_length=2)] | None = None
    """A weight file (relative to the recipe's method) to start from instead of a random initialisation. Of several the mean
    is taken: runs that started from one another meet half-way (Wortsman et al. 2022, Robust fine-tuning)."""

    @property
    def starts(self) -> list[str]:
        """The weight files to start from; empty for a random initialisation."""
        return [self.start_from] if isinstance(self.start_from, str) else list(self.start_from or ())


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
    validation: ValidationSettings = ValidationSettings()
    checkpoint_every: Count = 500
    log_every: Count = 50
    options: JsonObject = Field(default_factory=dict)
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
        if not content["data"]["validate_on"]:
            del content["data"]["validate_on"]
        if not content["data"]["parameters"]:
            del content["data"]["parameters"]
        if content["data"]["hole"] is None:
            del content["data"]["hole"]
        if not content["data"]["augmentation"]["colour"]:
            del content["data"]["augmentation"]["colour"]
        if content["data"]["augmentation"]["border"] == "mirrored":
            del content["data"]["augmentation"]["border"]
        for term in content["losses"]:
            if not term["turn"]:
                del term["turn"]
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

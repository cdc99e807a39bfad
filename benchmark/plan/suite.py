"""A suite: everything that can change a number, read from YAML, validated, frozen.

``load_suite("quick")`` reads a suite of the package, ``load_suite("my.yaml")`` a user's file. A wrong key or value is a
SuiteError that names the file, the key and the legal values.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from unmaskbench.benchmark.plugins.file_plugin import REFERENCE, is_reference
from unmaskbench.benchmark.plugins.json_types import JsonMapping, JsonObject
from unmaskbench.benchmark.plugins.types import Output, Region
from unmaskbench.benchmark.plugins.yaml_file import read_mapping

LABEL = re.compile(r"^[A-Za-z0-9_.+@-]{1,80}$")
# A file with a suffix, then what it is to be called; the suffix tells a label from a path that has an equals sign.
_FILE = re.compile(r"(?P<source>.+?\.\w+)(?:=(?P<label>[A-Za-z0-9_.+@-]+))?")
_FILE_WITH_PRESET = re.compile(r"(?P<source>.+?\.\w+)(?:@(?P<preset>\w+))?(?:=(?P<label>[A-Za-z0-9_.+@-]+))?")
_NAMED_CLASS = re.compile(rf"(?P<reference>{REFERENCE.pattern})=(?P<label>[A-Za-z0-9_.+@-]+)")
LIMIT_BYTES = 1_000_000
SUITES = Path(__file__).parent / "suites"


class SuiteError(ValueError):
    """A suite that cannot be used; the message names file, key and legal values."""


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Entry(_Frozen):
    """A plug-in by ``id`` with its ``parameters``; ``label`` is the name of its rows (the id where it is not given)."""

    id: str
    label: str = ""
    parameters: JsonObject = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: object) -> object:
        return {"id": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _fill_label(self) -> Entry:
        if not self.label:
            object.__setattr__(self, "label", default_label(self.id))
        if not LABEL.match(self.label) or not self.label.strip("."):
            raise ValueError(f"label '{self.label}' may hold letters, digits and _ . + @ - only (at most 80)")
        return self

    @field_validator("parameters")
    @classmethod
    def _plain_parameters(cls, value: JsonObject) -> JsonObject:
        try:
            json.dumps(value, allow_nan=False)
        except (TypeError, ValueError, RecursionError) as error:
            raise ValueError(
                f"may hold texts, finite numbers, true, false, null, lists and mappings only: {error}"
            ) from error
        return value


class FaceSquare(_Frozen):
    """The square around a face by its landmarks: 2.5 eye distances, and ``margin`` of that more on each side; turned upright
    with ``roll``."""

    margin: Annotated[float, Field(ge=0, le=2)] = 0.2
    roll: bool = True


class Crop(_Frozen):
    """The one crop rule: none, the centre ``centre_px`` square of the source image, or the square around the ``face``; then
    a resize to ``size``. ``crop: face`` is short for ``{face: {}}``."""

    centre_px: Annotated[int, Field(ge=16)] | None = None
    face: FaceSquare | None = None

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        return {"face": {}} if value == "face" else value

    @model_validator(mode="after")
    def _one_rule(self) -> Crop:
        if self.centre_px is not None and self.face is not None:
            raise ValueError("centre_px and face are two rules; give one")
        return self

    @property
    def signature(self) -> str:
        """The rule in one word, for the geometry that every value depends on."""
        if self.face is not None:
            return f"face:{self.face.margin:g}:{'upright' if self.face.roll else 'as-it-is'}"
        return "none" if self.centre_px is None else f"{self.centre_px}px"


class DatasetEntry(Entry):
    """A dataset: its split, a ``crop`` of its own where the suite's does not fit it, and, for tests of the whole, ``limit``
    samples (whole identities in a hashed order)."""

    split: str = "test"
    root: str | None = None
    crop: Crop | None = None
    limit: Annotated[int, Field(ge=1)] | None = None


class MethodEntry(Entry):
    """A method, or a chain ``a+b``. ``mask_source`` says where its mask comes from; blind methods get none.

    ``id: predictions:FOLDER`` is short for ``{id: predictions, parameters: {source: FOLDER}}``.
    """

    mask_source: str = ""

    @model_validator(mode="before")
    @classmethod
    def _source_form(cls, value: object) -> object:
        return with_source(value)

    @field_validator("mask_source")
    @classmethod
    def _known_source(cls, value: str) -> str:
        if value and value != "oracle" and not value.startswith("predicted"):
            raise ValueError(f"mask_source '{value}' is neither oracle, predicted nor predicted:SEGMENTER")
        return value


class MatcherEntry(Entry):
    """A matcher. ``onnx:FILE@PRESET=LABEL`` is short for ``{id: onnx, label: LABEL, parameters: {source: FILE, preset:
    PRESET}}``; preset and label may be left out."""

    @model_validator(mode="before")
    @classmethod
    def _source_form(cls, value: object) -> object:
        return with_source(value, presets=True)


class MetricEntry(Entry):
    """A metric. ``ssim:y`` is another way to write the variant ``ssim_y``, which is a metric of its own."""

    @model_validator(mode="before")
    @classmethod
    def _variant_form(cls, value: object) -> object:
        value = {"id": value} if isinstance(value, str) else value
        if isinstance(value, dict) and isinstance(value.get("id"), str) and not is_reference(value["id"]):
            return {**value, "id": value["id"].replace(":", "_")}
        return value


class Pairs(_Frozen):
    """Verification trials: the dataset's ``official`` list, or all genuine pairs up to ``genuine_per_identity`` a person
    with ``impostors`` sampled by seed (or ``all`` of them)."""

    official: bool = False
    genuine_per_identity: Annotated[int, Field(ge=1)] = 50
    impostors: Annotated[int, Field(ge=1)] | Literal["all"] = 1_000_000


class Statistics(_Frozen):
    """Bootstrap over identities; ``allowed_failures`` is the share of samples that a method may lack and still be ranked
    by image metrics, with the worst value in place of them."""

    resamples: Annotated[int, Field(ge=100, le=100_000)] = 2000
    level: Annotated[float, Field(gt=0.5, lt=1.0)] = 0.95
    allowed_failures: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0


class Suite(_Frozen):
    """Everything that can change a number of a run."""

    name: str
    title: str = ""
    notes: str = ""
    datasets: list[DatasetEntry] = Field(min_length=1)
    crop: Crop = Crop()
    size: Annotated[int, Field(ge=16, le=1024)] = 128
    occlusions: list[Entry] = Field(min_length=1)
    methods: list[MethodEntry] = Field(min_length=1)
    mask_source: Literal["oracle", "predicted", "both"] = "oracle"
    segmenter: str = "segmenter"
    outputs: list[Output] = Field(default=["raw", "composite"], min_length=1)
    metrics: list[MetricEntry] = Field(default_factory=list)
    regions: list[Region] = Field(default=["whole", "hole"], min_length=1)
    matchers: list[MatcherEntry] = Field(default_factory=list)
    matcher_outputs: list[Output] = Field(default=["composite"], min_length=1)
    landmarks: Literal["truth", "detected", "detected:insightface"] = "truth"
    pairs: Pairs = Pairs()
    fmr_targets: list[Annotated[float, Field(gt=0, lt=1)]] = [1e-2, 1e-3, 1e-4]
    precision: Literal["fp32", "bf16"] = "fp32"
    seed: int = 0
    statistics: Statistics = Statistics()
    slice_by: list[str] = Field(default_factory=list)
    shard_size: Annotated[int, Field(ge=1, le=4096)] = 64
    batch_size: Annotated[int, Field(ge=1, le=1024)] = 16
    gallery: Annotated[int, Field(ge=0, le=200)] = 12

    @field_validator("name")
    @classmethod
    def _plain_name(cls, value: str) -> str:
        if not LABEL.match(value) or not value.strip("."):
            raise ValueError("a suite's name may hold letters, digits and _ . + @ - only (at most 80)")
        return value

    @model_validator(mode="after")
    def _distinct(self) -> Suite:
        for key in ("datasets", "occlusions", "methods", "metrics", "matchers"):
            labels = [entry.label for entry in getattr(self, key)]
            twice = sorted({label for label in labels if labels.count(label) > 1})
            if twice:
                remedy = "take one out" if key == "metrics" else "give one of them another label"
                raise ValueError(f"{key}: '{twice[0]}' stands twice; {remedy}")
        for entry in self.metrics:
            if entry.label != default_label(entry.id):
                raise ValueError(f"metrics: '{entry.id}' cannot be called '{entry.label}'; a metric's rows bear its id")
        for key in ("outputs", "matcher_outputs", "regions", "fmr_targets", "slice_by"):
            values = getattr(self, key)
            if len(set(values)) < len(values):
                raise ValueError(f"{key}: a value stands twice in {values}")
        return self

    def replaced(self, **changes: Any) -> Suite:
        """A suite with some fields changed, validated anew. Raises SuiteError."""
        return parse({**self.model_dump(), **changes}, f"suite '{self.name}'")

    @property
    def detector(self) -> str:
        """The detector that finds landmarks anew on every image; "" where the truth's are taken."""
        return "" if self.landmarks == "truth" else self.landmarks.partition(":")[2] or "yunet"

    def hash(self) -> str:
        """sha256 of the suite's content."""
        return digest(self.model_dump(mode="json"))

    def samples_hash(self) -> str:
        """sha256 of what decides the samples: datasets, geometry, occlusions. Runs of one folder share it."""
        keys = ("datasets", "crop", "size", "occlusions", "seed", "shard_size")
        content = self.model_dump(mode="json")
        return digest({key: content[key] for key in keys})


def with_source(value: object, presets: bool = False) -> object:
    """An entry in its long form, where it is written as ``ID:SOURCE``, ``ID:FILE=LABEL`` or ``FILE.py:CLASS=LABEL``; with
    ``presets`` also ``ID:FILE@PRESET``. Raises ValueError where it is no entry."""
    if isinstance(value, str):
        value = {"id": value}
    if not isinstance(value, dict) or not isinstance(value.get("id"), str):
        return value
    name, _, source = value["id"].partition(":")
    named = _NAMED_CLASS.fullmatch(value["id"])
    if named is not None:
        return {**value, "id": named["reference"], "label": value.get("label") or named["label"]}
    if not _has_source(value["id"]):
        return value
    given = value.get("parameters") or {}
    if not isinstance(given, dict):
        raise ValueError(f"parameters must be a mapping, not {type(given).__name__}")
    parameters, label = {**given, "source": source}, ""
    found = (_FILE_WITH_PRESET if presets else _FILE).fullmatch(source)
    if found is not None:
        parameters |= {key: held for key, held in found.groupdict().items() if held and key != "label"}
        label = found["label"] or ""
    label = value.get("label") or label or f"{name}-{default_label(Path(str(parameters['source'])).stem)}"
    return {**value, "id": name, "label": label, "parameters": parameters}


def _has_source(name: str) -> bool:
    """Whether an id is ``ID:SOURCE``; a class in a file has a colon too."""
    return ":" in name and not any(is_reference(part) for part in name.split("+"))


def default_label(text: str) -> str:
    """A legal label near ``text``; of ``folder/FILE.py:CLASS`` it is FILE.CLASS."""
    parts = [REFERENCE.fullmatch(part) for part in text.split("+")]
    if any(parts):
        text = "+".join(
            part if found is None else f"{Path(found['path']).stem}.{found['cls']}"
            for part, found in zip(text.split("+"), parts, strict=True)
        )
    return re.sub(r"[^A-Za-z0-9_.+@-]", "-", text)[:80] or "unnamed"


def digest(content: object) -> str:
    """sha256 of a JSON-able value in canonical form."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def names() -> list[str]:
    """Names of the suites that ship."""
    return sorted(path.stem for path in SUITES.glob("*.yaml"))


def load_suite(name_or_file: str | Path) -> Suite:
    """A suite by its name or from a YAML file (read with ``safe_load``). Raises SuiteError."""
    path = suite_path(name_or_file)
    return parse(read_suite(path), str(path))


def suite_path(name_or_file: str | Path) -> Path:
    """The file of a suite, given by its name or itself. Raises SuiteError with the nearest name."""
    path = Path(name_or_file)
    if path.suffix not in (".yaml", ".yml"):
        path = SUITES / f"{name_or_file}.yaml"
        if not path.is_file():
            near = difflib.get_close_matches(str(name_or_file), names(), n=1, cutoff=0.5)
            hint = f"; did you mean '{near[0]}'?" if near else "."
            raise SuiteError(f"unknown suite '{name_or_file}'{hint} (bench list suites, or give a .yaml file)")
    return path


def read_suite(path: Path) -> JsonObject:
    """The mapping in a suite's file, not validated. Raises SuiteError."""
    try:
        return read_mapping(path, "suite", LIMIT_BYTES, aliases=False)
    except ValueError as error:
        raise SuiteError(str(error)) from error


def problems(content: object) -> list[str]:
    """Everything that is wrong with a suite's mapping by itself, a sentence each; [] for a valid one."""
    try:
        Suite.model_validate(content)
    except ValidationError as error:
        return [_explain(detail) for detail in error.errors()]
    return []


def parse(content: object, source: str) -> Suite:
    """A suite from a mapping; ``source`` is named in errors. Raises SuiteError."""
    if not isinstance(content, Mapping):
        raise SuiteError(f"{source}: a suite is a mapping of keys, not {type(content).__name__}")
    try:
        return Suite.model_validate(dict(content))
    except ValidationError as error:
        raise SuiteError(f"{source}: " + "; ".join(_explain(detail) for detail in error.errors()[:5])) from error


def _explain(detail: JsonMapping) -> str:
    where = ".".join(str(part) for part in detail["loc"])
    if detail["type"] == "extra_forbidden":
        legal = sorted(_fields_at(detail["loc"]))
        near = difflib.get_close_matches(str(detail["loc"][-1]), legal, n=1, cutoff=0.5)
        hint = f"did you mean '{near[0]}'? " if near else ""
        return f"unknown key '{where}'; {hint}legal keys: {', '.join(legal)}"
    got = repr(detail.get("input"))
    return f"key '{where or '(top)'}': {detail['msg']} (got {got[:80]})"


def _fields_at(loc: Sequence[Any]) -> set[str]:
    model: Any = Suite
    nested = {
        "datasets": DatasetEntry, "methods": MethodEntry, "occlusions": Entry, "metrics": MetricEntry,
        "matchers": MatcherEntry,
        "crop": Crop, "face": FaceSquare, "pairs": Pairs, "statistics": Statistics,
    }  # fmt: skip
    if len(loc) > 1 and loc[0] in nested:
        model = nested[loc[0]]
    return set(model.model_fields)

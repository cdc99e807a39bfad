"""The entries of a suite: a plug-in each by its id, with its parameters, its label, and what its kind has besides."""

from __future__ import annotations

import json
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from unmaskbench.benchmark.host.text import hidden_in, shown
from unmaskbench.benchmark.plan.named_source import (
    LABEL,
    bare_file,
    default_label,
    has_source,
    label_of,
    named_class,
    split_preset,
    split_source,
)
from unmaskbench.benchmark.plugins.file_plugin import is_reference
from unmaskbench.benchmark.plugins.json_types import JsonObject


class Frozen(BaseModel):
    """A part of a suite: no key beyond its own, and nothing that changes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Entry(Frozen):
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
        if not LABEL.fullmatch(self.label) or not self.label.strip("."):
            raise ValueError(f"label {shown(self.label)} may hold letters, digits and _ . + @ - only (at most 80)")
        return self

    @field_validator("id")
    @classmethod
    def _visible(cls, value: str) -> str:
        if hidden := hidden_in(value):
            raise ValueError(f"{shown(value)} holds {hidden}, which cannot be seen; take it out")
        return value

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


class FaceSquare(Frozen):
    """The square around a face by its landmarks: 2.5 eye distances, and ``margin`` of that more on each side; turned upright
    with ``roll``."""

    margin: Annotated[float, Field(ge=0, le=2)] = 0.2
    roll: bool = True


class Crop(Frozen):
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

    ``id: predictions:FOLDER=LABEL`` is short for ``{id: predictions, label: LABEL, parameters: {source: FOLDER}}``.
    """

    mask_source: str = ""

    @model_validator(mode="before")
    @classmethod
    def _source_form(cls, value: object) -> object:
        if isinstance(value, str):
            value = {"id": value}
        if isinstance(value, dict) and isinstance(value.get("id"), str) and (sentence := bare_file(value["id"])):
            raise ValueError(sentence)
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


def with_source(value: object, presets: bool = False) -> object:
    """An entry in its long form, where it is written as ``ID:SOURCE``, ``ID:FILE=LABEL`` or ``FILE.py:CLASS=LABEL``; with
    ``presets`` also ``ID:FILE@PRESET``. Raises ValueError where it is no entry."""
    if isinstance(value, str):
        value = {"id": value}
    if not isinstance(value, dict) or not isinstance(value.get("id"), str):
        return value
    if (named := named_class(value["id"])) is not None:
        reference, label = named
        return {**value, "id": reference, "label": value.get("label") or label}
    if not has_source(value["id"]):
        return value
    given = value.get("parameters") or {}
    if not isinstance(given, dict):
        raise ValueError(f"parameters must be a mapping, not {type(given).__name__}")
    name, source, label = split_source(value["id"])
    source, preset = split_preset(source) if presets else (source, "")
    parameters = {**given, "source": source, **({"preset": preset} if preset else {})}
    return {
        **value,
        "id": name,
        "label": value.get("label") or label or label_of(name, source),
        "parameters": parameters,
    }

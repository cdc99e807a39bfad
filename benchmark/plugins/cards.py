"""The cards: what is known of a plug-in without building or loading it. No heavy library is imported here."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal, get_args

from unmaskbench.benchmark.host.text import hidden_in, shown

Region = Literal["whole", "hole", "known", "border"]
Kind = Literal["full_reference", "no_reference", "set", "segmentation"]
Direction = Literal["higher", "lower"]
REGIONS, KINDS, DIRECTIONS = get_args(Region), get_args(Kind), get_args(Direction)
MANY_LINES = ("notes", "layout", "bibtex", "assumptions")
NO_TRUTH = "no truth here"
"""Why a full-reference metric has no value: nobody knows the pixels behind a mask that was worn."""
# How far beyond its range a metric's value may lie for being computed in floating point.
ROUNDING = 1e-4


class _Readable:
    """A card whose texts can be seen: whatever prints one need not ask whether it hides something."""

    def __post_init__(self) -> None:
        """Raises ValueError for a text with a character that cannot be seen; notes, layouts and BibTeX may have lines."""
        for part in fields(self):  # type: ignore[arg-type]  # every card is a dataclass
            value = getattr(self, part.name)
            for text in value if isinstance(value, tuple | list) else (value,):
                lines = part.name in MANY_LINES
                if isinstance(text, str) and (hidden := hidden_in(text, lines)):
                    raise ValueError(
                        f"the card's {part.name} {shown(text)} holds {hidden}: a card's texts are all visible"
                    )


@dataclass(frozen=True)
class MethodCard(_Readable):
    """What is known of a method without loading it; read from ``card.yaml`` or written beside a classical method.

    ``native_size`` is the (square) size in pixels that the network wants, None for any; ``size_multiple`` is what the
    sides must be divisible by. ``parameters_claimed`` is what the paper states, in parameters. ``trained_with`` names the
    matchers that took part in training: they are not independent judges of this method.
    """

    id: str
    title: str
    needs_mask: bool
    provenance: Literal["official-weights", "reimplemented", "classical", "predictions-only", "user-model"]
    paper: str = ""
    bibtex: str = ""
    year: int | None = None
    code_licence: str = "Apache-2.0"
    weights_licence: str = ""
    native_size: int | None = None
    size_multiple: int = 1
    parameters_claimed: int | None = None
    needs_ids: bool = False
    trained_with: tuple[str, ...] = ()
    assumptions: tuple[str, ...] = ()
    notes: str = ""


@dataclass(frozen=True)
class DatasetCard(_Readable):
    """What a dataset is, where it comes from and under which licence; ``layout`` tells the files that ``root`` holds.

    ``needs_root``: it reads the user's files, so that there is nothing of it without ``root``.
    """

    id: str
    title: str
    licence: str
    source: str
    layout: str = ""
    needs_root: bool = False
    bibtex: str = ""
    splits: tuple[str, ...] = ("test",)
    attributes: tuple[str, ...] = ()
    notes: str = ""


@dataclass(frozen=True)
class OcclusionCard(_Readable):
    """What an occlusion draws and the paper that it comes from.

    ``worn``: it draws nothing, for the photographs show masks that people wear. Nobody knows the pixels behind them, and where
    no mask was given the hole must be found.
    """

    id: str
    title: str
    source: str
    needs_landmarks: bool = True
    notes: str = ""
    worn: bool = False


@dataclass(frozen=True)
class MetricCard(_Readable):
    """A metric's facts. ``kind`` decides how it is called; ``direction`` says which way is better.

    ``regions`` are those on which the metric has a meaning. ``signature`` names every choice that can change the value;
    values with different signatures are never put in one column. ``minimum_size`` is the smallest side in pixels.
    ``infinity`` says what an infinite value means: itself, or that no face was found.
    """

    id: str
    title: str
    kind: Kind
    direction: Direction
    range: tuple[float, float]
    signature: str
    unit: str = ""
    regions: tuple[Region, ...] = ("whole",)
    minimum_size: int = 1
    source: str = ""
    notes: str = ""
    infinity: Literal["value", "failed_detect"] = "value"

    def __post_init__(self) -> None:
        """Raises ValueError for a kind, direction, range or region that there is not: no run could make sense of it."""
        super().__post_init__()
        choices: dict[str, tuple[str, tuple[str, ...]]] = {
            "kind": (self.kind, KINDS),
            "direction": (self.direction, DIRECTIONS),
        }
        choices |= {f"regions[{place}]": (region, REGIONS) for place, region in enumerate(self.regions)}
        for key, (value, legal) in choices.items():
            if value not in legal:
                raise ValueError(f"metric '{self.id}': {key} is {value!r}, none of {', '.join(legal)}")
        if len(self.range) != 2 or not self.range[0] < self.range[1]:
            raise ValueError(f"metric '{self.id}': range must be two numbers, low then high, got {self.range!r}")

    def refusal(self, value: float) -> str:
        """A sentence where a value lies outside ``range`` by more than rounding, else "": either the value or the card is
        wrong, and neither may be ranked."""
        low, high = self.range
        if low - ROUNDING <= value <= high + ROUNDING:
            return ""
        return f"{self.id} gave {value:.6g}, outside the range of its card [{low:g}, {high:g}]"

    def fate(self, value: float) -> tuple[str, str, float | None]:
        """Status, message and what is kept of a value. NaN means that the metric has no meaning here: skipped. A value outside
        ``range``, or an infinite one that stands for a face that was not found, is a failure."""
        of_faces = self.infinity == "failed_detect"
        if value != value:
            return "skipped", "the truth shows no face" if of_faces else "the region is empty", None
        if of_faces and value == float("inf"):
            return "failed_detect", "no face is found", None
        refusal = self.refusal(value)
        return ("failed_score", refusal, None) if refusal else ("ok", "", value)


@dataclass(frozen=True)
class MatcherCard(_Readable):
    """A face matcher's facts; ``dimension`` is the length of an embedding.

    ``needs_landmarks`` False: it is asked of faces that no landmarks were found on, too. ``needs_names``: it looks up and
    does not see; it is given each picture's name beside its pixels.
    """

    id: str
    title: str
    dimension: int
    licence: str
    source: str
    signature: str
    distilled_from: tuple[str, ...] = ()
    needs_landmarks: bool = True
    needs_names: bool = False
    notes: str = ""


@dataclass(frozen=True)
class Missing:
    """Something that a plug-in needs and that is not here: a package extra or a weight file, with the remedy."""

    kind: Literal["extra", "weights", "data"]
    name: str
    remedy: str

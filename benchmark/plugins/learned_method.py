"""What every learned method has in common: its card from ``card.yaml``, its network, its weights and where they lie.

Weights ship beside the method, ``weights/<method>_<recipe>.safetensors`` with ``.card.yaml``; a file of the same name in the
weights search path (the user's cache, which training fills) comes second. Each file says in its metadata which network it
is for, so that an ablation or another size loads without being told.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from unmaskbench.benchmark.plugins.json_types import JsonMapping, JsonObject
from unmaskbench.benchmark.plugins.network_method import NetworkMethod
from unmaskbench.benchmark.plugins.types import MethodCard, Missing
from unmaskbench.benchmark.plugins.weights.files import search_path
from unmaskbench.benchmark.plugins.yaml_file import read_mapping

if TYPE_CHECKING:
    from torch import Tensor, nn


def read_method_card(path: Path) -> MethodCard:
    """The card in a YAML file, with the teachers of the weights that ship beside it.

    Raises ValueError that names the file where it is broken or holds a key that a card has not.
    """
    content = read_mapping(path, "card")
    card_keys = {field.name for field in fields(MethodCard)}
    unknown = sorted(set(map(str, content)) - card_keys)
    if unknown:
        raise ValueError(f"{path}: a method's card has no {', '.join(unknown)}; it has {', '.join(sorted(card_keys))}")
    for key in ("assumptions", "trained_with"):
        if key in content:
            content[key] = tuple(content[key]) if isinstance(content[key], list) else content[key]
    try:
        card = MethodCard(**content)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path}: {error}") from error
    trained = training_card(card.id, "compact", path.parent)
    return replace(card, trained_with=tuple(trained.get("teachers", ()))) if trained else card


def file_name(plugin: str, recipe: str) -> str:
    """The file name of the weights that ``recipe`` trains for ``plugin``."""
    return f"{plugin}_{recipe}.safetensors"


def locate(plugin: str, recipe: str, folder: Path) -> Path | None:
    """The weights of ``plugin``: shipped in ``folder``/weights, else in the weights search path; None where absent."""
    for place in (folder / "weights", *search_path()):
        path = place / file_name(plugin, recipe)
        if path.is_file():
            return path
    return None


def weight_paths(plugin: str, folder: Path) -> list[Path]:
    """The weights of every recipe of ``plugin``, shipped or trained here."""
    return sorted(
        path for place in (folder / "weights", *search_path()) for path in place.glob(f"{plugin}_*.safetensors")
    )


def training_card(plugin: str, recipe: str, folder: Path) -> JsonObject:
    """The model card of the weights that would be loaded; empty where there are none or they came without.

    Raises ValueError that names the card where it is broken.
    """
    path = locate(plugin, recipe, folder)
    card = path.with_suffix(".card.yaml") if path is not None else None
    return read_mapping(card, "card") if card is not None and card.is_file() else {}


def metadata_of(path: Path) -> dict[str, str]:
    """A safetensors file's metadata; empty for other files. Raises WeightsError where it is damaged."""
    if path.suffix != ".safetensors":
        return {}
    from safetensors import SafetensorError, safe_open

    from unmaskbench.benchmark.plugins.weights.loading import WeightsError

    try:
        with safe_open(str(path), framework="pt") as file:
            return dict(file.metadata() or {})
    except (SafetensorError, ValueError, RuntimeError) as error:
        raise WeightsError(f"{path}: not a readable safetensors file ({error}); fetch it again") from error


# Channels, layers and sides: more is no network of this package, and building even its outline would take for ever.
LARGEST_SETTING = 8192


def _described(path: Path) -> tuple[str, JsonObject]:
    """The size and settings of the network that a weight file says itself to be for, "" and {} where it says nothing."""
    from unmaskbench.benchmark.plugins.weights.loading import WeightsError

    try:
        description = json.loads(metadata_of(path).get("network", "{}"))
        size, settings = description.get("size", ""), description.get("settings", {})
        if not isinstance(size, str) or not isinstance(settings, dict):
            raise ValueError("size must be a text and settings a mapping")
    except WeightsError:
        raise
    except (ValueError, AttributeError, RecursionError) as error:
        raise WeightsError(f"{path}: its metadata describe no network ({error})") from error
    return size, settings


def _largest(value: object) -> float:
    """The largest number, length included, in a nest of lists and mappings."""
    if isinstance(value, Mapping):
        return max(len(value), *map(_largest, value.values()), 0)
    if isinstance(value, list | tuple):
        return max(len(value), *map(_largest, value), 0)
    return abs(value) if isinstance(value, int | float) else 0


def _lay_channels_last(network: nn.Module) -> None:
    import torch

    for layer in network.modules():
        if isinstance(layer, torch.nn.Conv2d):
            layer.to(memory_format=torch.channels_last)


class LearnedMethod(NetworkMethod):
    """Base of the learned methods. A subclass gives ``card``, ``folder`` and ``build_network``.

    Args:
        size: "compact" (ships) or "paper" (from ``checkpoint``, or trained with the recipe ``paper``).
        checkpoint: a user's own file: what training wrote, a bare state dict, or one of the published files that the
            method names.
        recipe: which trained weights to take where there are several (an ablation); the size's own by default.
        settings: of the network, for a checkpoint that does not say them itself.
    """

    folder: ClassVar[Path]
    paper_size: ClassVar[int | None] = 256
    channels_last: ClassVar[bool] = True
    """Whether its kernels lie with their channels last on a CPU: most networks then run 1.2 to 1.6 times as fast, with the
    same values but for rounding; one that unfolds its maps does not."""

    def __init__(
        self,
        size: str = "compact",
        checkpoint: Path | str | None = None,
        recipe: str = "",
        settings: JsonMapping | None = None,
    ) -> None:
        if size not in ("compact", "paper"):
            raise ValueError(f"method '{self.card.id}' has the sizes compact and paper, not '{size}'")
        self.size, self.recipe = size, recipe or size
        self.checkpoint = Path(checkpoint) if checkpoint is not None else None
        self.settings = dict(settings or {})
        if size == "paper":
            self.card = replace(self.card, native_size=self.paper_size)

    @classmethod
    def build_network(cls, size: str = "compact", **settings: Any) -> nn.Module:
        """The untrained network of a size."""
        raise NotImplementedError

    @classmethod
    def missing(cls, size: str = "compact", checkpoint: Path | str | None = None, recipe: str = "") -> list[Missing]:
        """The weights asked for, where they neither ship nor were trained here; a ``checkpoint`` of one's own lacks
        nothing."""
        recipe = recipe or size
        if checkpoint is not None or locate(cls.card.id, recipe, cls.folder) is not None:
            return []
        command = f"bench train {cls.card.id} --recipe {recipe} --data lfw --root DIR"
        return [Missing("weights", file_name(cls.card.id, recipe), command)]

    @classmethod
    def weight_paths(cls) -> list[Path]:
        """Every weight file of this method that a run could use: what its results depend on beside its source."""
        return weight_paths(cls.card.id, cls.folder)

    @classmethod
    def training_card(cls) -> JsonObject:
        """The model card of the compact weights; empty where there are none."""
        return training_card(cls.card.id, "compact", cls.folder)

    def load(self, device: str) -> None:
        """Bring the weights into memory on ``device``. FileNotFoundError with a remedy, WeightsError for a misfit."""
        super().load(device)
        if self.channels_last and device == "cpu" and self.network is not None:
            _lay_channels_last(self.network)

    def from_published(self, path: Path) -> nn.Module | None:
        """The network of a published file in its authors' layout, or None where ``path`` is none of these."""
        del path
        return None

    @classmethod
    def published_start(cls, path: Path, network: nn.Module) -> Mapping[str, Tensor] | None:
        """The weights with which training of ``network`` starts from a published file, or None where it is none."""
        del network
        published = cls(checkpoint=path).from_published(path)
        return None if published is None else published.state_dict()

    def _network(self) -> nn.Module:
        from unmaskbench.benchmark.plugins.weights.loading import check_fit, load_strict, read_state_dict

        path = self.checkpoint or locate(self.card.id, self.recipe, self.folder)
        if path is None:
            raise FileNotFoundError(
                f"method '{self.card.id}' has no weights for '{self.recipe}'; pass checkpoint=FILE, or: "
                f"bench train {self.card.id} --recipe {self.recipe} --data lfw --root DIR"
            )
        if self.checkpoint is not None:
            published = self.from_published(path)
            if published is not None:
                return published
        size, settings = _described(path)
        settings |= self.settings
        state = read_state_dict(path)
        if path.parent != self.folder / "weights":
            # An outline without values first: what a stranger's file describes may be larger than any memory.
            check_fit(self._outline(path, size or self.size, settings), state, path)
        network = self.build_network(size or self.size, **settings)
        load_strict(network, state, path)
        return network

    def _outline(self, path: Path, size: str, settings: JsonMapping) -> nn.Module:
        import torch

        from unmaskbench.benchmark.plugins.weights.loading import WeightsError

        try:
            if _largest(settings) > LARGEST_SETTING:
                raise ValueError(f"a setting above {LARGEST_SETTING}")
            with torch.device("meta"):
                return self.build_network(size, **settings)
        except Exception as error:  # whatever a constructor says to settings that are none of its own
            raise WeightsError(
                f"{path}: describes no network of method '{self.card.id}' (size {size}, settings "
                f"{str(dict(settings))[:200]}): {type(error).__name__}: {error}"
            ) from error

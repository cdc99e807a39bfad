"""What is wrong with a suite, in sentences: pydantic's findings with the key, the legal keys and the nearest one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import get_args

from pydantic import BaseModel

from unmaskbench.benchmark.plugins.json_types import JsonMapping
from unmaskbench.benchmark.plugins.nearest import nearest


def explained(detail: JsonMapping, model: type[BaseModel]) -> str:
    """One of the errors that ``model`` raised (``ValidationError.errors()``), as a sentence that begins with its key."""
    where = ".".join(str(part) for part in detail["loc"])
    if detail["type"] == "extra_forbidden":
        legal = sorted(legal_keys(detail["loc"], model))
        near = nearest(str(detail["loc"][-1]), legal)
        hint = f"did you mean '{near}'? " if near else ""
        return f"unknown key '{where}'; {hint}legal keys: {', '.join(legal)}"
    got = repr(detail.get("input"))
    return f"key '{where or '(top)'}': {detail['msg']} (got {got[:80]})"


def legal_keys(location: Sequence[object], model: type[BaseModel]) -> set[str]:
    """The keys that may stand where ``location`` (keys and list indices from the top of ``model``) ends."""
    for part in location[:-1]:
        field = model.model_fields.get(str(part))
        if field is not None:
            model = next(_models(field.annotation), model)
    return set(model.model_fields)


def _models(annotation: object) -> Iterator[type[BaseModel]]:
    """The models in an annotation, outermost first: of ``list[Entry] | None`` it is Entry."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models(argument)

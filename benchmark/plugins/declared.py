"""What a plug-in's class declares in an attribute that the harness reads, held to its kind."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

T = TypeVar("T")


def declared(cls: object, name: str, kind: type[T]) -> tuple[T, ...]:
    """The class attribute ``name`` as a sequence of ``kind``; () where a class has none.

    Raises ValueError where it holds something else: a class may well have an attribute of that name for itself.
    """
    value = getattr(cls, name, ())
    if isinstance(value, str) or not isinstance(value, Iterable) or not all(isinstance(item, kind) for item in value):
        owner = cls if isinstance(cls, type) else type(cls)
        raise ValueError(
            f"{owner.__qualname__}.{name} is {type(value).__name__}, and the harness reads a class attribute of that name as "
            f"a list of {kind.__name__}; rename yours"
        )
    return tuple(value)

"""What a dataset or an occlusion may have beyond its contract, and what the harness takes where it has not.

As in ``hooks.py`` each is a protocol of its own, with one function: the only place where the harness looks for it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from torch import Tensor


class HasRemarks(Protocol):
    """A dataset that passed something over or put something in order when it was opened: a run says so once."""

    remarks: Sequence[str]


class FindsFaces(Protocol):
    """A dataset that finds landmarks in its pictures where no file gives them."""

    def undetected(self, indices: Sequence[int]) -> list[int]:
        """Those of the samples whose faces must be found."""
        ...

    def find_face(self, index: int) -> str:
        """Find and remember a sample's face; "" where it is found, else why not."""
        ...


class OwnsPairs(Protocol):
    """A dataset whose list of trials its user has written, so that it is wanted without being asked for."""

    pairs_are_own: bool


class DrawsNothing(Protocol):
    """An occlusion that says with ``draws`` False that it leaves the pixels as they are."""

    draws: bool


class WidensHoles(Protocol):
    """An occlusion of masks that people wear, whose rim bleeds into what is painted behind it."""

    def widened(self, holes: Tensor) -> Tensor:
        """Holes (N, 1, H, W) of zeros and ones, grown by the margin of the occlusion's signature."""
        ...


def remarks_of(dataset: object) -> Sequence[str]:
    """What a dataset has to say of its files; nothing by default."""
    return tuple(getattr(dataset, "remarks", ()))


def draws(occlusion: object) -> bool:
    """Whether an occlusion draws something over the face, so that the truth is known; it does unless it says no."""
    return bool(getattr(occlusion, "draws", True))


def widening_of(occlusion: object) -> Callable[[Tensor], Tensor] | None:
    """How an occlusion widens the holes (N, 1, H, W) of masks that people wear; None where it draws its own."""
    found: Callable[[Tensor], Tensor] | None = getattr(occlusion, "widened", None)
    return found


def owns_pairs(dataset: object) -> bool:
    """Whether a dataset's list of trials is one that its user has written, so that it is wanted without being asked for."""
    return bool(getattr(dataset, "pairs_are_own", False))


def face_finder_of(dataset: object) -> FindsFaces | None:
    """The dataset where it finds faces, else None."""
    return dataset if hasattr(dataset, "undetected") and hasattr(dataset, "find_face") else None

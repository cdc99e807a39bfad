"""The nearest of the names that are known, for a name that is not."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

CUTOFF = 0.5


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that is most like ``name``, whatever its capitals, hyphens and spaces; None where none is like it."""
    folded = {_folded(one): one for one in sorted(known)}
    found = difflib.get_close_matches(_folded(name), folded, n=1, cutoff=CUTOFF)
    return folded[found[0]] if found else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """``; did you mean 'psnr'?`` after a name that is unknown, or a full stop."""
    near = nearest(name, known)
    return f"; did you mean '{near}'?" if near else "."


def _folded(name: str) -> str:
    return name.casefold().replace("-", "_").replace(" ", "_")

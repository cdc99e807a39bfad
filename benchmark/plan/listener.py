"""What a run tells while it works. The command line turns it into bars; the default is silence."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

Progress = Callable[[str, int], None]


@dataclass
class Listener:
    """``begin`` hears how many images each stage will handle, ``advance`` how many more a stage has handled, ``note`` a line
    for a person."""

    begin: Callable[[Mapping[str, int]], None] = field(default=lambda totals: None)
    advance: Progress = field(default=lambda stage, images: None)
    note: Callable[[str], None] = field(default=lambda text: None)

"""What a run is asked for, beside its suite."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from unmaskbench.benchmark.run.engines.options import EngineOptions


@dataclass(frozen=True)
class RunOptions(EngineOptions):
    """How a suite is run; nothing here changes a score. See ``EngineOptions`` for who computes.

    ``fresh`` begins anew. ``keep`` says whether the restored pixels stay in the folder, where a metric or matcher more can
    measure them; ``save_images`` writes them all as PNGs. ``restore`` False refuses to call a method. ``speed`` times each
    method. ``skip_missing`` leaves out the methods, metrics and matchers that cannot run here, and says so in run.json.
    """

    fresh: bool = False
    keep: Literal["restored", "none"] = "restored"
    save_images: bool = False
    speed: bool = True
    restore: bool = True
    skip_missing: bool = False

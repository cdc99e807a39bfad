"""The levels of intervals and tests; no arithmetic, so that a sentence about them costs no import of NumPy."""

from __future__ import annotations

ALPHA = 0.05
CONFIDENCE = 0.95

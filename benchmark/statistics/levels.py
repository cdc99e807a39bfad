"""The levels of intervals and tests, and the ceiling of values; no arithmetic, so that a sentence about them costs no import of
NumPy."""

from __future__ import annotations

ALPHA = 0.05
CONFIDENCE = 0.95
CEILING = 100.0
"""What an infinite value (an identical image's PSNR, in dB) counts as. A single step of one 8-bit value in a 128 px image
is 95 dB: leaving the ceiling is a difference, and a perfect image is never worse than a good one."""

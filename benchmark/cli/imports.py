"""Importing many modules at once."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def imports_are_no_garbage() -> Iterator[None]:
    """Without the collector, which looks through half a million new objects again and again and frees none of them: it
    takes a tenth of what a finished run takes to say so."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()

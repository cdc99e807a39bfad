"""The first import of mmengine, where several processes start at once."""

from __future__ import annotations

import pickle
import time

# How often an import is tried again that met what another process had written half, half a second apart.
FIRST_IMPORTS = 10


def import_mmengine() -> None:
    """Import mmengine, whatever other processes do at that moment.

    The first import in a fresh installation writes a cache (the grammar of yapf, which mmengine imports) in place. Of
    several processes that start at once, one may read what another has written half: it waits and tries again.
    """
    for tries_left in range(FIRST_IMPORTS, -1, -1):
        try:
            import mmengine.registry  # noqa: F401
        except (EOFError, pickle.UnpicklingError):
            if not tries_left:
                raise
            time.sleep(0.5)
        else:
            return

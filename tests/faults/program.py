"""A run as a process of its own: ``python program.py OUT ARGUMENTS``, the latter a JSON object of ``suite`` and ``run``.

The plug-ins are registered at import, because a spawned worker imports its parent's main module again.
"""

from __future__ import annotations

import json
import sys

from tests import tiny
from tests.faults import plugins
from unmaskbench.benchmark import run
from unmaskbench.benchmark.store import StoreError

_registration = plugins.registered()
_registration.__enter__()

if __name__ == "__main__":
    arguments = json.loads(sys.argv[2])
    try:
        run(tiny.suite(**arguments["suite"]), sys.argv[1], speed=False, **arguments["run"])
    except StoreError as error:
        sys.exit(f"StoreError: {error}")

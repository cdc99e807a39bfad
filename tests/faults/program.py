"""A run as a process of its own: ``python program.py OUT ARGUMENTS``, the latter a JSON object of ``suite``, ``run`` and
``hours``, by which its clock jumps each time that it is read.

The plug-ins are registered at import, because a spawned worker imports its parent's main module again.
"""

from __future__ import annotations

import itertools
import json
import sys
import time

from tests import tiny
from tests.faults import plugins
from unmaskbench.benchmark.run.entry import run
from unmaskbench.benchmark.store.folder import StoreError

_registration = plugins.registered()
_registration.__enter__()

arguments = json.loads(sys.argv[2])
if arguments["hours"]:
    _real, _reads = time.time, itertools.count()
    time.time = lambda: _real() + 3600 * arguments["hours"] * next(_reads)

if __name__ == "__main__":
    try:
        run(tiny.suite(**arguments["suite"]), sys.argv[1], speed=False, **arguments["run"])
    except StoreError as error:
        sys.exit(f"StoreError: {error}")

"""Weight files: where they lie, how they are fetched, how they are read.

``weights.find(FILE)``, ``weights.require(FILE)``, ``weights.missing([FILE])`` are what a plug-in calls.
"""

from unmaskbench.benchmark.plugins.weights.files import (
    WeightFile,
    add,
    cache_folder,
    find,
    missing,
    remedy,
    require,
    search_path,
    sha256,
)

__all__ = ["WeightFile", "add", "cache_folder", "find", "missing", "remedy", "require", "search_path", "sha256"]

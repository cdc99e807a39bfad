"""What a JSON or YAML document is once it is read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Values are texts, numbers, true, false, null, lists and objects again. Each document has a check of its own where it is
# read (a pydantic model, a schema, a sentence), behind which a recursive type would ask for a cast at every step.
JsonObject = dict[str, Any]
JsonMapping = Mapping[str, Any]

"""A method's row as the parts that it is made of: one, or the links of a chain ``a+b``.

Each part works on what the one before it restored, pasted into the visible pixels and in 8 bits: ``a+b`` is what ``b`` makes
of the pictures that a run of ``a`` keeps. Which mask the parts are given, and what is hidden of the hole, is the first's.
"""

from __future__ import annotations

from collections.abc import Mapping

from unmaskbench.benchmark.plan.entries import Entry, MethodEntry
from unmaskbench.benchmark.plan.suite import SuiteError


def is_chain(entry: MethodEntry) -> bool:
    """Whether a row has more than one part."""
    return "+" in entry.id


def parts_of(entry: MethodEntry) -> list[Entry]:
    """The parts of a method's row, in order, each with its own parameters.

    Those of a chain stand under the part's id: ``{id: modified_vnet+gfpgan, parameters: {gfpgan: {checkpoint: FILE}}}``.
    Raises SuiteError where they name no part, or are no mapping.
    """
    if not is_chain(entry):
        return [Entry(id=entry.id, parameters=entry.parameters)]
    names = entry.id.split("+")
    if not all(names):
        raise SuiteError(f"method '{entry.label}': '{entry.id}' has an empty part; a chain is written a+b")
    for name, parameters in entry.parameters.items():
        if name not in names or not isinstance(parameters, Mapping):
            raise SuiteError(
                f"method '{entry.label}': a chain's parameters are given by part, {{{names[-1]}: {{NAME: VALUE}}}}; "
                f"its parts are {', '.join(names)}, and '{name}' is {'no mapping' if name in names else 'none of them'}"
            )
    return [Entry(id=name, parameters=entry.parameters.get(name, {})) for name in names]

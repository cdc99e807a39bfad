"""``labels.csv``: who is on an image, what the image is there for, and attributes to slice by.

The columns are ``id``, then ``identity`` (or ``role``, where folders say who it is), then others: one that is called ``role``
names what a photograph is there for, every other is an attribute.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from unmaskbench.plugin import ROLES, Attribute, Role, posix, read_csv

WHOLE_NUMBER = re.compile(r"[+-]?(0|[1-9]\d*)")
NUMBER = re.compile(r"[+-]?(0|[1-9]\d*)?\.\d+([eE][+-]?\d+)?|[+-]?(0|[1-9]\d*)([eE][+-]?\d+)")


@dataclass(frozen=True)
class Labels:
    """What the lines of a list say, by the image's id; an image without a role in it is a ``truth``."""

    identities: dict[str, str] = field(default_factory=dict)
    roles: dict[str, Role] = field(default_factory=dict)
    attributes: dict[str, dict[str, Attribute]] = field(default_factory=dict)


def read_labels(path: Path, files: Mapping[str, Path], people: Mapping[str, str]) -> Labels:
    """The labels of ``files`` (by id). ``people`` says who is on an image where the list has no column ``identity``.

    Raises FileNotFoundError where there is no such list, ValueError that names the file and the line: another header, an
    absent image, one with two lines or none, an empty identity, a role that there is not.
    """
    if not path.is_file():
        raise FileNotFoundError(f"folder: there is no file {path} (labels)")
    rows = read_csv(path)
    header = [column.strip() for column in next(rows, (1, [""]))[1]]
    if header[:1] != ["id"] or header[1:2] not in (["identity"], ["role"]):
        found_ = ",".join(header) or "nothing"
        raise ValueError(f"{path}: the first columns must be id,identity (or id,role); found {found_}")
    names = {id_ + file.suffix: id_ for id_, file in files.items()}
    found = Labels()
    for line, row in rows:
        given, *cells = [*row, *[""] * (len(header) - len(row))]
        id_ = posix(given) if posix(given) in files else names.get(posix(given))
        place = f"{path}, line {line}"
        if id_ is None:
            raise ValueError(f"{place}: no image has the id '{given}'")
        if id_ in found.attributes:
            raise ValueError(f"{place}: '{id_}' has two lines; keep one")
        named = dict(zip(header[1:], cells))
        if "identity" in named:
            found.identities[id_] = _identity(named.pop("identity"), id_, place)
        elif id_ in people:
            found.identities[id_] = people[id_]
        if "role" in named:
            found.roles[id_] = _role(named.pop("role"), id_, place)
        found.attributes[id_] = {name: _value(cell) for name, cell in named.items()}
    if absent := [id_ for id_ in files if id_ not in found.attributes]:
        raise ValueError(
            f"{path}: {len(absent)} images have no line, the first '{absent[0]}'; add them or remove the images"
        )
    return found


def _identity(cell: str, id_: str, place: str) -> str:
    if identity := cell.strip():
        return identity
    raise ValueError(f"{place}: the identity of '{id_}' is empty; give one, or leave the file out for none at all")


def _role(cell: str, id_: str, place: str) -> Role:
    word = cell.strip().lower() or "truth"
    for role in ROLES:
        if role == word:
            return role
    near = difflib.get_close_matches(word, ROLES, n=1, cutoff=0.5)
    hint = f"did you mean '{near[0]}'? " if near else ""
    raise ValueError(f"{place}: '{cell.strip()}' is no role of '{id_}'; {hint}roles: {', '.join(ROLES)}")


def _value(text: str) -> Attribute:
    """A CSV cell as a bool, an integer, a number or a word. A number with leading zeros is a word: it is somebody's id."""
    text = text.strip()
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    if WHOLE_NUMBER.fullmatch(text):
        return int(text)
    return float(text) if NUMBER.fullmatch(text) else text

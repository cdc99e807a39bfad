"""Lists of verification trials: one's own ``pairs.csv``, and LFW's text format, by one reader.

``pairs.csv`` has the columns ``a,b,genuine`` and, where it wants, ``fold`` (from 0): two images and whether they show one
person (``true`` or ``false``, 1 or 0). LFW's lists are tabbed: the first line is ``folds<TAB>pairs of a kind`` or the pairs of
a kind alone, then ``name, n, n`` for one person and ``name, n, name, n`` for two; the image is ``name_0001``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from unmaskbench.plugin import Pair, posix, read_csv

HEADER = ["a", "b", "genuine"]
YES, NO = ("true", "1", "yes"), ("false", "0", "no")
OFFICIAL = re.compile(rb"\d+(\t\d+)?\s*(\r?\n|$)")


class ListedPair(NamedTuple):
    """A trial as a line of a list names it."""

    line: int
    a: str
    b: str
    genuine: bool
    fold: int | None


def read_pairs(
    path: Path, sample_of: Callable[[str], str | None], person_of: Callable[[str], str | None]
) -> tuple[Pair, ...]:
    """The trials of a list in its order.

    ``sample_of`` gives the id of the image that a list names, None where there is none; ``person_of`` gives the person of
    an id, None where nobody knows. Raises ValueError that names the file and the line: an absent image, one that is paired
    with itself, a pair that stands twice in either order, a genuine pair of two people and an impostor pair of one, folds on
    some lines only.
    """
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path} (pairs)")
    with path.open("rb") as opened:
        official = OFFICIAL.match(opened.read(64)) is not None
    listed = _official(path) if official else _own(path)
    return tuple(_checked(path, listed, sample_of, person_of))


def _checked(
    path: Path,
    listed: Iterable[ListedPair],
    sample_of: Callable[[str], str | None],
    person_of: Callable[[str], str | None],
) -> Iterator[Pair]:
    seen: dict[frozenset[str], tuple[int, str]] = {}
    folded: bool | None = None
    for line, a_name, b_name, genuine, fold in listed:
        place = f"{path}, line {line}"
        a, b = sample_of(a_name), sample_of(b_name)
        if a is None or b is None:
            raise ValueError(f"{place}: no image has the id '{a_name if a is None else b_name}'")
        if a == b:
            raise ValueError(f"{place}: '{a}' is paired with itself; a trial needs two photographs")
        if (earlier := seen.get(frozenset((a, b)))) is not None:
            way = "already" if earlier[1] == a else "already, the other way round"
            raise ValueError(f"{place}: '{a}' and '{b}' stand on line {earlier[0]} {way}; keep one of the lines")
        seen[frozenset((a, b))] = line, a
        _check_people(place, (a, b), (person_of(a), person_of(b)), genuine)
        if folded is not None and folded != (fold is not None):
            raise ValueError(f"{place}: some lines have a fold and others have none; give it on all or on none")
        folded = fold is not None
        yield Pair(a, b, genuine, fold)


def _check_people(place: str, ids: tuple[str, str], people: tuple[str | None, str | None], genuine: bool) -> None:
    if people[0] is None or people[1] is None:
        return
    if genuine and people[0] != people[1]:
        raise ValueError(
            f"{place}: the pair is called genuine, but '{ids[0]}' is of {people[0]} and '{ids[1]}' of {people[1]}"
        )
    if not genuine and people[0] == people[1]:
        raise ValueError(
            f"{place}: the pair is called no genuine one, but '{ids[0]}' and '{ids[1]}' are of {people[0]}"
        )


def _own(path: Path) -> Iterator[ListedPair]:
    rows = read_csv(path)
    header = [column.strip() for column in next(rows, (1, [""]))[1]]
    if header[:3] != HEADER or header[3:4] not in ([], ["fold"]):
        raise ValueError(f"{path}: the first columns must be a,b,genuine[,fold]; found {','.join(header) or 'nothing'}")
    for line, row in rows:
        a, b, word, fold = (cell.strip() for cell in [*row, "", "", "", ""][:4])
        place = f"{path}, line {line}"
        if not a or not b:
            raise ValueError(f"{place}: two images are needed; found {','.join(row)}")
        if word.lower() not in (*YES, *NO):
            raise ValueError(f"{place}: genuine must be true or false; found '{word}'")
        if header[3:] == [] or not fold:
            yield ListedPair(line, posix(a), posix(b), word.lower() in YES, None)
        elif fold.isdecimal():
            yield ListedPair(line, posix(a), posix(b), word.lower() in YES, int(fold))
        else:
            raise ValueError(f"{place}: a fold is a whole number from 0; found '{fold}'")


def _official(path: Path) -> Iterator[ListedPair]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        first = [int(value) for value in lines[0].split("\t")]
        folds, per_kind = first if len(first) == 2 else (1, first[0])
        trials = [line.split("\t") for line in lines[1 : 1 + 2 * folds * per_kind]]
        if len(trials) != 2 * folds * per_kind:
            raise ValueError(f"{len(trials)} trials where the first line promises {2 * folds * per_kind}")
        for number, trial in enumerate(trials):
            if len(trial) == 3:
                a, b, genuine = (trial[0], trial[1]), (trial[0], trial[2]), True
            else:
                a, b, genuine = (trial[0], trial[1]), (trial[2], trial[3]), False
            fold = number // (2 * per_kind) if len(first) == 2 else None
            yield ListedPair(number + 2, f"{a[0]}_{int(a[1]):04d}", f"{b[0]}_{int(b[1]):04d}", genuine, fold)
    except (ValueError, IndexError) as error:
        raise ValueError(f"{path} is not LFW's pairs.txt: {error}") from error

"""Takes a machine out of texts: absolute paths leave their last name, the host's name leaves nothing."""

from __future__ import annotations

import platform
import re
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

# What ends a path in a sentence; spaces do too: paths with spaces are known ones, which are taken out whole.
_STEP = r"[^\s'\"<>|*?,;:()\[\]{}\\/]+"
# A slash at the head of an address (https://) or inside a word (and/or, 10.1000/182) begins no path.
_ABSOLUTE = re.compile(
    rf"(?:file:/*/|(?<![\w./\\~-])(?:[A-Za-z]:[\\/]+|\\\\|~[\w.-]*/|/(?![/\s])))(?:{_STEP}[\\/]+)+(?P<last>{_STEP})?"
)
_ALONE = re.compile(rf"(?:[A-Za-z]:[\\/]|~/|/)(?P<last>{_STEP})[\\/]?")
_ADDRESS = re.compile(rf"\b(?!https?:)[a-z][\w+.-]*://(?:{_STEP}[\\/]*)+")
HOST = "host"


@dataclass(frozen=True)
class Places:
    """What is known of this machine: folders by their whole path, the longest first, and what it is called."""

    folders: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()

    @classmethod
    def here(cls, *more: Path | str) -> Places:
        """This machine's, with ``more`` folders that a run has used."""
        found: Iterable[Path] = (Path.home(), Path.cwd(), Path(tempfile.gettempdir()), *map(Path, more))
        texts = {str(form) for path in found for form in (path, path.absolute(), path.resolve()) if path.is_absolute()}
        texts = {text for text in texts if len(Path(text).parts) > 1}
        name = platform.node()
        hosts = {part for part in (name, name.partition(".")[0]) if len(part) > 1 and part != "localhost"}
        return cls(tuple(sorted(texts, key=len, reverse=True)), tuple(sorted(hosts, key=len, reverse=True)))

    def without(self, text: str) -> str:
        """``text`` with no absolute path in it."""
        for folder in self.folders:
            if folder in text:
                text = re.sub(rf"{re.escape(folder)}(?:[\\/]+{_STEP})*(?![\w.-])", lambda found: _last(found[0]), text)
        alone = _ALONE.fullmatch(text)
        return alone["last"] if alone else _ABSOLUTE.sub(lambda found: _last(found[0]), text)

    def without_host(self, text: str) -> str:
        """``text`` with no absolute path, no address of a store or a cluster, and not the host's name."""
        text = _ADDRESS.sub(lambda found: _last(found[0]), text)
        for host in self.hosts:
            text = re.sub(rf"(?<![\w.-]){re.escape(host)}(?![\w-])", HOST, text)
        return self.without(text)

    def taken_out(self, value: T) -> T:
        """A JSON-like value in which no text, no key either, holds an absolute path."""
        if isinstance(value, str):
            return self.without(value)  # type: ignore[return-value]  # a text for a text
        if isinstance(value, dict):
            return {self.taken_out(key): self.taken_out(item) for key, item in value.items()}  # type: ignore[return-value]
        if isinstance(value, list):
            return [self.taken_out(item) for item in value]  # type: ignore[return-value]
        return value


def _last(path: str) -> str:
    return next((part for part in reversed(re.split(r"[\\/]+", path)) if part), "")

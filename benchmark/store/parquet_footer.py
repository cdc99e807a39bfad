"""What a Parquet file's writer said of it, read from the file's end without the library that reads tables.

A finished run is asked whether its parts are there, and nothing else: importing polars for that took a third of the answer. The
footer is Thrift's compact protocol (its page "Thrift Compact protocol encoding"): fields of a type and a number each. All of
parquet.thrift's ``FileMetaData`` is walked, so that a torn one is told; half a millisecond a file, ten times as long as polars.
"""

from __future__ import annotations

import struct
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

from unmaskbench.benchmark.plugins.lazy_modules import polars

Value: TypeAlias = "int | bytes | list[Value] | dict[int, Value]"
MAGIC = b"PAR1"
REQUIRED = {1, 2, 3, 4}  # of FileMetaData: version, schema, number of rows, row groups
KEY_VALUES = 5  # a list of structs of key and value


BY_HAND = 1000
"""Files that are read here before polars is imported for the rest: it has then paid for itself."""


class Footers:
    """Reads the footers of many files, by polars where something else has needed it."""

    def __init__(self) -> None:
        self._read = 0

    def key_values(self, path: Path) -> dict[str, str]:
        """The texts that were written with a table. Raises OSError where the file cannot be read, and ValueError where it is no
        whole Parquet file."""
        self._read += 1
        if "polars" not in sys.modules and self._read <= BY_HAND:
            return key_values(path)
        try:
            return dict(polars.read_parquet_metadata(path))
        except (polars.exceptions.PolarsError, polars.exceptions.PanicException) as error:
            raise ValueError(f"{path} is no whole Parquet file: {error}") from error

    def is_whole(self, path: Path) -> bool:
        """Whether a table or an archive of arrays ends as its format wants."""
        try:
            if path.suffix == ".parquet":
                self.key_values(path)
                return True
            return zipfile.is_zipfile(path)
        except (OSError, ValueError):
            return False


def key_values(path: Path) -> dict[str, str]:
    """The texts that were written with the table. Raises OSError where the file cannot be read and ValueError where it is no
    whole Parquet file."""
    with path.open("rb") as file:
        if file.read(4) != MAGIC:
            raise ValueError(f"{path} does not begin as a Parquet file")
        size = file.seek(0, 2)
        file.seek(max(size - 8, 0))
        length, magic = struct.unpack("<I4s", file.read(8).ljust(8))
        if magic != MAGIC or length > size - 12:
            raise ValueError(f"{path} does not end as a Parquet file")
        file.seek(size - 8 - length)
        footer = _Footer(file.read(length))
    try:
        fields = footer.struct()
        if footer.at != length or not fields.keys() >= REQUIRED:
            raise KeyError(f"fields {sorted(fields)} in {footer.at} of {length} bytes")
        return dict(_texts(fields.get(KEY_VALUES, [])))
    except (IndexError, KeyError, RecursionError) as error:
        raise ValueError(f"{path} has a torn footer") from error


def _texts(entries: Value) -> Iterator[tuple[str, str]]:
    if not isinstance(entries, list):
        raise KeyError(KEY_VALUES)
    for entry in entries:
        key, value = (entry[1], entry.get(2, b"")) if isinstance(entry, dict) else (0, 0)
        if not isinstance(key, bytes) or not isinstance(value, bytes):
            raise KeyError(KEY_VALUES)
        yield key.decode(), value.decode()


class _Footer:
    """Values of the compact protocol from the bytes at ``at`` on; an IndexError where they end too early."""

    def __init__(self, held: bytes) -> None:
        self.held, self.at = held, 0

    def struct(self) -> dict[int, Value]:
        found: dict[int, Value] = {}
        number = 0
        while kind := self._byte():
            number = number + (kind >> 4) if kind >> 4 else self._signed()
            found[number] = kind & 15 == 1 if kind & 15 in (1, 2) else self._value(kind & 15)
        return found

    def _value(self, kind: int) -> Value:
        if kind in (4, 5, 6):  # integers of 16, 32 and 64 bits
            return self._signed()
        if kind == 8:
            return self._bytes(self._number())
        if kind in (9, 10):  # list and set
            head = self._byte()
            size = head >> 4 if head >> 4 < 15 else self._number()
            return [self._value(head & 15) for _ in range(size)]
        if kind == 12:
            return self.struct()
        if kind in (1, 2, 3):  # in a list a boolean is a byte
            return self._byte()
        if kind == 7:
            return self._bytes(8)
        raise KeyError(kind)

    def _byte(self) -> int:
        self.at += 1
        return self.held[self.at - 1]

    def _bytes(self, count: int) -> bytes:
        self.at += count
        if self.at > len(self.held):
            raise IndexError(self.at)
        return self.held[self.at - count : self.at]

    def _number(self) -> int:
        found, shift = 0, 0
        while True:
            byte = self._byte()
            found |= (byte & 127) << shift
            if byte < 128:
                return found
            shift += 7

    def _signed(self) -> int:
        found = self._number()
        return (found >> 1) ^ -(found & 1)

"""The files that a suite's entries name by their parameters, and what those hold now.

A model, a folder of predictions or of templates is part of a result by its content: by bytes, never by name, size or time.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from unmaskbench.benchmark.plan.entries import Entry
from unmaskbench.benchmark.plugins.weights.files import content_hash

# A tensor whose values lie outside an ONNX file: field 13 of TensorProto, an entry of which has the key "location" (field
# 1) and the file's name relative to the model's folder (field 2), of less than 128 or of less than 16,384 bytes.
_EXTERNAL = re.compile(rb"\x0a\x08location\x12(?:([\x01-\x7f])|([\x80-\xff][\x01-\x7f]))")


def files_named(entry: Entry) -> dict[str, Path]:
    """Every file that an entry's parameters name, by the text that says so: a file, the files of a folder as
    ``FOLDER/NAME``, the ``.yaml`` beside a model, the files that an ONNX model keeps its weights in, and the files among the
    words of a command."""
    files: dict[str, Path] = {}
    for value in entry.parameters.values():
        for text in _texts(value):
            try:
                for name in _names_in(text):
                    files |= _files_of(name)
            except OSError:  # a file that is not ours to read: who opens it will say so
                continue
    return files


def contents(entry: Entry) -> list[list[str]]:
    """``[name, sha256]`` of every file that the entry names; "" for one that cannot be read."""
    return [[name, _hash_or_none(path)] for name, path in sorted(files_named(entry).items())]


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)


def _names_in(text: str) -> list[str]:
    """What in a text may be a path: the text, or where that is none the words of a command."""
    if os.path.exists(text) or " " not in text:  # noqa: PTH110
        return [text]
    try:
        return shlex.split(text)
    except ValueError:  # a quotation without its end
        return []


def _files_of(text: str) -> dict[str, Path]:
    # Unlike Path's, these answer False for a text that is too long to be a path.
    if not text or not os.path.exists(text):  # noqa: PTH110
        return {}
    path = Path(text)
    if path.is_dir():
        inside = sorted(Path(root) / name for root, _, names in os.walk(path) for name in names)
        return {f"{text}/{file.relative_to(path).as_posix()}": file for file in inside if file.is_file()}
    if not path.is_file():
        return {}
    files = {text: path}
    beside = path.with_suffix(".yaml")
    if beside.is_file():
        files[f"{text}: {beside.name}"] = beside
    if path.suffix.lower() == ".onnx":
        files |= {f"{text}: {name}": path.parent / name for name in external_data(path)}
    return files


def external_data(model: Path) -> list[str]:
    """Names of the files beside an ONNX model that it reads weights from, as the model's tensors give them."""
    content = model.read_bytes()
    names: set[str] = set()
    for match in _EXTERNAL.finditer(content):
        prefix = match.group(1) or match.group(2)
        length = prefix[0] if len(prefix) == 1 else (prefix[0] & 0x7F) | prefix[1] << 7
        try:
            name = content[match.end() : match.end() + length].decode("utf-8")
        except UnicodeDecodeError:  # bytes of a weight that look like an entry
            continue
        if name.isprintable() and (model.parent / name).is_file():
            names.add(name)
    return sorted(names)


def _hash_or_none(path: Path) -> str:
    try:
        return content_hash(path)
    except OSError:
        return ""

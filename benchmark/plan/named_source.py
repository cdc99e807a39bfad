"""How people name methods and matchers in lists and suites: ``ID``, ``DOOR:SOURCE``, ``DOOR:SOURCE=LABEL``, ``FILE.py:CLASS``,
and what a bare file means.

A door is a plug-in that runs what somebody else brought: a model file, a folder of pictures or of a pipeline, a command.
"""

from __future__ import annotations

import csv
import os
import re
import shlex
from pathlib import Path

from unmaskbench.benchmark.plugins.file_plugin import REFERENCE, is_reference

LABEL = re.compile(r"[A-Za-z0-9_.+@-]{1,80}")
_NAMED_CLASS = re.compile(rf"(?P<reference>{REFERENCE.pattern})=(?P<label>{LABEL.pattern})")
_WITH_PRESET = re.compile(r"(?P<source>.+?\.\w+)@(?P<preset>\w+)")
COMMAND = "command"
# A command's last word may hold a "=" of its own; a label follows a placeholder.
PLACEHOLDER_END = "}"
WEIGHTS = (
    "{name} is a file of weights, not a method's id: spandrel:{name} runs it where its architecture is a published one; "
    "else give it as the parameter checkpoint of the method that it is of (docs: suites)"
)
DOORS = {
    ".onnx": "'{name}' is a model file, not a method's id; its door is onnx:{name}",
    ".pt2": "'{name}' is a model file, not a method's id; its door is exported:{name}",
    ".pt": "'{name}' is a model file, not a method's id; its door is torchscript:{name} where it is a TorchScript program, "
    "spandrel:{name} where it holds the weights of a published architecture",
    **dict.fromkeys((".pth", ".ckpt", ".safetensors"), WEIGHTS),
}


def split_names(text: str) -> list[str]:
    """The names in a comma-separated list.

    A comma within double quotes is no separator, nor one in a path that is there, nor one in a command before its
    ``{restored}``.
    """
    found: list[str] = []
    waiting = [piece.strip() for piece in next(csv.reader([text], skipinitialspace=True), [])] if '"' in text else []
    waiting = waiting or text.split(",")
    while waiting:
        length = _length(waiting)
        name = ",".join(waiting[:length]).strip()
        found += [name] if name else []
        waiting = waiting[length:]
    return found


def _length(pieces: list[str]) -> int:
    """How many of the pieces are the first name."""
    if not _has_door(pieces[0].strip()):
        return 1
    for length in range(1, len(pieces) + 1):
        door, source, _ = split_source(",".join(pieces[:length]).strip())
        if ("{restored}" in source) if door == COMMAND else _exists(source):
            return length
    return 1


def has_source(name: str) -> bool:
    """Whether a method's id is ``DOOR:SOURCE``; a class in a file has a colon too."""
    return ":" in name and not any(is_reference(part) for part in name.split("+"))


def _has_door(name: str) -> bool:
    return has_source(name) and not name.startswith(("/", "."))


def split_source(name: str) -> tuple[str, str, str]:
    """Door, source and label of ``DOOR:SOURCE=LABEL``; the label is "" where none is given.

    A source that is there as it is written has no label. Raises ValueError where there is no source.
    """
    door, _, source = name.partition(":")
    if not source.strip():
        raise ValueError(f"'{name}' names no file or folder; write {door}:FILE")
    rest, mark, label = source.rpartition("=")
    of_command = door == COMMAND and not rest.rstrip().endswith(PLACEHOLDER_END)
    # Of "x=1/a=b.onnx" the suffix tells that "=" belongs to the path.
    of_path = bool(Path(label).suffix) and not Path(rest).suffix and not _exists(rest)
    if not mark or not rest or of_command or of_path or not LABEL.fullmatch(label) or _exists(source):
        return door, source, ""
    return door, rest, label


def split_preset(source: str) -> tuple[str, str]:
    """A file and the preset after it, ``FILE@PRESET``; the preset is "" where none is named, or the file is there as written."""
    found = None if _exists(source) else _WITH_PRESET.fullmatch(source)
    return (source, "") if found is None else (found["source"], found["preset"])


def named_class(name: str) -> tuple[str, str] | None:
    """Reference and label of ``FILE.py:CLASS=LABEL``; None for anything else."""
    found = _NAMED_CLASS.fullmatch(name)
    return None if found is None else (found["reference"], found["label"])


def label_of(door: str, source: str) -> str:
    """The label of a door's entry that was given none: the door, and the name of what lies behind it."""
    name = source
    if door == COMMAND:
        try:
            name = (shlex.split(source) or [source])[0]
        except ValueError:  # a quotation without its end: the door itself will say so
            name = source
    return f"{door}-{default_label(Path(name).stem)}"


def default_label(text: str) -> str:
    """A legal label near ``text``; of ``folder/FILE.py:CLASS`` it is FILE.CLASS."""
    parts = [REFERENCE.fullmatch(part) for part in text.split("+")]
    if any(parts):
        text = "+".join(
            part if found is None else f"{Path(found['path']).stem}.{found['cls']}"
            for part, found in zip(text.split("+"), parts, strict=True)
        )
    return re.sub(r"[^A-Za-z0-9_.+@-]", "-", text)[:80] or "unnamed"


def bare_file(name: str) -> str:
    """A sentence that says which door a bare file or folder wants; "" for what may be a method's id."""
    if ":" in name:
        return ""
    for part in name.split("+"):
        sentence = DOORS.get(Path(part).suffix.lower())
        if sentence is not None:
            return sentence.format(name=part)
        if part.endswith("/") or ("/" in part and _exists(part)):
            door = "diffusers" if _exists(f"{part}/model_index.json") else "predictions"
            what = "of a diffusion pipeline" if door == "diffusers" else "of finished pictures"
            return f"'{part}' is a folder, not a method's id; the door {what} is {door}:{part}"
    return ""


def _exists(text: str) -> bool:
    # Unlike Path's, this answers False for a text that is too long to be a path.
    return bool(text) and os.path.exists(text)  # noqa: PTH110

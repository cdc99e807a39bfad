"""submission.json: the schema, the name and the hash of every file of a submission.

::

    submission.json     this index, written last
    run.json            the run's own, without paths and with the units below
    manifest.parquet    every sample: hashes of its pixels, who is on it, coverage, attributes
    parts/              per-sample scores, a file for each method of a condition
    embeddings/         face embeddings, likewise; of a matcher that hands in similarities, who could be enrolled
    similarities/       the score of every trial, likewise, of such a matcher
    sets/               statistics of set metrics, where there are any
    pairs-*.npz         official trials
    speed.json          what the run measured of speed
    board.json          the figures, as they come out of the files above
    predictions/        restored pictures, where they are attached
"""

from __future__ import annotations

import hashlib
import re
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from unmaskbench.benchmark.host.text import hidden_in, shown
from unmaskbench.benchmark.plan.named_source import LABEL
from unmaskbench.benchmark.plan.suite import digest
from unmaskbench.benchmark.plugins.json_types import JsonObject
from unmaskbench.benchmark.plugins.weights.files import sha256
from unmaskbench.benchmark.store.folder import StoreError, read_json
from unmaskbench.benchmark.store.folders import walk

INDEX = "submission.json"
SCHEMA = "unmaskbench.submission/1"
NAME_LIMIT, NOTES_LIMIT, FILES_LIMIT, BYTES_LIMIT = 40, 2000, 200_000, 2 * 1024**3
# A table of one value repeated, or an archive of zeros, is small on a disk and large in memory.
JSON_LIMIT, ROWS_LIMIT, UNPACKED_LIMIT = 256 * 1024**2, 20_000_000, 4 * 1024**3
NEEDED = ("run.json", "manifest.parquet", "board.json")
PREDICTIONS = "predictions"
_LABEL = LABEL.pattern.replace("{1,80}", "{1,120}")
_NAMES = re.compile(
    rf"run\.json|manifest\.parquet|board\.json|speed\.json|(?:parts|embeddings|similarities)/{_LABEL}\.parquet|sets/{_LABEL}\.npz"
    rf"|pairs-{_LABEL}\.npz|{PREDICTIONS}/[^\\:]+\.png"
)


class SubmissionError(ValueError):
    """A submission that cannot be written or is not accepted; the message is the sentence that says why."""


@dataclass(frozen=True)
class Index:
    """What a submission says of itself. ``files`` maps each name to its sha256 and its size in bytes; ``evidence`` names
    the run that it was made of by the hashes of its files."""

    name: str
    notes: str
    manifest: str
    created: str
    files: dict[str, tuple[str, int]]
    evidence: dict[str, str | int] = field(default_factory=dict)

    def as_json(self) -> JsonObject:
        """The file's content."""
        files = {name: {"sha256": digest, "bytes": size} for name, (digest, size) in sorted(self.files.items())}
        return {
            "schema": SCHEMA, "name": self.name, "notes": self.notes, "manifest": self.manifest, "created": self.created,
            "files": files, "evidence": dict(self.evidence), "sha256": self.hash(),
        }  # fmt: skip

    def hash(self) -> str:
        """sha256 over the names and hashes of all files, the name and the notes."""
        return digest([self.name, self.notes, sorted((name, found[0]) for name, found in self.files.items())])

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(size for _, size in self.files.values())


def checked_name(name: str) -> str:
    """A submission's name, which is its folder's. Raises SubmissionError."""
    if not LABEL.fullmatch(name) or not name.strip(".") or len(name) > NAME_LIMIT or name.startswith("."):
        raise SubmissionError(
            f"a submission's name may hold letters, digits and _ . + @ - only (at most {NAME_LIMIT}, no dot first), not "
            f"{shown(name)}; give another with --name"
        )
    return name


def checked_notes(notes: str) -> str:
    """What its maker says of it. Raises SubmissionError where it is long or hides a character."""
    if len(notes) > NOTES_LIMIT:
        raise SubmissionError(f"the notes hold {len(notes)} characters; at most {NOTES_LIMIT} are kept")
    if hidden := hidden_in(notes, lines=True):
        raise SubmissionError(f"the notes hold {hidden}, which cannot be seen; take it out")
    return notes


def read_index(folder: Path) -> Index:
    """The index of a submission. Raises SubmissionError where it is absent, damaged or of another schema."""
    try:
        content = read_json(folder / INDEX, "a submission")
    except StoreError as error:
        raise SubmissionError(f"{INDEX} is absent or no JSON object: bench submit writes one") from error
    schema = content.get("schema")
    if schema != SCHEMA:
        raise SubmissionError(f"it is of schema {shown(str(schema))}, and this version reads {SCHEMA}")
    try:
        files = {str(name): (str(found["sha256"]), int(found["bytes"])) for name, found in content["files"].items()}
        texts = {key: content[key] for key in ("name", "notes", "manifest", "created")}
        evidence = dict(content["evidence"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise SubmissionError(f"{INDEX} is damaged ({type(error).__name__}: {error})") from error
    if wrong := next((key for key, value in texts.items() if not isinstance(value, str)), ""):
        raise SubmissionError(f"{INDEX}: '{wrong}' is no text")
    index = Index(**texts, files=files, evidence=evidence)
    checked_name(index.name)
    checked_notes(index.notes)
    if index.name != folder.name:
        raise SubmissionError(f"it is called {shown(index.name)}, and its folder {shown(folder.name)}")
    if index.hash() != content.get("sha256"):
        raise SubmissionError(f"{INDEX} was changed: its own sha256 is not that of what it lists")
    return index


def check_files(folder: Path, index: Index) -> None:
    """That the folder holds what its index lists, byte for byte, and nothing else. Raises SubmissionError."""
    if strange := next((name for name in index.files if not allowed(name)), ""):
        raise SubmissionError(f"it lists {shown(strange)}, which is no file of a submission")
    if absent := next((name for name in NEEDED if name not in index.files), ""):
        raise SubmissionError(f"it has no {absent}")
    if len(index.files) > FILES_LIMIT or index.size > BYTES_LIMIT:
        raise SubmissionError(f"it lists {len(index.files)} files of {index.size:,} bytes, which is no small result")
    root = folder.resolve()
    here = {path.relative_to(folder).as_posix() for path in walk(folder, lambda _: True).files}
    if stray := sorted(here - set(index.files) - {INDEX}):
        raise SubmissionError(f"it holds {shown(stray[0])}, which its index does not list")
    for name, (expected, size) in index.files.items():
        path = folder / name
        if not path.is_file():
            raise SubmissionError(f"{shown(name)} is missing")
        if path.is_symlink() or not path.resolve().is_relative_to(root):
            raise SubmissionError(f"{shown(name)} is a link")
        if path.stat().st_size != size or sha256(path) != expected:
            raise SubmissionError(f"{shown(name)} was changed: it has not the sha256 that the index lists")
        if unpacks_to_too_much(path):
            raise SubmissionError(f"{shown(name)} holds far more than any run's: it is not read")


def unpacks_to_too_much(path: Path) -> bool:
    """Whether a file would take more memory than a result of any size, seen from its head."""
    if path.suffix == ".parquet":
        return int(pl.scan_parquet(path).select(pl.len()).collect().item()) > ROWS_LIMIT
    if path.suffix == ".npz":
        with zipfile.ZipFile(path) as archive:
            return sum(entry.file_size for entry in archive.infolist()) > UNPACKED_LIMIT
    return path.suffix == ".json" and path.stat().st_size > JSON_LIMIT


def allowed(name: str) -> bool:
    """Whether a submission may hold a file of this name."""
    return _NAMES.fullmatch(name) is not None and ".." not in Path(name).parts and not hidden_in(name)


def hashed(content: bytes) -> tuple[str, int]:
    """The sha256 and the size of a file's content."""
    return hashlib.sha256(content).hexdigest(), len(content)

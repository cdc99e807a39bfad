"""Run folders at a URL (s3://bucket/run, gs://bucket/run, ...): a mirror on this machine, and the same files there.

A run at a URL is read and aggregated in its mirror, a folder below the cache. Opening it brings the mirror to the state of
the place behind the URL; whatever is written goes there at once, whole: a put on an object store is atomic. On places that
are none (sftp, hdfs) a put can be torn by a crash; a torn part counts as absent when the run goes on.

There is no lock between machines: an object store has none to give. Two runs that write to one URL from two machines
compute twice what neither has finished, under names that hash everything that can change a part, so that no part is spoilt;
but run.json and the board are those of the run that ends last. On one machine the mirror's lock keeps a second run out.

``file://`` is the folder itself, without a mirror. ``memory://`` lives in one process, for tests.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from unmaskbench.benchmark.plugins.json_types import JsonMapping
from unmaskbench.benchmark.plugins.weights.files import cache_folder
from unmaskbench.benchmark.store.folder import FOLDERS, LOCK, RunFolder, StoreError
from unmaskbench.benchmark.store.provenance import without_secrets

REMEDIES = {
    "s3": "pip install 'unmaskbench[remote]'",
    "gs": "pip install 'unmaskbench[remote]' gcsfs",
    "abfs": "pip install 'unmaskbench[remote]' adlfs",
}
# Other names of the same places.
ALIASES = {"s3a": "s3", "gcs": "gs", "az": "abfs", "abfss": "abfs"}
# What needs no folder before a file can be put into it.
OBJECT_STORES = ("s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "memory")
TRANSFERS = 8


def is_url(where: str | Path) -> bool:
    """Whether a run is named by URL."""
    return "://" in str(where)


def folder_of(where: str | Path) -> RunFolder:
    """The run folder at a path or URL; nothing is read yet. Raises StoreError for a URL that cannot be one."""
    text = str(where)
    if isinstance(where, Path) and re.match(r"[a-z][a-z0-9+.]+:/[^/]", text):
        raise StoreError(f"{text} was a URL before it was made a path: give it as text")
    if not is_url(text):
        return RunFolder(Path(where))
    scheme, _, rest = text.partition("://")
    before, at, after = rest.rpartition("@")
    if at and ":" in before:
        raise StoreError(
            f"{scheme}://***@{after}: a URL is no place for credentials; leave them out and give them by the environment or "
            "the configuration of the store (AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, for example)"
        )
    if "::" in text or "?" in rest or not rest.strip("/"):
        raise StoreError(f"{without_secrets(text)} cannot be a run folder: give SCHEME://PLACE/FOLDER, without a query")
    if scheme in ("file", "local"):
        if not rest.startswith("/"):
            raise StoreError(f"{text}: give the whole path, file:///{rest}")
        return RunFolder(Path(rest))
    return MirroredFolder(text.rstrip("/"))


def local_copy(where: str | Path) -> Path:
    """The run's folder on this machine, to read: the path itself, or a URL's mirror, brought to its state."""
    folder = folder_of(where)
    if isinstance(folder, MirroredFolder):
        folder.refresh()
    return folder.path


class MirroredFolder(RunFolder):
    """A run folder whose ``path`` is a mirror of what lies at ``url``."""

    def __init__(self, url: str) -> None:
        name = hashlib.sha256(url.encode()).hexdigest()[:32]
        super().__init__(cache_folder().parent / "mirrors" / name)
        self.url = url
        self._place: tuple[Any, str] | None = None

    def __getstate__(self) -> dict[str, object]:
        """The URL alone: another machine has its mirror elsewhere, and opens its own connection."""
        return {"url": self.url}

    def __setstate__(self, state: Mapping[str, object]) -> None:
        self.__init__(state["url"])  # type: ignore[misc]

    # ------------------------------------------------------------------------------------------------ opening

    def _open(self, identity: JsonMapping, fresh: bool) -> None:
        self._make()
        self._acquire()
        self._pull()
        super()._open(identity, fresh)

    def _acquire(self) -> None:
        if self._lock is None:
            super()._acquire()

    def refresh(self) -> None:
        """Bring the mirror to the state of the URL, unless a run on this machine is writing to both.

        Raises StoreError where the URL cannot be read, holds no run, or holds names that lead out of a folder."""
        self._make()
        try:
            self._acquire()
        except StoreError:
            return  # its mirror is what the URL holds, and a little ahead
        try:
            if not self._pull():
                raise StoreError(f"{self.url} holds no run (bench run --out URL writes one)")
        finally:
            self.close()

    def _make(self) -> None:
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(
                f"cannot make the mirror of {self.url} in {self.path}: {error.strerror or error}; UNMASKBENCH_CACHE moves it"
            ) from error

    def _clear(self) -> None:
        super()._clear()
        kept = self._mirrored()
        place, root = self._connection()
        with self._saying("clear"):
            self._each(
                lambda name: place.rm_file(f"{root}/{name}"), [name for name in self._listing() if name not in kept]
            )

    # ------------------------------------------------------------------------------------------------ both ways

    def write_bytes(self, relative: str, content: bytes) -> None:
        """Write a file to the mirror and to the URL, each atomically."""
        super().write_bytes(relative, content)
        self._upload(relative, content)

    def remove(self, relatives: Sequence[str]) -> None:
        """Remove files from the mirror and from the URL."""
        there = self._listing() if relatives else {}
        super().remove(relatives)
        place, root = self._connection()
        with self._saying("clear"):
            self._each(lambda name: place.rm_file(f"{root}/{name}"), [name for name in relatives if name in there])

    def publish(self, *relatives: str) -> None:
        """Send files of the mirror to the URL; none named, all that differ from what is there."""
        names: Iterable[str] = relatives
        if not relatives:
            there, mirrored = self._listing(), self._mirrored()
            names = [n for n, size in mirrored.items() if there.get(n) != size or n.endswith((".json", ".html"))]
        self._each(lambda name: self._upload(name, (self.path / name).read_bytes()), names)

    def receive(self, key: str) -> bool:
        """Take a unit that another machine has written into the mirror, and say whether it is complete there."""
        if self.is_complete(key):
            return True
        try:
            self._download(f"parts/{key}.parquet")
            for name in self.companions(key) or ():
                self._download(self._checked(name))
        except FileNotFoundError:
            return False
        return self.is_complete(key)

    def _pull(self) -> bool:
        """Whether there is a run at the URL, and its files in the mirror: those that are missing or of another size, and
        all whose names do not say what they hold. What the mirror alone has goes. StoreError where there is something
        else."""
        there, mirrored = self._listing(), self._mirrored()
        if there and not {"claim.json", "run.json"} & there.keys():
            raise StoreError(f"{self.url} is not empty and holds no run: give another URL")
        for name in mirrored.keys() - there.keys():
            (self.path / name).unlink(missing_ok=True)
        wanted = [name for name, size in there.items() if mirrored.get(name) != size or not _is_hashed(name)]
        try:
            self._each(self._download, wanted)
        except FileNotFoundError as error:
            raise StoreError(f"{self.url} changes while it is read ({error}): give the command again") from error
        return bool(there)

    def _download(self, relative: str) -> None:
        place, root = self._connection()
        with self._saying("read"):
            content: bytes = place.cat_file(f"{root}/{relative}")
        super().write_bytes(relative, content)

    def _upload(self, relative: str, content: bytes) -> None:
        place, root = self._connection()
        target = f"{root}/{relative}"
        with self._saying("write"):
            try:
                if self.url.partition("://")[0] not in OBJECT_STORES:
                    place.makedirs(target.rpartition("/")[0], exist_ok=True)
                place.pipe_file(target, content)
            except FileNotFoundError as error:  # of a bucket; that of a file is an answer when reading
                raise OSError(str(error)) from error

    def _mirrored(self) -> dict[str, int]:
        """Size of every file of the mirror by name."""
        files = (file for file in self.path.rglob("*") if file.is_file() and not _is_own(file.name))
        return {file.relative_to(self.path).as_posix(): file.stat().st_size for file in files}

    def _listing(self) -> dict[str, int]:
        """Size of every file of a run at the URL by name below it."""
        place, root = self._connection()
        with self._saying("list"):
            place.invalidate_cache()
            try:
                entries = place.find(root, detail=True)
            except FileNotFoundError:
                return {}
        sizes: dict[str, int] = {}
        for name, facts in entries.items():
            relative = name.removeprefix(root).removeprefix("/")
            if not name.startswith(f"{root}/") or not relative:
                raise StoreError(f"{self.url} is no folder: '{name}' is there; give another URL")
            first, _, rest = relative.partition("/")
            if facts.get("type") == "directory" or relative.endswith("/") or _is_own(relative.rpartition("/")[2]):
                continue
            self._checked(relative)
            if not rest or first in FOLDERS:
                sizes[relative] = int(facts.get("size") or 0)
        return sizes

    def _checked(self, relative: str) -> str:
        """The name, where it stays below the folder."""
        if any(part in ("", ".", "..") for part in relative.split("/")) or "\0" in relative or "\\" in relative:
            raise StoreError(
                f"{self.url} holds the name {relative!r}, which could lead out of a run folder: remove it there"
            )
        return relative

    # ------------------------------------------------------------------------------------------------ the place

    def _connection(self) -> tuple[Any, str]:
        """The file system behind the URL, and the path of the folder in it."""
        if self._place is None:
            scheme = self.url.partition("://")[0]
            try:
                from fsspec.core import url_to_fs

                with self._saying("open"):
                    place, root = url_to_fs(self.url)
            except ImportError as error:
                remedy = REMEDIES.get(ALIASES.get(scheme, scheme), f"{REMEDIES['s3']} ({error})")
                raise StoreError(f"{self.url} needs a package that is not here: {remedy}") from error
            self._place = place, str(root).rstrip("/")
        return self._place

    def _each(self, work: Callable[[str], None], names: Iterable[str]) -> None:
        """Do the work for every name, several at a time where the place takes that."""
        if not getattr(self._connection()[0], "async_impl", False):
            for name in names:
                work(name)
            return
        with ThreadPoolExecutor(TRANSFERS) as pool:
            for _ in pool.map(work, names):
                pass

    @contextlib.contextmanager
    def _saying(self, doing: str) -> Iterator[None]:
        """Every store has errors of its own: they become one that names the URL, without a secret. A file that is not
        there and a package that is not are told apart by the caller."""
        try:
            yield
        except (StoreError, FileNotFoundError, ImportError):
            raise
        except Exception as error:
            said = without_secrets(f"{type(error).__name__}: {error}")
            raise StoreError(
                f"cannot {doing} {self.url} ({said}); what was written before is kept: mend the address, the credentials or "
                "the network, then give the same command again"
            ) from error


def _is_hashed(name: str) -> bool:
    """Whether the name is of a folder whose names say what the files hold, so that the same size is the same file."""
    return name.partition("/")[0] in FOLDERS


def _is_own(name: str) -> bool:
    """Whether a file is the mirror's and no part of the run."""
    return name == LOCK or name.startswith(".tmp-")

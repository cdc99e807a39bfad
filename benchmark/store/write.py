"""The one writer of files: whole or not at all.

A file is written beside its place and then put there in one step. A full disk, or a process killed in the middle, leaves the
file that was there before; a link at its place is replaced and what it leads to stays as it is.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

TEMPORARY = ".tmp-"
_UMASK = os.umask(0)
os.umask(_UMASK)
FILE_MODE = 0o666 & ~_UMASK  # mkstemp's files are the owner's alone; what is written here is there to be shared


class WriteError(OSError):
    """A file that could not be written; the message names it, the reason and what to do."""


def write_file(path: Path | str, content: bytes | str) -> Path:
    """Write ``content`` (a text as UTF-8 with ``\\n``) to ``path``, its folders made, and return the path.

    Raises WriteError where the disk is full or refuses; the file that was there before is then whole.
    """
    target = Path(path)
    temporary = ""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=TEMPORARY)
        with os.fdopen(handle, "wb") as stream:
            stream.write(content.encode() if isinstance(content, str) else content)
            stream.flush()
            os.fsync(stream.fileno())
        Path(temporary).chmod(FILE_MODE)
        os.replace(temporary, target)
    except OSError as error:
        raise WriteError(
            f"cannot write {target}: {error.strerror or error}; what was written before is kept: "
            "make room or mend its permissions, then give the same command again"
        ) from error
    finally:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
    return target

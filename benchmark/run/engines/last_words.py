"""What a worker says to the driver, and how an error that ends it is told."""

from __future__ import annotations

import errno
import pickle
import traceback
from typing import Any

Message = tuple[str, Any]
"""What a worker says: a kind and its content, see ``Supervisor.messages``."""


def portable(error: Exception) -> Exception:
    """The error as it can be sent, with the place where it was raised among its notes."""
    error.add_note(f"in a worker process:\n{traceback.format_exc()}")
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # an error class of another package that cannot be built again from its arguments
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


def final_message(error: Exception) -> Message:
    """What a worker says that an error ends: ("lost", why) where it is the worker alone that cannot go on, ("error",
    exception) where the run cannot."""
    cause: BaseException | None = error
    while cause is not None:
        # A limit of one process, which a method has used up: a fresh worker has it whole. A full disk is everybody's.
        if isinstance(cause, OSError) and cause.errno == errno.EMFILE:
            return "lost", "it has used up its open files"
        cause = cause.__cause__ or cause.__context__
    return "error", portable(error)

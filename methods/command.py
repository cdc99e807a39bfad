"""Any program that restores a folder of pictures: a script, a C++ binary, a batch tool of somebody else's.

``command:"./mine.sh {occluded} {mask} {restored}"`` is called once a batch with three folders that exist for that call alone.
``{occluded}`` and ``{mask}`` hold ``000000.png``, ``000001.png`` ..., a mask white where the face is missing; the program writes
pictures of the same names and size into ``{restored}``. No shell reads the command.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from unmaskbench.plugin import METHODS, MethodCard, read_exactly

if TYPE_CHECKING:
    from torch import Tensor

FOLDERS = ("occluded", "mask", "restored")
PLACEHOLDER = re.compile(r"\{(\w*)\}")
TAIL = 160  # bytes of what a program wrote last to stderr that a failed row keeps
PATIENCE = 2  # calls in a row that may run past their limit; after them the program is not called again


@METHODS.register("command")
class Command:
    """``{occluded}`` and ``{restored}`` must stand in the command; with ``{mask}`` it is a method that needs one.

    ``timeout_seconds`` bounds one call. ``native_size`` is the side in pixels that the program wants, None for any. The program
    runs where ``bench`` was called, as the same user: run those of people you trust.
    """

    card = MethodCard(id="command", title="Command", needs_mask=False, provenance="user-model")

    def __init__(
        self, source: str, timeout_seconds: float = 600.0, native_size: int | None = None, title: str = ""
    ) -> None:
        try:
            self.words = shlex.split(source)
        except ValueError as error:
            raise ValueError(f"command: {source!r} cannot be split into words ({error})") from error
        named = [name for word in self.words for name in PLACEHOLDER.findall(word)]
        unknown = sorted(set(named) - set(FOLDERS))
        if unknown or not {"occluded", "restored"} <= set(named):
            wrong = f"{{{unknown[0]}}} is none of them" if unknown else "the first and the last are needed"
            raise ValueError(
                f"command: {source!r}: its placeholders are {{occluded}}, {{mask}} and {{restored}}; {wrong}"
            )
        if not timeout_seconds > 0:
            raise ValueError(f"command: timeout_seconds is {timeout_seconds:g}; give more than 0")
        self.program = shutil.which(self.words[0])
        if self.program is None:
            raise ValueError(
                f"command: there is no program '{self.words[0]}' that may be run; check its path and its permission"
            )
        self.timeout_seconds, self._late = timeout_seconds, 0
        self.card = MethodCard(
            id="command", title=title or Path(self.words[0]).name, needs_mask="mask" in named, provenance="user-model",
            native_size=native_size, code_licence="the user's", weights_licence="the user's",
            notes=f"called as: {source}; at most {timeout_seconds:g} s a call",
        )  # fmt: skip

    def load(self, device: str) -> None:
        """Nothing to load: the program loads its own."""

    def restore(self, occluded: Tensor, mask: Tensor | None) -> Tensor:
        """Restored (N, 3, H, W) in [0, 1]. Raises RuntimeError where the program fails, ValueError for what it wrote."""
        import torch

        if self._late >= PATIENCE:
            raise RuntimeError(f"ran past {self.timeout_seconds:g} s {PATIENCE} times and is not called again")
        with tempfile.TemporaryDirectory(prefix="unmaskbench-command-") as place:
            folders = {name: Path(place) / name for name in FOLDERS}
            for folder in folders.values():
                folder.mkdir()
            _write(folders["occluded"], occluded)
            if mask is not None:
                _write(folders["mask"], mask)
            self._call([PLACEHOLDER.sub(lambda found: str(folders[found[1]]), word) for word in self.words], place)
            height, width = occluded.shape[-2:]
            names = [folders["restored"] / f"{number:06d}.png" for number in range(len(occluded))]
            absent = [name.name for name in names if not name.is_file()]
            if absent:
                written = len(names) - len(absent)
                raise ValueError(f"wrote {written} of {len(names)} pictures into {{restored}}; {absent[0]} is lacking")
            return torch.stack([read_exactly(name, height, width) for name in names]).to(occluded.device)

    def _call(self, words: list[str], place: str) -> None:
        """Run the program to its end. What it started is ended with it."""
        with tempfile.TemporaryFile() as said:
            process = subprocess.Popen(
                words, executable=self.program, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=said,
                env={**os.environ, "TMPDIR": place}, start_new_session=True,
            )  # fmt: skip
            try:
                code = process.wait(self.timeout_seconds)
            except subprocess.TimeoutExpired:
                self._late += 1
                raise RuntimeError(f"ran longer than {self.timeout_seconds:g} s and was stopped") from None
            finally:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            self._late = 0
            if code:
                said.seek(max(0, said.seek(0, os.SEEK_END) - TAIL))
                last = said.read().decode("utf-8", "replace").strip()
                raise RuntimeError(f"ended with code {code}; its last words: {last or 'none'}")


def _write(folder: Path, images: Tensor) -> None:
    """Pictures (N, C, H, W) in [0, 1] as numbered PNGs, one channel as grey."""
    import torch
    from PIL import Image

    for number, image in enumerate(
        (images.clamp(0, 1) * 255).round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()
    ):
        Image.fromarray(image[..., 0] if image.shape[2] == 1 else image).save(folder / f"{number:06d}.png")

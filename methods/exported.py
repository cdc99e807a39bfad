"""Any network that ``torch.export`` has written: a ``.pt2`` file and a small YAML of its input convention.

The YAML is that of ``benchmark/plugins/model_file.py``. A program that was exported for one batch size or one picture size is
called so, or refused.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from unmaskbench.plugin import METHODS, MethodCard, card_of, read_convention, weights_alone

if TYPE_CHECKING:
    from torch import Tensor


@METHODS.register("exported")
class Exported:
    """``--methods exported:restorer.pt2``. Such a file is a program: run those of people you trust."""

    card = MethodCard(id="exported", title="torch.export model file", needs_mask=False, provenance="user-model")

    def __init__(self, source: str | Path) -> None:
        self.path = Path(source)
        self.convention = read_convention(self.path)
        self.card = card_of(self.path, self.convention, "exported")
        self._batch: int | None = None
        self._call: Callable[..., Tensor] | None = None

    def load(self, device: str) -> None:
        """Read the program. Raises ValueError where it is none, or was exported for other inputs than the YAML says."""
        import torch

        try:
            program = torch.export.load(str(self.path))
        except Exception as error:  # its reader raises whatever the archive's parts raise
            reason = weights_alone(self.path) or (str(error) or type(error).__name__).splitlines()[0]
            raise ValueError(f"{self.path} is no torch.export file that this torch can read: {reason}") from error
        names = program.graph_signature.user_inputs
        values = [node.meta["val"] for node in program.graph.nodes if node.op == "placeholder" and node.name in names]
        self._check([tuple(value.shape) for value in values])
        self._call = program.module().to(device)

    def _check(self, shapes: list[tuple[object, ...]]) -> None:
        """Whether the program takes what it will be given: numbers in ``shapes`` are fixed, symbols stand for any."""
        convention = self.convention
        channels = {"image": [3], "concatenated": [4], "separate": [3, 1]}[convention.inputs]
        taken = [shape[1] if len(shape) == 4 else shape for shape in shapes]
        if taken != channels:
            raise ValueError(
                f"{self.path} takes inputs of {taken} channels; inputs '{convention.inputs}' gives {channels}"
            )
        for shape in shapes:
            if any(isinstance(side, int) and side != convention.native_size for side in shape[2:]):
                raise ValueError(
                    f"{self.path} was exported for {shape[3]} x {shape[2]} px and native_size is {convention.native_size}; "
                    "set native_size to that side, or export with dynamic_shapes"
                )
            if isinstance(shape[0], int):
                self._batch = shape[0]
        if self._batch not in (None, 1):
            raise ValueError(
                f"{self.path} was exported for batches of {self._batch}; export it for 1, or with dynamic_shapes"
            )

    def restore(self, occluded: Tensor, mask: Tensor | None) -> Tensor:
        """Restored (N, 3, H, W) in [0, 1]."""
        import torch

        if self._call is None:
            raise RuntimeError("method 'exported' is not loaded; call load(device) first")
        inputs = self.convention.encode(occluded, mask)
        if self._batch == 1:
            singles = [self._call(*(each[i : i + 1] for each in inputs)) for i in range(len(occluded))]
            return self.convention.decode(torch.cat(singles))
        return self.convention.decode(self._call(*inputs))

"""Heavy modules, imported when something of them is first used: NumPy, OpenCV, Pillow; ``lazy_torch`` has torch.

To list plug-ins, to plan, and to answer for a finished run need the classes and cards of plug-ins and none of their
arithmetic. torch takes 1.6 seconds to import and the others 0.3, so a module that may be read for its card takes them from
the door, by the names that they have everywhere::

    from unmaskbench.plugin import METRICS, MetricCard, torch

A function finds the module itself behind the name. What stands at a module's top level and uses one (a base class, a
decorator, a constant) would import it at once: such a module imports it plainly, and is itself imported inside functions.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

__all__ = ["Image", "ImageOps", "LazyModule", "cv2", "np"]


class LazyModule(ModuleType):
    """Stands for a module until an attribute of it is asked for. Raises the module's own ImportError then."""

    def __getattr__(self, name: str) -> object:
        if name.startswith("__") and name.endswith("__"):
            # What looks at every global of a module (doctest, inspect, copy) asks for these; no arithmetic does.
            raise AttributeError(name)
        if name == "_module":
            # Kept: to look for the module at each use took a third of drawing a mask, which asks for some 500 names.
            module = self.__dict__["_module"] = import_module(self.__name__)
            return module
        return getattr(self._module, name)

    def __reduce__(self) -> tuple[type[LazyModule], tuple[str]]:
        return type(self), (self.__name__,)


if TYPE_CHECKING:
    import cv2
    import numpy as np
    from PIL import Image, ImageOps
else:
    Image, ImageOps, cv2, np = map(LazyModule, ("PIL.Image", "PIL.ImageOps", "cv2", "numpy"))

"""Map the four top-level folders into the package: import path = ``unmaskbench.`` + file path.

``import unmaskbench`` itself is ``benchmark/public/``. A plain top-level package called ``datasets`` in the wheel would
overwrite Hugging Face's of the same name.
"""

from setuptools import find_namespace_packages, setup

ROOMS = ("benchmark", "methods", "datasets", "reports")
DOOR = "benchmark/public"
NOT_CODE = ("__pycache__", "*.__pycache__", "public", "public.*")


def packages() -> list[str]:
    """The door and every folder below the rooms, data folders too, as ``unmaskbench.<path>``."""
    found = ["unmaskbench"]
    for room in ROOMS:
        found.append(f"unmaskbench.{room}")
        found += [f"unmaskbench.{room}.{name}" for name in find_namespace_packages(room, exclude=NOT_CODE)]
    return found


setup(
    packages=packages(),
    package_dir={"unmaskbench": DOOR, **{f"unmaskbench.{room}": room for room in ROOMS}},
    package_data={
        "": [
            *("py.typed", "*.yaml", "*.json", "*.safetensors", "*.onnx", "LICENSE-*.txt"),
            *("*.j2", "*.css", "*.js", "*.svg", "*.parquet", "*.npz"),
        ]
    },
)

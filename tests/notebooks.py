"""Notebooks of the documentation, run cell by cell in this process, and their stored outputs held to what comes out.

    python tests/notebooks.py docs/results.ipynb      # stores what comes out

A cell is Python as Jupyter runs it: its last line is shown where it is an expression, and so is every plot that it leaves open.
No kernel is started: nbclient with ipykernel would be forty packages more for the tests, for a notebook that uses no magic.
"""

from __future__ import annotations

import ast
import base64
import contextlib
import io
import json
import re
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?")
# Another processor computes a value a little otherwise, and may round the last decimal to its neighbour.
RELATIVE, LAST_DECIMAL = 2e-3, 1.01
PLOT = "image/png"


def read(path: Path) -> dict[str, Any]:
    """A notebook's JSON."""
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def code_cells(notebook: dict[str, Any]) -> list[dict[str, Any]]:
    """The cells that run, in order."""
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def executed(notebook: dict[str, Any]) -> list[list[dict[str, Any]]]:
    """What each code cell shows, as Jupyter stores it, run in the working folder; an error of a cell is raised."""
    import matplotlib

    matplotlib.use("Agg")  # plots stay open until the cell is done, as with Jupyter's own backend
    space: dict[str, Any] = {"__name__": "__main__"}
    return [_run("".join(cell["source"]), space, n + 1) for n, cell in enumerate(code_cells(notebook))]


def _run(source: str, space: dict[str, Any], count: int) -> list[dict[str, Any]]:
    tree = ast.parse(source)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    printed, value, name = io.StringIO(), None, f"cell {count}"
    with contextlib.redirect_stdout(printed), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "FigureCanvasAgg is non-interactive", UserWarning)  # plt.show()
        exec(compile(tree, name, "exec"), space)
        if isinstance(last, ast.Expr):
            value = eval(compile(ast.Expression(last.value), name, "eval"), space)
    outputs: list[dict[str, Any]] = []
    if printed.getvalue():
        outputs.append({"output_type": "stream", "name": "stdout", "text": _lines(printed.getvalue())})
    outputs += [{"output_type": "display_data", "data": {PLOT: plot}, "metadata": {}} for plot in _plots()]
    if value is not None:
        data = {"text/plain": _lines(repr(value))}
        if hasattr(value, "_repr_html_"):
            data["text/html"] = _lines(value._repr_html_())
        outputs.append({"output_type": "execute_result", "execution_count": count, "data": data, "metadata": {}})
    return outputs


def _plots() -> list[str]:
    """Every open plot as a PNG in base64; they are closed."""
    from matplotlib import pyplot

    found = []
    for number in pyplot.get_fignums():
        buffer = io.BytesIO()
        pyplot.figure(number).savefig(buffer, format="png", dpi=110, bbox_inches="tight")
        found.append(base64.b64encode(buffer.getvalue()).decode())
    pyplot.close("all")
    return found


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


def outdated(stored: list[dict[str, Any]], fresh: list[dict[str, Any]]) -> str:
    """Where the outputs of a cell are not what comes out, "" where they are. Texts are compared word by word, numbers to
    rounding; of plots that there is one."""
    kinds = [[(one["output_type"], sorted(one.get("data", {}))) for one in side] for side in (stored, fresh)]
    if kinds[0] != kinds[1]:
        return f"it stores {kinds[0]}, and {kinds[1]} comes out"
    for before, after in zip(stored, fresh, strict=True):
        for kind in ("text/plain", "text/html", "text"):
            texts = ["".join(one.get("data", one).get(kind, "")) for one in (before, after)]
            if apart := _apart(*texts):
                return apart
    return ""


def _apart(before: str, after: str) -> str:
    # a table is as wide as its longest number: blanks and rules say nothing
    words = [re.sub(r"[\s─═]+", " ", NUMBER.sub("#", text)) for text in (before, after)]
    if words[0] != words[1]:
        return f"it stores {before!r}, and {after!r} comes out"
    for one, other in zip(NUMBER.findall(before), NUMBER.findall(after), strict=True):
        decimals = max(len(text.partition(".")[2]) for text in (one, other))
        room = max(LAST_DECIMAL * 10.0**-decimals, RELATIVE * abs(float(other))) if decimals else 0.0
        if abs(float(one) - float(other)) > room:
            return f"it stores {one}, and {other} comes out: {after!r}"
    return ""


def store(path: Path) -> None:
    """Run a notebook in an empty folder and write what comes out into it."""
    notebook = read(path)
    with tempfile.TemporaryDirectory() as scratch, contextlib.chdir(scratch):
        found = executed(notebook)
    for count, (cell, outputs) in enumerate(zip(code_cells(notebook), found, strict=True), 1):
        cell |= {"execution_count": count, "outputs": outputs}
    path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        store(Path(argument).resolve())

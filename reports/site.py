"""The board's page: one self-contained HTML file, or a folder with its images beside it.

Nothing is fetched: styles, script, data, figures and (in a single file) images are in the page, and its
content-security policy allows no more than that. Every text of a run is data: jinja2 escapes it, the script writes it as
text, and the embedded JSON cannot end its own element.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from unmaskbench.benchmark.board.quantities import for_page as quantities
from unmaskbench.benchmark.statistics.levels import CEILING
from unmaskbench.benchmark.store.write import write_file
from unmaskbench.reports.between_runs import for_page
from unmaskbench.reports.board import Board, Row, load
from unmaskbench.reports.board_index import BoardIndex
from unmaskbench.reports.cards import cards
from unmaskbench.reports.duels import duels
from unmaskbench.reports.glossary import GLOSSARY
from unmaskbench.reports.merge import merge
from unmaskbench.reports.own_method import own_method_commands
from unmaskbench.reports.packing import pack
from unmaskbench.reports.papers import beside, load_published
from unmaskbench.reports.pictures import Pictures
from unmaskbench.reports.plot_focus import highlighted
from unmaskbench.reports.plot_plan import FIGURES_LIMIT, figures_for_page
from unmaskbench.reports.plot_svg import DARK, LIGHT, UNTOUCHED, cycle, hue
from unmaskbench.reports.verdict import verdict

TEMPLATES = Path(__file__).with_name("templates")
SCRIPTS = (
    "data.js", "format.js", "filters.js", "columns.js", "cells.js", "leaderboard.js", "differences.js", "runs.js", "compare.js",
    "overview.js", "views.js", "gallery.js", "cards.js", "main.js",
)  # fmt: skip
DATA_BUDGET_BYTES = 4_200_000
PACKED = {
    "rows": ("dataset", "occlusion", "output", "metric", "region", "slice", "method", "value", "low", "high", "n", "failed",
             "ceiling", "rank", "group", "ranked", "note", "of", "completed", "seen_truth", "absent"),
    "verification": ("dataset", "occlusion", "output", "setting", "matcher", "metric", "target", "policy", "slice", "method",
                     "value", "low", "high", "threshold", "genuine", "impostor", "failed", "independent", "refused", "group"),
    "differences": ("dataset", "occlusion", "output", "metric", "region", "method_a", "method_b", "difference", "low", "high",
                    "p_holm", "significant"),
    "correlations": ("over", "dataset", "occlusion", "output", "image_metric", "region", "biometric", "matcher", "spearman",
                     "spearman_low", "spearman_high", "kendall", "n"),
    "statuses": ("dataset", "occlusion", "method", "status", "count", "example", "message"),
}  # fmt: skip


def render(runs: Sequence[Path], out: Path, single_file: bool = True, figures_limit: int = FIGURES_LIMIT) -> Path:
    """Write ``out/index.html`` for the boards of ``runs`` and return its path.

    Runs of one manifest share a board; others stand side by side with a warning. With ``single_file`` the images are in
    the page, at most as many as keep it under 15 MB; else all of them lie in ``out/images``. ``figures_limit`` bounds the
    drawn figures of all boards together (about 0.12 s and 30 kB each). Raises
    :class:`~unmaskbench.reports.schema.BoardError` for a board that is absent or broken.
    """
    if not runs:
        raise ValueError("no run was given; expected one or more run folders (bench report RUN...)")
    out.mkdir(parents=True, exist_ok=True)
    boards = merge([load(run) for run in runs])
    pictures = Pictures(out, single_file)
    papers = load_published()
    pages: list[Row] = []
    drawn: dict[str, Markup] = {}
    for number, board in enumerate(boards):
        indexed = BoardIndex(board)
        svg, left_out = figures_for_page(indexed, max(1, figures_limit // len(boards)))
        if left_out:
            board.warnings.append(
                f"The page holds {len(svg)} figures of at most {len(svg) + left_out}; its tables hold what the others would "
                f"show, and bench report RUN --figures {len(svg) + left_out} draws them all."
            )
        drawn |= {f"{number}/{key}": Markup(text) for key, text in svg.items()}
        pages.append(
            _board_data(
                board,
                indexed,
                _with_similarity(board, pictures.gallery(board)),
                papers,
                DATA_BUDGET_BYTES // len(boards),
            )
        )
    # published tables and cards are drawn by the template, the script does not need them twice
    data = {
        "boards": [{k: v for k, v in page.items() if k not in ("published", "cards", "own_method")} for page in pages],
        "between": for_page(boards),
        "glossary": GLOSSARY,
        "quantities": quantities(),
        "psnr_ceiling": CEILING,
    }
    script = "\n".join((TEMPLATES / name).read_text(encoding="utf-8") for name in SCRIPTS)
    html = environment().get_template("index.html.j2").render(
        boards=pages,
        figures=drawn,
        data=embedded_json(data),
        images=embedded_json(pictures.sources),
        script=Markup(script),
        policy=content_security_policy(script),
        light=(*LIGHT,), dark=(*DARK,), untouched=UNTOUCHED,
        glossary=GLOSSARY,
        title=" | ".join(page["names"] for page in pages),
    )  # fmt: skip
    return write_file(out / "index.html", html)


@lru_cache(maxsize=1)
def environment() -> Environment:
    """jinja2 with escaping on for every template and no silent undefined names; one a process, which keeps the templates that it
    has compiled."""
    loaded = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    loaded.filters["number"] = _number
    loaded.filters["printed"] = _printed
    loaded.filters["plain"] = _plain
    return loaded


def embedded_json(value: object) -> Markup:
    """JSON that is safe inside a script element: no character in it can open or close a tag or a comment."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    for character, escape in (("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026")):
        text = text.replace(character, escape)
    return Markup(text)


def content_security_policy(script: str) -> str:
    """A policy under which only this page's own script runs and nothing is fetched from anywhere."""
    digest = base64.b64encode(hashlib.sha256(f"\n{script}\n".encode()).digest()).decode("ascii")
    return (
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; img-src 'self' file: data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _with_similarity(board: Board, gallery: list[Row]) -> list[Row]:
    """The gallery with each face's similarity to its truth, where the scatter holds it and the gallery does not."""
    stored = {name for g in gallery for item in g["methods"].values() for name in item["scores"]}
    shown = {(g["dataset"], g["occlusion"], g["sample"]): g["methods"] for g in gallery}
    for row in board.data["scatter"]:
        item = shown.get((row["dataset"], row["occlusion"], row["sample"]), {}).get(row["method"])
        for name, value in row["values"].items() if item is not None else ():
            if name.startswith("similarity/") and name not in stored:
                item["scores"] = item["scores"] | {f"{name}/{row['output']}": value}
    return gallery


def _board_data(
    board: Board, indexed: BoardIndex, gallery: list[Row], papers: list[Row], budget: int
) -> Row:  # fmt: skip
    order = indexed.method_order()
    data = board.data
    tables, left_out = _packed(board, budget)
    page = {
        "names": ", ".join(board.names),
        "manifest": data["manifest"],
        "run": data["run"],
        "members": data["run"].get("members", [data["run"]]),
        "timings": data["timings"],
        "contexts": board.contexts(),
        "outputs": board.outputs(),
        "methods": [
            m
            | {
                "hue": hue(order.index(m["method"])) if m["method"] != "untouched" else -1,
                "cycle": cycle(order.index(m["method"])),
            }
            for m in data["methods"]
        ],
        "datasets": data["datasets"],
        "occlusions": data["occlusions"],
        "metrics": data["metrics"],
        "matchers": data["matchers"],
        "worn": data["worn"],
        "gallery": gallery,
        "verdicts": {"/".join(c): verdict(indexed, c) for c in indexed.contexts()},
        "judges": {
            "/".join(c): [[p.matcher, p.target, p.metric] for p in indexed.operating(c)] for c in indexed.contexts()
        },
        "fair": {
            "/".join(c): bool((points := indexed.operating(c)) and indexed.judged_fairly(c, points[0].matcher))
            for c in indexed.contexts()
        },
        "highlighted": {"/".join(c): highlighted(indexed, c) for c in indexed.contexts()},
        "duels": duels(board, [m["method"] for m in data["methods"]]),
        "pictures": {"/".join(c): indexed.image_metric(c) for c in indexed.contexts()},
        "tables": tables,
        "left_out": left_out,
        "published": beside(papers, board),
        "own_method": own_method_commands(data["run"]),
    }
    return page | {"warnings": board.warnings, "cards": cards(page)}


def _packed(board: Board, budget: int) -> tuple[Row, list[str]]:
    """The tables as columns; where they are too large, the least looked at rows go: a warning and the list say which."""
    left_out: list[str] = []
    tables = {name: list(board.data[name]) for name in PACKED}
    steps: tuple[tuple[str, str, Callable[[Row], bool]], ...] = (
        ("differences of raw outputs", "differences", _not_raw),
        (
            "slices of biometric quantities other than FNMR",
            "verification",
            lambda r: r["slice"] == "all" or r["metric"] in ("fnmr_equal", "fnmr"),
        ),
        ("slices of raw outputs", "verification", lambda r: r["slice"] == "all" or _not_raw(r)),
        ("slices of raw outputs", "rows", lambda r: r["slice"] == "all" or _not_raw(r)),
        ("differences that are not significant", "differences", lambda r: bool(r["significant"])),
        ("attribute slices of biometric quantities", "verification", _whole_or_coverage),
        ("attribute slices of image metrics", "rows", _whole_or_coverage),
    )
    packed = {name: pack(_in_order(rows, PACKED[name]), PACKED[name]) for name, rows in tables.items()}
    sizes = {name: len(json.dumps(table, separators=(",", ":"))) for name, table in packed.items()}
    for words, name, keep in steps:
        if sum(sizes.values()) <= budget:
            break
        kept = [row for row in tables[name] if keep(row)]
        if len(kept) == len(tables[name]):
            continue
        board.warnings.append(
            f"To keep the page small it leaves out {words} ({len(tables[name]) - len(kept)} rows); "
            "bench report RUN --tables DIR writes them all."
        )
        left_out.append(words)
        tables[name] = kept
        packed[name] = pack(_in_order(kept, PACKED[name]), PACKED[name])
        sizes[name] = len(json.dumps(packed[name], separators=(",", ":")))
    return packed, left_out


def _not_raw(row: Row) -> bool:
    return bool(row["output"] != "raw")


def _whole_or_coverage(row: Row) -> bool:
    return bool(row["slice"] == "all" or row["slice"].startswith("coverage="))


def _in_order(rows: list[Row], names: Sequence[str]) -> list[Row]:
    """Rows sorted by their leading words, so that columns become long runs."""
    keys = names[:7]
    return sorted(rows, key=lambda r: tuple(str(r.get(k)) for k in keys))


def _number(value: object) -> str:
    """A number for people: four significant digits; text as it is; an en dash for nothing."""
    if value is None:
        return "–"
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return f"{value:.4g}" if abs(value) < 1e5 else f"{value:,.0f}"
    return str(value)


def _printed(value: object) -> str:
    """A published cell with every digit that the paper prints."""
    return "–" if value is None else str(value)


def _plain(value: object) -> str:
    """A nested value as readable lines of JSON, text as it is."""
    return value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)

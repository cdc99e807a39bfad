"""What a run found, in a terminal: the answer in a sentence, then a table per condition, the best method first."""

from __future__ import annotations

from pathlib import Path

from unmaskbench.benchmark.board.figure_text import figure, quantity_words, with_unit
from unmaskbench.benchmark.host.terminal import print_table, say
from unmaskbench.benchmark.plugins.cards import NO_TRUTH
from unmaskbench.benchmark.plugins.json_types import JsonMapping
from unmaskbench.reports.best_first import best_first
from unmaskbench.reports.board import load
from unmaskbench.reports.board_index import BoardIndex
from unmaskbench.reports.verdict import verdict

TRUTH, OCCLUDED = "(truth)", "untouched"


def print_summary(folder: Path) -> None:
    """The headline and the main values of each condition on stdout, then times and what failed."""
    loaded = load(folder)
    board, indexed = loaded.data, BoardIndex(loaded)
    for dataset, occlusion in dict.fromkeys(
        (r["dataset"], r["occlusion"]) for r in board["rows"] + board["verification"]
    ):
        _Condition(board, dataset, occlusion, indexed).show()
    for worn in board.get("worn", ()):
        if worn["found"] is not None:
            say(f"{worn['dataset']}: a mask was found on {worn['found']} of {worn['probes']} worn photographs")
    if board["timings"]:
        stages = "  ".join(f"{stage} {seconds:.1f} s" for stage, seconds in board["timings"].items())
        say(f"time   {stages}")
    for line in _fates(board):
        say(line)


def _fates(board: JsonMapping) -> list[str]:
    """What did not go well, a line each; a photograph that no method could be given is told of once."""
    keys = ("dataset", "occlusion", "status", "count", "message")
    told = {tuple(row[key] for key in keys) for row in board["statuses"] if not row["method"]}
    lines = []
    for row in board["statuses"]:
        if row["status"] == "ok" or (row["method"] and tuple(row[key] for key in keys) in told):
            continue
        first = "the first: " if row["count"] > 1 else ""
        whose = row["method"] or "every method"
        lines.append(
            f"{row['dataset']}/{row['occlusion']}: {whose}: {row['count']} {row['status']} ({first}{row['message']})"
        )
    return lines


class _Condition:
    """The values of one dataset under one occlusion, by method and column."""

    def __init__(self, board: JsonMapping, dataset: str, occlusion: str, indexed: BoardIndex) -> None:
        def here(row: JsonMapping) -> bool:
            return bool((row["dataset"], row["occlusion"], row["slice"]) == (dataset, occlusion, "all"))

        self.dataset, self.occlusion = dataset, occlusion
        self.images = [row for row in board["rows"] if here(row)]
        self.trials = [row for row in board["verification"] if here(row) and row["policy"] == "penalised"]
        outputs = {row["output"] for row in self.images + self.trials}
        self.output = "composite" if "composite" in outputs else "raw"
        context = (dataset, occlusion, self.output)
        known = context in indexed.contexts()
        self.answer = str(verdict(indexed, context)["headline"]) if known else ""
        self.by = indexed.image_metric(context) if known else None
        points = indexed.operating(context) if known else []
        self.without_target = {point.matcher for point in points if point.target is None}
        self.order = best_first(indexed, context) if known else []
        self.columns: list[str] = []
        self.values: dict[str, dict[str, str]] = {}
        self.refusals: dict[tuple[str, str], str] = {}
        self._read_images()
        self._read_trials()

    def show(self) -> None:
        """Print the answer, the table, and why what is missing is missing."""
        title = f"{self.dataset}, {self.occlusion}, {self.output}"
        say("")
        say(f"{title}: {self.answer}" if self.answer else title)
        if not self.columns:
            why = "".join(f"; {reason}" for reason in list(self.refusals.values())[:1])
            say(f"{self.dataset}, {self.occlusion}: no figure for this table{why}")
            return
        first = [name for name in (TRUTH, OCCLUDED) if name in self.values]
        places = {name: place for place, name in enumerate(self.order)}
        others = sorted(set(self.values) - set(first), key=lambda name: (places.get(name, len(places)), name))
        rows = [[name, *(self.values[name].get(column, "") for column in self.columns)] for name in (*first, *others)]
        print_table("", [("method", False), *((column, True) for column in self.columns)], rows, in_blocks=True)
        for place, why in self._refused().items():
            say(f"{place}: {why}")

    def _refused(self) -> dict[str, str]:
        """Why a column was refused, or a row of a column that has other figures: bare photographs may be too few where worn
        ones are enough."""
        found: dict[str, str] = {}
        for (column, method), why in self.refusals.items():
            found.setdefault(f"{column}, {method}" if column in self.columns else column, why)
        return found

    def _read_images(self) -> None:
        # the metric that the answer is by stands first and orders the methods
        for row in sorted(self.images, key=lambda row: (row["metric"], row["region"]) != self.by):
            if row["output"] != self.output or row["region"] not in ("whole", "hole"):
                continue
            name = row["metric"] + (" hole" if row["region"] == "hole" else "")
            value = row["value"]
            shown = "-" if value is None else figure(row["metric"], value)
            shown = NO_TRUTH if row.get("absent") == "no_truth" else shown
            self._put(row["method"], name, shown)
            if row.get("of") and row["n"] < row["of"]:
                self._put(row["method"], "n of N", f"{row['n']} of {row['of']}")

    def _read_trials(self) -> None:
        # boards of before equal FMR was counted have the kept threshold alone
        equal = any(row["metric"] == "fnmr_equal" for row in self.trials)
        metric = "fnmr_equal" if equal else "fnmr"
        for row in self.trials:
            # where every target was refused the answer is by the area under the ROC
            answers = row["metric"] == "auc" and row["matcher"] in self.without_target
            if not (row["metric"] == metric or answers) or row["setting"] not in ("TT", "MT", "UT"):
                continue
            if row["setting"] == "UT" and row["output"] != self.output:
                continue
            name = f"{row['matcher']} {quantity_words(row['metric'], row['target'])}"
            method = {"TT": TRUTH, "MT": OCCLUDED}.get(row["setting"], row["method"])
            if row["refused"]:
                self.refusals.setdefault((name, method), row["refused"])
                continue
            shown = "-" if row["value"] is None else with_unit(row["metric"], figure(row["metric"], row["value"]))
            self._put(method, name, shown)

    def _put(self, method: str, column: str, shown: str) -> None:
        self.columns += [column] if column not in self.columns else []
        self.values.setdefault(method, {})[column] = shown

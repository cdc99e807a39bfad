"""What the gate found, in words: lines for a terminal, a Markdown summary for a job's page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from unmaskbench.benchmark.board.figure_text import exact, exact_difference
from unmaskbench.benchmark.gate.baseline import Baseline
from unmaskbench.benchmark.gate.verdict import NOTHING_COMPARED, Result, Verdict
from unmaskbench.benchmark.host.text import markdown as markdown_text
from unmaskbench.benchmark.host.text import markdown_code

SHOWN = 40
NAMED = 12
UNCOMPARED = ("missing", "signature", "not compared", "new")


class Line(NamedTuple):
    """A finding as a row of a table."""

    row: str
    state: str
    before: str
    after: str
    difference: str
    interval: str
    tolerance: str
    message: str


HEADINGS = Line("row", "verdict", "baseline", "run", "difference", "95 % interval", "tolerance", "why")


def headline(result: Result) -> str:
    """One sentence: what the exit code says."""
    absent, rows = result.absent_methods, result.of_present
    if result.exit_code == NOTHING_COMPARED:
        return (
            f"nothing could be compared: not one of the baseline's {len(rows) + sum(absent.values())} rows is in the run "
            f"'{result.run.name}' (was another suite run?)"
        )
    compared = sum(verdict.difference is not None for verdict in rows)
    changed = f", and the inputs of {_conditions(result)} changed" if result.inputs else ""
    regressed = sum(verdict.regressed for verdict in rows)
    if not regressed and not changed:
        found = f"nothing regressed: {compared} of {len(rows)} guarded rows compared"
    else:
        found = f"{regressed} of {len(rows)} guarded rows regressed{changed}"
    if not absent:
        return found
    if result.partial:
        return f"partial check, without {absent_words(result)}: {found}"
    is_absent, remedy = ("is", "run it") if len(absent) == 1 else ("are", "run them")
    return (
        f"{absent_words(result)} {is_absent} not in this run: {remedy}, or check the methods of the run alone with --partial; "
        f"apart from that {found}"
    )


def absent_words(result: Result) -> str:
    """'2 methods of the baseline (72 checks: lama, mbnet)', "" where the run has all."""
    absent = result.absent_methods
    if not absent:
        return ""
    named = ", ".join([*absent][:NAMED]) + (f" and {len(absent) - NAMED} more" if len(absent) > NAMED else "")
    methods = f"{len(absent)} method{'s' if len(absent) > 1 else ''} of the baseline"
    checks = sum(absent.values())
    return f"{methods} ({checks} check{'s' if checks > 1 else ''}: {named})"


def _conditions(result: Result) -> str:
    return ", ".join(sorted({f"{change.dataset}/{change.occlusion}" for change in result.inputs}))


def figures(verdict: Verdict) -> str:
    """A verdict's numbers in one line, "" where there are none."""
    if verdict.difference is None:
        return ""
    line = _line(verdict)
    parts = [f"{line.before} -> {line.after}", f"difference {line.difference}"]
    parts += [f"interval {line.interval}"] if line.interval else []
    parts += [f"p {verdict.p:.2g} (Holm)"] if verdict.p is not None else []
    return ", ".join([*parts, f"tolerance {line.tolerance}", f"n {verdict.n}"])


def regression_lines(result: Result) -> list[Line]:
    """Changed inputs first, then each row that regressed; rows that could not be compared for one reason share a line."""
    lines = [
        Line(f"{change.dataset}/{change.occlusion}", "inputs", "", "", "", "", "", change.message)
        for change in result.inputs
    ]
    absent = {} if result.partial else result.absent_methods
    lines += _lines([verdict for verdict in result.regressions if verdict.name.method not in absent])
    return lines + [
        Line(f"method {name}", "not in the run", "", "", "", "", "", f"{count} checks of the baseline")
        for name, count in absent.items()
    ]


def note_lines(result: Result) -> list[Line]:
    """What is no regression and yet worth a word: better rows, doubtful and new ones, those left out for their inputs."""
    return _lines([v for v in result.verdicts if v.state in ("better", "unclear", "new", "not compared")])


def difference_lines(result: Result, every: bool) -> list[Line]:
    """Rows of two runs that differ significantly (or all of them), and, grouped, those that only one of them has."""
    shown = [v for v in result.verdicts if v.state not in ("same", "missing") or (every and v.state == "same")]
    told = [v for v in shown if v.state not in ("new", "unclear") or (every and v.state == "unclear")]
    lines = [line._replace(tolerance="", message="" if line.difference else line.message) for line in _lines(told)]
    for state, whose in (("missing", "the first run alone has it"), ("new", "the second run alone has it")):
        alone = [v for v in result.verdicts if v.state == state]
        if alone:
            more = f" and {len(alone) - 1} more" if len(alone) > 1 else ""
            lines.append(Line(f"{alone[0].name}{more}", "not in both", "", "", "", "", "", whose))
    return lines


def _lines(verdicts: Iterable[Verdict]) -> list[Line]:
    lines: list[Line] = []
    groups: dict[tuple[str, str], list[Verdict]] = {}
    for verdict in verdicts:
        if verdict.state in UNCOMPARED:
            groups.setdefault((verdict.state, verdict.message), []).append(verdict)
        else:
            lines.append(_line(verdict))
    for (state, message), found in groups.items():
        more = f" and {len(found) - 1} more" if len(found) > 1 else ""
        lines.append(Line(f"{found[0].name}{more}", state, "", "", "", "", "", message))
    return lines


def _line(verdict: Verdict) -> Line:
    metric, interval = verdict.name.metric, ""
    if verdict.low is not None and verdict.high is not None:
        interval = f"{exact_difference(metric, verdict.low)} to {exact_difference(metric, verdict.high)}"
    return Line(
        str(verdict.name), verdict.state, exact(metric, verdict.before), exact(metric, verdict.after),
        exact_difference(metric, verdict.difference), interval, exact_difference(metric, verdict.tolerance, sign=False),
        verdict.message,
    )  # fmt: skip


def markdown(result: Result, worst: Sequence[str] = ()) -> str:
    """The job summary: the headline, what regressed, notes, and the worst images by name."""
    mark = {0: "partial, passed" if result.absent_methods else "passed", 1: "failed"}.get(result.exit_code, "not done")
    lines = [f"## bench check: {mark}", "", markdown_text(headline(result)) + ".", ""]
    lines += _table("Regressions", regression_lines(result))
    lines += _table("Notes", note_lines(result))
    if worst:
        lines += [
            "### Worst images",
            "",
            *(f"{place}. {markdown_text(text)}" for place, text in enumerate(worst, 1)),
            "",
        ]
    lines += [f"Baseline {_origin(result.baseline)}; run {_origin(result.run)}.", ""]
    return "\n".join(lines)


def _origin(side: Baseline) -> str:
    name, manifest = markdown_code(side.name), markdown_code(side.manifest[:12])
    return f"`{name}` of {markdown_text(side.created)}, manifest `{manifest}`"


def write_markdown(result: Result, path: Path, worst: Sequence[str] = ()) -> None:
    """Append the summary to a file: CI systems give one file to all steps of a job."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as stream:
        stream.write(markdown(result, worst))


def _table(title: str, lines: Sequence[Line]) -> list[str]:
    if not lines:
        return []
    columns = [c for c in range(len(HEADINGS)) if any(line[c] for line in lines)]
    rows = [[markdown_text(line[c]) for c in columns] for line in lines[:SHOWN]]
    found = [f"### {title}", "", _cells([HEADINGS[c] for c in columns]), _cells(["---"] * len(columns))]
    found += [_cells(row) for row in rows]
    if len(lines) > SHOWN:
        found += ["", f"and {len(lines) - SHOWN} more"]
    return [*found, ""]


def _cells(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"

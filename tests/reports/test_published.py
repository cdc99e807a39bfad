"""The papers' tables as data: counted, digit for digit what the papers print, and tied to figures that a board has."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from unmaskbench.benchmark.plan.suite_file import load_suite
from unmaskbench.benchmark.plugins.registry import DATASETS
from unmaskbench.benchmark.plugins.registry import METHODS as REGISTRY
from unmaskbench.reports.papers import COSTS, FOLDER, NO_METHOD, load_published, rule_of, why_unmeasured
from unmaskbench.reports.papers import COUNTS as OF_DATA

# rows and cells of every printed table, counted by hand from the papers
COUNTS: dict[str, dict[str, tuple[int, int]]] = {
    "tsai2026": {"Table 1": (4, 4), "Figure 11": (6, 12), "Table 2": (3, 6), "Table 3": (5, 10)},
    "plesko2025": {
        "Table 1": (4, 8), "Table 2": (5, 10), "Table 3": (9, 18), "Table 4": (4, 16), "Table 5": (4, 16),
        "Table 6": (5, 30), "Table 7": (4, 24), "Table 8": (4, 24),
    },
    "hosen2022": {"TABLE I": (4, 12), "TABLE II": (3, 9)},
    "jabbar2021": {"Table 1": (4, 20), "Table 2": (2, 10), "Table 3": (3, 15)},
    "randhawa2022": {"Table 1": (4, 16), "Table 2": (2, 8), "Table 3": (9, 99), "Table 4": (2, 16)},
}  # fmt: skip
FILES = {
    "tsai2026": "tsai2026_h2a_ms2a_gan", "plesko2025": "plesko2025_modified_vnet", "hosen2022": "hosen2022_ra_unet",
    "jabbar2021": "jabbar2021_fd_stackgan", "randhawa2022": "randhawa2022_psp_unmask",
}  # fmt: skip
# label of a row of its own in the notes of a suite
OWN_LABELS = {"psp_unmask_1024"}
# printed numbers, and those of them beside which a rule can put a measured one
DECIDED = {"tsai2026": 29, "plesko2025": 146, "hosen2022": 21, "jabbar2021": 45, "randhawa2022": 76}
FILLABLE = {"tsai2026": 8, "plesko2025": 144, "hosen2022": 9, "jabbar2021": 45, "randhawa2022": 68}
METRICS = {"psnr", "ssim", "ms_ssim", "fsim", "mse", "l1", "lpips", "niqe", "brisque", "fid", "kid"}
BIOMETRICS = {"auc", "eer", "tmr", "fnmr", "fmr", "accuracy", "fpr", "tpr", "dprime"}
HEADER_LINES = {
    ("tsai2026", "Table 1"): 0, ("plesko2025", "Table 6"): 2, ("plesko2025", "Table 7"): 2, ("plesko2025", "Table 8"): 2,
    ("randhawa2022", "Table 4"): 2,
}  # fmt: skip
# printed columns that hold two figures each (UU with MM, UT with MT), which the data keeps apart
JOINED_COLUMNS = {("randhawa2022", "Table 3"): 2, ("randhawa2022", "Table 4"): 2}
TURNED = {("tsai2026", "Table 2")}


def printed_id(table: dict[str, Any]) -> str:
    """The id in the paper: a table that stands in parts, "Table 3 (LFW)", is one table there."""
    return str(table["id"]).partition(" (")[0]


def as_written(paper: str) -> dict[str, list[list[str]]]:
    """Cells of every table as the file writes them, trailing zeros included; an empty cell is ''."""
    # BaseLoader keeps every scalar a string
    data = yaml.load((FOLDER / f"{paper}.yaml").read_text(encoding="utf-8"), Loader=yaml.BaseLoader)
    tables: dict[str, list[list[str]]] = {}
    for table in data["tables"]:
        rows = [["" if cell == "null" else cell for cell in row["cells"]] for row in table["rows"]]
        tables.setdefault(printed_id(table), []).extend(rows)
    return tables


def as_printed(paper: str, text: str) -> dict[str, list[list[str]]]:
    """Cells of every table of a paper's text without labels and header; columns are parted by tabs, or in one paper by
    spaces with five figures a row."""
    lines = text.split("\n")
    tables: dict[str, list[list[str]]] = {}
    for number, line in enumerate(lines):
        caption = re.match(r"\**((?:Table|TABLE|Fig\.) ?(?:\d+|[IVX]+)\b)", line)
        first = "Masked Image\t" if line.startswith("Masked Image\t") else ""
        if caption is None and not first:
            continue
        name = "Figure 11" if first else caption[1]  # type: ignore[index]
        below = lines[number if first else number + 1 :][:40]
        if paper == "jabbar2021":
            figures = [re.search(r"((?:\s+\d+\.\d+){5})\s*$", row) for row in below[:9]]
            rows = [found[1].split() for found in figures if found]
        else:
            start = next((i for i, row in enumerate(below[:5]) if "\t" in row), None)
            if start is None:
                continue
            end = next(i for i, row in enumerate([*below, ""]) if i >= start and "\t" not in row)
            rows = [row.split("\t")[3 if first else 1 :] for row in below[start:end]][
                HEADER_LINES.get((paper, name), 1) :
            ]
        if rows and name.startswith(("Table", "TABLE", "Figure")):
            tables.setdefault(name, rows)
    return tables


def bare(cells: list[str]) -> str:
    """The row's characters alone: no spaces, no markup, and no pair of dashes, which says that a cell is empty."""
    return re.sub(r"\s|</?\w+>", "", "".join("" if cell == "—, —" else cell for cell in cells))


@pytest.mark.parametrize("paper", COUNTS)
def test_every_table_is_here(paper: str) -> None:
    written = as_written(paper)
    assert {name: (len(rows), sum(map(len, rows))) for name, rows in written.items()} == COUNTS[paper]


def test_totals() -> None:
    tables = [count for paper in COUNTS.values() for name, count in paper.items() if name.lower().startswith("table")]
    assert len(tables) == 20
    assert sum(rows for rows, _ in tables) == 84
    assert sum(cells for _, cells in tables) == 371
    assert {paper["paper"]["id"] for paper in load_published()} == set(COUNTS)


@pytest.mark.parametrize("paper", COUNTS)
def test_cells_are_what_the_paper_prints(paper: str, home: Path) -> None:
    source = home / "papers" / f"{FILES[paper]}.txt"
    if not source.is_file():
        pytest.skip(f"needs the paper's text at {source}")
    written, printed = as_written(paper), as_printed(paper, source.read_text(encoding="utf-8"))
    assert set(printed) == set(written)
    for name, rows in printed.items():
        extra = JOINED_COLUMNS.get((paper, name), 0) * len(rows)
        assert sum(map(len, rows)) + extra == sum(map(len, written[name])), name
        if (paper, name) in TURNED:
            rows = [list(column) for column in zip(*rows, strict=True)]
        assert [bare(row) for row in rows] == [bare(row) for row in written[name]], name


def test_the_numbers_check_would_notice_a_digit(home: Path) -> None:
    source = home / "papers" / f"{FILES['hosen2022']}.txt"
    if not source.is_file():
        pytest.skip(f"needs the paper's text at {source}")
    changed = source.read_text(encoding="utf-8").replace("33.31", "33.13")
    assert as_printed("hosen2022", changed)["TABLE I"][1] != as_written("hosen2022")["TABLE I"][1]


def methods_that_run() -> set[str]:
    """Ids of methods, and the labels under which a suite runs one at a setting of its own."""
    assert all(label in load_suite("randhawa2022").notes for label in OWN_LABELS)
    return {*REGISTRY.names(), *(entry.label for entry in load_suite("ablations").methods), *OWN_LABELS}


def figures() -> list[tuple[str, dict[str, Any], dict[str, Any], str]]:
    """Every cell that prints a number, by (paper, table, row, column)."""
    return [
        (paper["paper"]["id"], table, row, column)
        for paper in load_published()
        for table in paper["tables"]
        for row in table["rows"]
        for column, cell in zip(table["columns"], row["cells"], strict=True)
        if re.match(r"\d", str(cell))
    ]


def test_every_printed_number_is_decided() -> None:
    """A rule says which measured figure stands beside it, or a sentence why none can; the counts are what is reached."""
    fillable: dict[str, int] = {}
    decided: dict[str, int] = {}
    known = methods_that_run()
    for paper, table, row, column in figures():
        where = f"{paper} {table['id']} {row['label']} {column}"
        decided[paper] = decided.get(paper, 0) + 1
        rule = rule_of(table, row, column)
        if rule is None:
            assert len(why_unmeasured(table, row, column).split()) >= 5, where
            continue
        fillable[paper] = fillable.get(paper, 0) + 1
        if rule["metric"] in OF_DATA:
            assert rule["dataset"] in DATASETS.names(), where
            continue
        assert rule.get("setting") in NO_METHOD or set(str(rule["method"]).split("+")) <= known, where
    assert decided == DECIDED
    assert fillable == FILLABLE


def test_no_grade_is_typed() -> None:
    """A grade is computed from a run, so none may stand in a file."""
    text = "".join(path.read_text(encoding="utf-8") for path in FOLDER.glob("*.yaml"))
    assert not re.search(r"\bmatch:", text)


def test_rows_name_methods_that_exist() -> None:
    named = []
    for paper in load_published():
        for table in paper["tables"]:
            for row in table["rows"]:
                named += [row["method"], row.get("beside", {}).get("method")]
    used = {part for name in named if name for part in name.split("+")}
    assert used <= methods_that_run()
    assert {"h2a_ms2a_gan", "ra_unet", "fd_stackgan", "psp_unmask", "lama", "modified_vnet"} <= used


def test_measured_rules_are_complete() -> None:
    for paper in load_published():
        for table in paper["tables"]:
            where = f"{paper['paper']['id']} {table['id']}"
            assert set(table["protocol"]) - {"samples"} == {"dataset", "occlusion", "resolution", "masks", "notes"}, (
                where
            )
            rules = table["measured"]
            assert len({rule["column"] for rule in rules}) == len(rules), where
            for rule in rules:
                assert len(rule["reason"].split()) >= 8, where
                if rule["metric"] in COSTS:
                    assert rule["times"] > 0
                    assert rule["unit"]
                    continue
                if rule["metric"] in OF_DATA:
                    continue
                biometric = rule["setting"] is not None
                assert rule["metric"] in (BIOMETRICS if biometric else METRICS), where
                assert rule["setting"] in (None, "TT", "MT", "MM", "UT", "UU"), where
                assert (rule["matcher"] is not None) == biometric, where
                assert rule["region"] == "whole", where
                assert rule["output"] in ("raw", "composite"), where


def genuine_share(accuracy: float, fpr: float, tpr: float) -> float:
    """The share g of genuine pairs in a list: accuracy = g tpr + (1 - g) (1 - fpr)."""
    return (1 - fpr - accuracy) / (1 - fpr - tpr)


def test_the_notes_on_pleskos_pairs_hold() -> None:
    paper = next(paper for paper in load_published() if paper["paper"]["id"] == "plesko2025")
    shares: dict[tuple[str, str], tuple[float, float]] = {}
    for table in paper["tables"][5:]:
        for row in table["rows"]:
            cells = row["cells"]
            shares[table["id"], row["label"]] = (genuine_share(*cells[:3]), genuine_share(*cells[3:]))
    assert shares["Table 6", "Original"] == pytest.approx((0.104, 0.042), abs=0.005)
    for label in ("Damaged", "Modified V-Net", "Inpainted V-Net"):
        assert shares["Table 6", label] == pytest.approx((0.103, 0.103), abs=0.005)
    assert shares["Table 6", "LaMa"] == pytest.approx((0.366, 0.365), abs=0.005)
    for label in ("Damaged", "Modified V-Net", "LaMa"):
        assert shares["Table 7", label] == pytest.approx((0.365, 0.365), abs=0.005)
    enhanced = [share for (table, _), share in shares.items() if table == "Table 8"]
    assert [share[0] for share in enhanced] == pytest.approx([0.10] * 4, abs=0.01)
    assert 0.18 <= min(share[1] for share in enhanced) <= max(share[1] for share in enhanced) <= 0.30


def table_of(paper: str, name: str) -> dict[str, Any]:
    tables = next(each["tables"] for each in load_published() if each["paper"]["id"] == paper)
    found: dict[str, Any] = next(table for table in tables if table["id"] == name)
    return found


def test_a_figure_of_no_network_is_not_excused_by_one() -> None:
    """Unmasked and occluded faces as they are: nothing restored them, whatever row they stand in."""
    reasons = {
        (table["id"], rule["column"]): " ".join(rule["reason"].split())
        for table in next(each["tables"] for each in load_published() if each["paper"]["id"] == "randhawa2022")
        for rule in table["measured"]
        if rule.get("setting") in NO_METHOD
    }
    assert len(reasons) == 11
    assert not [key for key, reason in reasons.items() if "network" in reason or "method" in reason]
    assert not [key for key, reason in reasons.items() if key[1] == "TT" and "mask" in reason]


def test_the_notes_on_randhawas_counts_hold() -> None:
    rows = {row["label"]: row["cells"] for row in table_of("randhawa2022", "Table 1")["rows"]}
    shares = {
        label: [sum(map(int, str(cell).split(", "))) for cell in cells[2:] if cell] for label, cells in rows.items()
    }
    assert {label: share[-1] - rows[label][1] for label, share in shares.items()} == {
        "FFHQ": -390, "CelebA": 0, "LFW": 0, "RMFRD": 0,
    }  # fmt: skip
    assert shares["LFW"][0] == 5898 > 5749
    uu, mm = table_of("randhawa2022", "Table 4 (LFW)")["rows"][0]["cells"][4:6]
    assert uu < mm


def test_the_note_on_pleskos_enhancers_holds() -> None:
    enhanced = {row["label"]: row["cells"] for row in table_of("plesko2025", "Table 8")["rows"]}
    plain = next(row["cells"] for row in table_of("plesko2025", "Table 6")["rows"] if row["label"] == "Modified V-Net")
    assert [label for label, cells in enhanced.items() if cells[5] > plain[5]] == ["CodeFormer", "DFDNet"]
    assert {label for label, cells in enhanced.items() if cells[4] < plain[4]} >= {"DFDNet"}
    assert not [label for label, cells in enhanced.items() if cells[0] > plain[0] or cells[3] > plain[3]]

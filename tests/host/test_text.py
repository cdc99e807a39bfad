"""Text that leaves: each form against what its reader would make of it, and the page's script against the same."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import subprocess
import sys
import unicodedata
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unmaskbench.benchmark.host.terminal import cell, say
from unmaskbench.benchmark.host.text import (
    csv_cell,
    csv_text,
    escaped,
    escaped_lines,
    hidden_in,
    json_text,
    latex,
    markdown,
    terminal,
    told,
)
from unmaskbench.benchmark.plugins.cards import MetricCard, OcclusionCard
from unmaskbench.reports import site

# Texts made of what does harm, between ordinary characters.
PARTS = (
    "=", "+", "-", "@", "\t", "\r", "\n", "\x00", "\x1b[31m", "\x9b", "\u202e", "\u2066", "\u200b", "\u061c", "\ufeff", "\ud800",
    "\uffff", "\U000e0041", "::error::", "##[group]", "<b>", "|", "`", "$", "\\", "'", '"', ",", "_", "[x](y)", "1. ", "a", "0.5",
    "\u00e9",
)  # fmt: skip
HOSTILE = st.lists(st.sampled_from(PARTS), max_size=8).map("".join) | st.text(max_size=12)


def test_no_character_of_unicodes_hidden_categories_stays() -> None:
    found = [
        hex(code) for code in range(sys.maxunicode + 1)
        if unicodedata.category(chr(code)) in ("Cc", "Cf", "Cs", "Zl", "Zp") and escaped(chr(code)) == chr(code)
    ]  # fmt: skip
    assert found == []


def test_what_can_be_seen_stays() -> None:
    for text in (
        "Pl\u00e9\u0161ko 2025",
        "r\u00e9sum\u00e9/\u4eba/1.png",
        "C:\\faces\\new",
        "62.1\u00a0% \u2013 \u03b1",
        "\U0001f642",
    ):
        assert escaped(text) == text
        assert hidden_in(text) == ""


@pytest.mark.parametrize(
    ("text", "visible"),
    [
        ("a\nb", r"a\nb"),
        ("\u202egnp", r"\u202egnp"),
        ("\x1b[2J", r"\x1b[2J"),
        ("\r\t", r"\r\t"),
        ("\U000e0041", r"\U000e0041"),
    ],
)
def test_what_cannot_be_seen_is_shown_as_python_writes_it(text: str, visible: str) -> None:
    assert escaped(text) == visible
    assert hidden_in(text) == escaped(text[0] if text[0] != "a" else "\n")


@given(HOSTILE)
@settings(max_examples=300, deadline=None)
def test_every_form_of_every_text_is_one_visible_line(text: str) -> None:
    for form in (escaped, terminal, markdown, latex):
        shown = form(text)
        assert hidden_in(shown) == "", form.__name__
        assert len(shown.splitlines()) <= 1
        assert shown.encode().decode() == shown
    assert escaped(escaped(text)) == escaped(text)
    assert hidden_in(escaped_lines(text).replace("\u2028", "").replace("\u2029", ""), lines=True) == ""
    assert not re.search(r"^\s*::[A-Za-z][\w-]*( [^:]*)?::|##\[|##vso\[", terminal(text))
    assert not re.search(r"<[A-Za-z/!]", markdown(text))
    assert re.fullmatch(
        r"(\\textbackslash\{\}|\\[{}$&#_%]|\\\^\{\}|\\text\w+\{\}|\{[\[\]*]\}|[^\\{}$&#^_%~])*", latex(text)
    )


@given(st.lists(HOSTILE, min_size=1, max_size=4))
@settings(max_examples=300, deadline=None)
def test_no_cell_is_a_formula_and_a_visible_one_is_given_back(cells: list[str]) -> None:
    text = csv_text([cells])
    (read,) = csv.reader(io.StringIO(text, newline=""))
    assert len(read) == len(cells)
    for cell_, found in zip(cells, read, strict=True):
        assert hidden_in(found) == ""
        assert found[:1] not in tuple("=+-@\t\r\uff1d\uff0b\uff0d\uff20") or re.fullmatch(r"[+-]\d[\d.e+-]*", found)
        if not hidden_in(cell_):
            assert csv_cell(found) == cell_ or csv_cell(cell_) != cell_


def test_numbers_stay_numbers_in_csv() -> None:
    assert (
        csv_text([("a", "b", "c"), (-0.5, "-0.5", None), (True, float("inf"), -3)])
        == "a,b,c\n-0.5,-0.5,\nTrue,inf,-3\n"
    )
    assert csv_text([("-0.5+cmd|' /C calc'!A0", "-1e-3", "=1", "@x")]) == "'-0.5+cmd|' /C calc'!A0,-1e-3,'=1,'@x\n"


@given(HOSTILE)
@settings(max_examples=100, deadline=None)
def test_json_reads_as_the_same_value_and_xml_holds_it(text: str) -> None:
    assert json.loads(json_text({"text": text})) == {"text": text}
    assert hidden_in(json_text({"text": text}), lines=True) == ""
    tree = ElementTree.Element("failure", {"message": escaped(text)})
    assert ElementTree.fromstring(ElementTree.tostring(tree, encoding="utf-8")).get("message") == escaped(text)


def test_a_tree_is_told_with_its_keys() -> None:
    assert told({"\u202ea": ["x\x1by", 1.5, None, "two\nlines"]}) == {r"\u202ea": [r"x\x1by", 1.5, None, "two\nlines"]}


def test_a_stream_that_cannot_hold_a_character_gets_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(raw, encoding="ascii"))
    say("caf\u00e9 \u202e [bold]")
    assert raw.getvalue() == b"caf\\xe9 \\u202e [bold]\n"
    assert cell("[red]x[/red]\x1b").plain == r"[red]x[/red]\x1b"


def test_a_card_whose_texts_hide_something_is_refused() -> None:
    with pytest.raises(ValueError, match=r"the card's title 'A\\u202eb' holds \\u202e"):
        OcclusionCard("a", "A\u202eb", "here")
    with pytest.raises(ValueError, match=r"the card's id 'ps\\nnr' holds \\n"):
        MetricCard("ps\nnr", "PSNR", "full_reference", "higher", (0, 100), "psnr|v1")
    assert OcclusionCard("a", "A", "here", notes="two\nlines").notes == "two\nlines"


def test_the_pages_script_writes_its_files_as_the_tables_are_written() -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs node: apt-get install nodejs")
    source = (site.TEMPLATES / "format.js").read_text(encoding="utf-8")
    part = source[source.index("const HIDDEN") : source.index("/** Buttons that save")]
    texts = ["".join(pair) for pair in zip(PARTS, (*PARTS[1:], "x"), strict=True) if "\ud800" not in pair]
    texts += ["-2 +cmd|' /C calc'!A0", "-2 (\u22123 to 1)", "-0.5", "+12.3 %"]
    program = f"{part};\nconst texts = {json.dumps(texts)};\n"
    program += "console.log(JSON.stringify(texts.map((c) => [CELLS.csv(c), CELLS.md(c), CELLS.tex(c)])))"
    answer = subprocess.run([node, "-e", program], capture_output=True, text=True, check=True).stdout
    for text, (as_csv, as_md, as_tex) in zip(texts, json.loads(answer), strict=True):
        if not text.startswith(("-2", "-0.5", "+12")):
            assert as_csv == csv_text([[text]]).removesuffix("\n") or '"' in csv_text([[text]]), text
        assert as_md == markdown(text), text
        assert as_tex == latex(text), text
    found = dict(zip(texts, (row[0] for row in json.loads(answer)), strict=True))
    assert found["-2 +cmd|' /C calc'!A0"].startswith("'-2")
    assert found["-0.5"] == "-0.5"
    assert found["+12.3 %"] == "+12.3 %"


def test_nothing_else_writes_to_a_terminal_or_a_table() -> None:
    import unmaskbench.benchmark

    rooms = Path(unmaskbench.benchmark.__file__).resolve().parents[1]
    ways = re.compile(
        r"csv\.(writer|DictWriter)|\.write_csv\(|typer\.echo|(?<![\w.])print\(|sys\.std(out|err)\.write|rich\.table|ElementTree"
    )
    named = {
        path.relative_to(rooms).as_posix()
        for room in ("benchmark", "methods", "datasets", "reports")
        for path in (rooms / room).rglob("*.py")
        if ways.search(path.read_text(encoding="utf-8"))
    }
    assert named == {
        "benchmark/host/text.py",
        "benchmark/host/terminal.py",
        "benchmark/gate/junit.py",  # XML's tree, whose texts the next test reads
        "benchmark/board/schema.py",  # the schema of a board, made of no one's text
    }, named

"""Cards' Markdown: what is rendered, and that nothing in it becomes a tag, an attribute or a script of the page."""

from __future__ import annotations

import html.parser
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unmaskbench.reports.markdown import link, render_markdown

TAGS = {"p", "ul", "ol", "li", "strong", "em", "code", "pre", "a"}
ATTRIBUTES = {"a": {"href", "rel"}, "pre": {"tabindex"}}


class Tags(html.parser.HTMLParser):
    """Every tag with its attributes, and whether each is closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(str(text))
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("one\ntwo\n\nthree", "<p>one two</p><p>three</p>"),
        ("- a\n- b\n  more\n\nafter", "<ul><li>a</li><li>b more</li></ul><p>after</p>"),
        ("1. a\n2. b", "<ol><li>a</li><li>b</li></ol>"),
        ("# Title\ntext", "<p><strong>Title</strong></p><p>text</p>"),
        ("a **strong** and *soft* word", "<p>a <strong>strong</strong> and <em>soft</em> word</p>"),
        ("2*3*4 and snake_case_name", "<p>2*3*4 and snake_case_name</p>"),
        ("`stages: *1*`", "<p><code>stages: *1*</code></p>"),
        ("```\n<x> *y*\n```", '<pre tabindex="0">&lt;x&gt; *y*</pre>'),
        (
            "[paper](https://a.org/x?b=1&c=2)",
            '<p><a href="https://a.org/x?b=1&amp;c=2" rel="noreferrer noopener">paper</a></p>',
        ),
        ("see https://a.org/x.", '<p>see <a href="https://a.org/x" rel="noreferrer noopener">https://a.org/x</a>.</p>'),
        ("[x](javascript:alert(1))", "<p>[x](javascript:alert(1))</p>"),
        ("", ""),
    ],
)
def test_marks_are_rendered_and_all_else_stays_as_written(written: str, expected: str) -> None:
    assert render_markdown(written) == expected


@pytest.mark.parametrize(
    "hostile",
    [
        "</p><script>alert(1)</script>",
        '[x](https://a.org/"onmouseover="alert(1))',
        "[<img src=x onerror=alert(1)>](https://a.org)",
        "**<b>** *<i>* `</code><script>`",
        "- <li onclick=x>\n1. <style>",
        "```\n</pre><script>\n",
        "https://a.org/<svg/onload=alert(1)>",
    ],
)
def test_hostile_text_stays_text(hostile: str) -> None:
    parsed = Tags(render_markdown(hostile))
    assert {tag for tag, _ in parsed.found} <= TAGS
    for tag, attributes in parsed.found:
        assert set(attributes) == ATTRIBUTES.get(tag, set()), (tag, attributes)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from([*"ab 1.-*`#<>\"'&()[]\n", "https://a.b/", "**", "```\n", "\n- "]), max_size=60))
def test_any_text_gives_closed_tags_of_the_known_kinds_and_safe_addresses(parts: list[str]) -> None:
    parsed = Tags(render_markdown("".join(parts)))
    assert parsed.open == []
    assert {tag for tag, _ in parsed.found} <= TAGS
    for tag, attributes in parsed.found:
        assert set(attributes) == ATTRIBUTES.get(tag, set())
        assert tag != "a" or str(attributes["href"]).startswith("https://a.b/")


def test_a_long_hostile_line_takes_no_long_time() -> None:
    start = time.process_time()
    render_markdown("[" * 20000 + "*a" * 20000 + "https://(" * 5000 + "**a" * 20000 + "`" * 20001)
    assert time.process_time() - start < 2


def test_a_link_is_one_only_for_http() -> None:
    assert link("https://doi.org/10.1/x", "10.1/x") == (
        '<a href="https://doi.org/10.1/x" rel="noreferrer noopener">10.1/x</a>'
    )
    assert link("javascript:alert(1)", "<x>") == "&lt;x&gt;"
    assert link("https://a.org/ onclick=x", "x") == "x"

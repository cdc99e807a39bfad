"""The little Markdown that cards are written in, as HTML: paragraphs, headings, lists, code, emphasis and links.

The text is escaped before anything else, so that no tag of it is ever a tag of the page; a link leads to http or https only.
"""

from __future__ import annotations

import re

from markupsafe import Markup, escape

# After escaping, a quotation mark, an angle bracket and an ampersand are entities: none can end an attribute.
_ADDRESS = r"https?://[^\s<>\"'`()]+(?:\([^\s<>\"'`()]*\)[^\s<>\"'`()]*)*"
_INLINE = re.compile(
    rf"(?P<code>`[^`\n]+`)|\[(?P<words>[^\[\]\n]+)\]\((?P<target>{_ADDRESS})\)|(?P<bare>{_ADDRESS})"
    r"|\*\*(?P<strong>[^*\n]+)\*\*|(?<![\w*])\*(?P<em>[^*\s](?:[^*\n]*[^*\s])?)\*(?![\w*])"
)
_ITEM = re.compile(r"\s{0,3}(?:[-*+]|\d{1,3}[.)])\s+(?P<text>.*)")
_HEADING = re.compile(r"\s{0,3}#{1,6}\s+(?P<text>.*?)\s*#*\s*")
_FENCE = re.compile(r"\s{0,3}```.*")


def render_markdown(text: str) -> Markup:
    """``text`` as HTML blocks. What is no known mark stays as it is written."""
    blocks: list[str] = []
    paragraph: list[str] = []
    items: list[tuple[str, list[str]]] = []
    code: list[str] | None = None

    def close() -> None:
        if paragraph:
            blocks.append(f"<p>{_inline(' '.join(paragraph))}</p>")
        if items:
            tag = "ol" if items[0][0] == "ol" else "ul"
            listed = (f"<li>{_inline(' '.join(lines))}</li>" for _, lines in items)
            blocks.append(f"<{tag}>{''.join(listed)}</{tag}>")
        paragraph.clear()
        items.clear()

    for line in str(escape(text)).splitlines():
        if _FENCE.fullmatch(line):
            close()
            if code is not None:
                blocks.append(_code_block(code))
            code = [] if code is None else None
        elif code is not None:
            code.append(line)
        elif not line.strip():
            close()
        elif heading := _HEADING.fullmatch(line):
            close()
            blocks.append(f"<p><strong>{_inline(heading['text'])}</strong></p>")
        elif item := _ITEM.fullmatch(line):
            kind = "ol" if line.lstrip()[0].isdigit() else "ul"
            if paragraph or (items and items[0][0] != kind):
                close()
            items.append((kind, [item["text"]]))
        elif items:
            items[-1][1].append(line.strip())
        else:
            paragraph.append(line.strip())
    close()
    if code is not None:
        blocks.append(_code_block(code))
    return Markup("".join(blocks))


def link(address: str, words: str | None = None) -> Markup:
    """A link out of the page, the address itself where no ``words`` are given; plain text where it is no http(s) address."""
    shown = escape(address if words is None else words)
    if not re.fullmatch(r"https?://[^\s<>\"'`]+", address):
        return Markup(shown)
    return Markup(f'<a href="{escape(address)}" rel="noreferrer noopener">{shown}</a>')


def _code_block(lines: list[str]) -> str:
    return f'<pre tabindex="0">{chr(10).join(lines)}</pre>'


def _inline(text: str) -> str:
    """Marks within a block of escaped text."""
    return _INLINE.sub(_mark, text)


def _mark(match: re.Match[str]) -> str:
    if match["code"]:
        return f"<code>{match['code'][1:-1]}</code>"
    if match["target"]:
        return _anchor(match["target"], match["words"])
    if match["bare"]:
        # the full stop of a sentence, and the end of an escaped bracket or quotation mark, are no part of an address
        address = re.split(r"&(?:lt|gt|quot|#34|#39);", match["bare"])[0].rstrip(".,;:!?")
        return _anchor(address, address) + match["bare"][len(address) :]
    if match["strong"]:
        return f"<strong>{_inline(match['strong'])}</strong>"
    return f"<em>{_inline(match['em'])}</em>"


def _anchor(address: str, words: str) -> str:
    return f'<a href="{address}" rel="noreferrer noopener">{words}</a>'

"""How bytes come to harm: the hypothesis strategies that the fuzz tests share."""

from __future__ import annotations

from hypothesis import strategies as st


@st.composite
def damaged(draw: st.DrawFn, content: bytes) -> bytes:
    """The content with bytes changed, cut off, repeated or put in."""
    changed = bytearray(content)
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, max(0, len(changed) - 1)))
        kind = draw(st.sampled_from(["flip", "cut", "insert", "repeat"]))
        if kind == "flip" and changed:
            changed[place] = draw(st.integers(0, 255))
        elif kind == "cut":
            del changed[place : place + draw(st.integers(1, len(changed) + 1))]
        elif kind == "insert":
            changed[place:place] = draw(st.binary(min_size=1, max_size=16))
        else:
            changed += changed[place : place + 64]
    return bytes(changed)

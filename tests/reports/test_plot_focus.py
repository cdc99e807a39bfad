"""Plots that are read: five methods stand out by name and colour, the judged quantity comes first, the DET marks its target."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType

import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text
from scipy.stats import norm

from unmaskbench.reports.board import Board, load
from unmaskbench.reports.board_index import BoardIndex
from unmaskbench.reports.plot_curves import draw_det, draw_roc
from unmaskbench.reports.plot_equal import draw_equal
from unmaskbench.reports.plot_focus import HIGHLIGHTED, highlighted, label, quieten
from unmaskbench.reports.plot_plan import figures_for_page, planned
from unmaskbench.reports.plot_svg import to_svg

GOLDEN = Path(__file__).parents[1] / "golden" / "board_small"
CONTEXT = ("lfw", "medical_mask", "composite")


def equal_board() -> Board:
    """The golden board with FNMR at equal FMR, which it does not hold: half of the FNMR at the kept threshold."""
    board = load(GOLDEN)
    halves = {"value": 0.5, "low": 0.5, "high": 0.5}
    board.data["verification"] += [
        row | {"metric": "fnmr_equal"} | {k: None if row[k] is None else share * row[k] for k, share in halves.items()}
        for row in board.data["verification"]
        if row["metric"] == "fnmr" and not row["refused"]
    ]
    return board


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory, board_maker: ModuleType) -> BoardIndex:
    """Twenty methods: two rounds through the palette."""
    folder = tmp_path_factory.mktemp("many")
    made = board_maker.make_board(
        folder / "run", methods=board_maker.more_methods(20), samples=2, extra_slices=0, occlusions=("medical_mask",),
        points=40, pairs=(400, 4000),
    )  # fmt: skip
    return BoardIndex(load(made))


def test_the_first_five_of_the_table_stand_out(many: BoardIndex) -> None:
    golden = BoardIndex(load(GOLDEN))
    assert highlighted(golden, CONTEXT) == ["psp_unmask", "modified_vnet", "lama", "ra_unet", "fd_stackgan"]
    (context, *_) = many.contexts()
    at = many.operating(context)[0]
    rows = {m: r["value"] for m, r in many.judged(context, at).items() if m != "untouched"}
    assert highlighted(many, context) == sorted(rows, key=lambda m: rows[m])[:HIGHLIGHTED]


def test_without_a_judge_the_picture_says_which() -> None:
    board = load(GOLDEN)
    board.data["verification"] = []
    indexed = BoardIndex(board)
    assert indexed.image_metric(CONTEXT) == ("lpips", "hole")
    rows = {m: r["value"] for m, r in indexed.image_rows(CONTEXT, "lpips", "hole").items() if m != "untouched"}
    assert highlighted(indexed, CONTEXT) == sorted(rows, key=lambda m: rows[m])[:HIGHLIGHTED]


def test_all_others_are_quiet_in_every_figure(many: BoardIndex) -> None:
    drawn, _ = figures_for_page(many, 8)
    order = many.method_order()
    for key, svg in drawn.items():
        context = key.split("/")[1:4]
        kept = {order.index(m) for m in highlighted(many, tuple(context))} | {0, 255}
        loud = {int(m) for m in re.findall(r'class="m" data-m="(\d+)"', svg)}
        quiet = {int(m) for m in re.findall(r'class="m quiet" data-m="(\d+)"', svg)}
        assert loud <= kept, key
        assert not quiet & kept, key
    assert any("m quiet" in svg for svg in drawn.values())


def boxes(figure: Figure, names: set[str]) -> dict[str, tuple[float, float, float, float]]:
    figure.draw_without_rendering()
    return {
        t.get_text(): tuple(Text.get_window_extent(t).extents)
        for t in figure.axes[0].texts
        if t.get_text() in names
    }  # fmt: skip


@pytest.mark.parametrize("draw", [draw_det, draw_roc])
def test_curves_carry_their_names_and_no_name_lies_on_another(many: BoardIndex, draw: object) -> None:
    assert callable(draw)
    (context, *_) = many.contexts()
    for indexed, where in ((BoardIndex(load(GOLDEN)), CONTEXT), (many, context)):
        matcher = indexed.operating(where)[0].matcher
        figure = draw(indexed, where, matcher, "UT")
        names = {label(indexed, m) for m in highlighted(indexed, where)}
        found = boxes(figure, names)
        assert set(found) == names
        listed = list(found.values())
        for i, a in enumerate(listed):
            for b in listed[i + 1 :]:
                wide, high = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
                assert wide <= 0 or high <= 0.2 * min(a[3] - a[1], b[3] - b[1]), found


def test_a_label_is_the_tables_title_cut_where_it_is_long() -> None:
    indexed = BoardIndex(load(GOLDEN))
    assert label(indexed, "psp_unmask", dependent=True) == "pSp-unmask†"
    indexed.titles["x"] = "A method with a very long title indeed"
    assert label(indexed, "x") == "A method with a very long…"
    assert label(indexed, "of another run") == "of another run"


def test_the_judged_quantity_is_the_first_figure_best_on_top() -> None:
    indexed = BoardIndex(equal_board())
    assert next(key for key, _, _ in planned(indexed) if "edgeface" in key).startswith("equal/")
    figure = draw_equal(indexed, CONTEXT, "edgeface")
    assert figure is not None
    axes = figure.axes[0]
    assert axes.get_title(loc="left") == "FNMR at equal FMR 0.1 %, UT, edgeface"
    at = indexed.operating(CONTEXT)[0]
    rows = {m: r for m, r in indexed.judged(CONTEXT, at).items() if m != "untouched"}
    best_first = sorted(rows, key=lambda m: rows[m]["value"])
    assert [t.get_text().rstrip("†") for t in axes.texts] == [label(indexed, m) for m in best_first]
    dots = {line.get_ydata()[0]: line.get_xdata()[0] for line in axes.lines if line.get_marker() == "o"}
    assert [dots[-place] for place in range(len(rows))] == pytest.approx([100 * rows[m]["value"] for m in best_first])
    assert draw_equal(indexed, CONTEXT, "nobody") is None


def test_the_det_marks_its_target_and_what_each_method_is_judged_by() -> None:
    indexed = BoardIndex(equal_board())
    figure = draw_det(indexed, CONTEXT, "edgeface", "UT")
    assert figure is not None
    axes = figure.axes[0]
    assert "FMR 0.1 %" in [t.get_text() for t in axes.texts]
    target = norm.ppf(0.001)
    assert any(list(line.get_xdata()) == pytest.approx([target, target]) for line in axes.lines)
    at = indexed.operating(CONTEXT)[0]
    dots = sorted(
        float(line.get_ydata()[0]) for line in axes.lines if line.get_marker() == "o" and line.get_markersize() == 4.5
    )
    expected = indexed.verification(CONTEXT, at, "UT", "fnmr_equal")
    assert dots == pytest.approx(sorted(norm.ppf(r["value"]) for r in expected.values()))
    assert len(dots) == 7
    low, high = axes.get_xlim()
    assert low < target < high


def test_a_quiet_mark_keeps_its_colour_for_when_it_is_pointed_at() -> None:
    indexed = BoardIndex(load(GOLDEN))
    figure = draw_det(indexed, CONTEXT, "edgeface", "UT")
    assert figure is not None
    svg = to_svg(quieten(figure, indexed, CONTEXT), "x")
    telea = indexed.method_order().index("telea")
    mark = re.search(rf'<g class="m quiet" data-m="{telea}">.*?</g>', svg)
    assert mark is not None
    assert f"var(--h{telea - 1})" in mark[0]
    assert 'stroke-opacity="0.3"' in mark[0]

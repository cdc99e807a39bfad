"""The page is complete, self-contained, safe with hostile text, bounded in size and drawn without torch."""

from __future__ import annotations

import base64
import copy
import hashlib
import html.parser
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from unmaskbench.benchmark.statistics.levels import CEILING
from unmaskbench.reports.board import load
from unmaskbench.reports.board_index import BoardIndex
from unmaskbench.reports.packing import unpack
from unmaskbench.reports.papers import beside, load_published
from unmaskbench.reports.plot_curves import draw_det
from unmaskbench.reports.plot_plan import figures_for_page, planned
from unmaskbench.reports.plot_svg import to_svg
from unmaskbench.reports.site import TEMPLATES, embedded_json, environment, render

GOLDEN = Path(__file__).parents[1] / "golden" / "board_small"


class Page(html.parser.HTMLParser):
    """Tags with attributes and the text of each element id."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.in_script = False
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "script":
            self.in_script = True
            self.scripts.append((dict(attrs), ""))

    def handle_endtag(self, tag: str) -> None:
        self.in_script = self.in_script and tag != "script"

    def handle_data(self, data: str) -> None:
        if self.in_script:
            attributes, text = self.scripts[-1]
            self.scripts[-1] = (attributes, text + data)

    def json(self, name: str) -> Any:
        return json.loads(next(text for attributes, text in self.scripts if attributes.get("id") == name))


@pytest.fixture(scope="module")
def page_text(tmp_path_factory: pytest.TempPathFactory) -> str:
    return render([GOLDEN], tmp_path_factory.mktemp("site"), figures_limit=6).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(page_text: str) -> Page:
    return Page(page_text)


def test_nothing_points_outside_the_page(page: Page, page_text: str) -> None:
    for tag, attributes in page.tags:
        for name in ("src", "href", "action", "data", "srcset", "poster"):
            value = attributes.get(name)
            if tag == "a" and name == "href" and value is not None and value.startswith("https://"):
                # a reader may follow it; the page itself asks for nothing
                assert attributes["rel"] == "noreferrer noopener"
                continue
            assert value is None or value.startswith(("#", "data:")), (tag, name, value)
        assert not any(name.startswith("on") for name in attributes), (tag, attributes)
    assert "@import" not in page_text
    assert "url(http" not in page_text
    used = set(re.findall(r"https?://[\w./-]+", page_text))
    assert used <= {"http://www.w3.org/1999/xlink", "http://www.w3.org/2000/svg"}, used


def test_policy_allows_this_script_alone(page: Page) -> None:
    policy = next(
        a["content"] for t, a in page.tags if t == "meta" and a.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy is not None
    assert policy.startswith("default-src 'none'")
    running = [text for attributes, text in page.scripts if attributes.get("type") != "application/json"]
    assert len(running) == 1
    digest = base64.b64encode(hashlib.sha256(running[0].encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}';" in policy
    assert "unsafe-eval" not in policy
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", running[0])


def test_the_page_holds_the_boards_figures(page: Page) -> None:
    (board,) = page.json("data")["boards"]
    stored = load(GOLDEN).data
    rows = unpack(board["tables"]["rows"])
    assert len(rows) == len(stored["rows"])
    key = ("dataset", "occlusion", "method", "output", "metric", "region", "slice")
    mine = {tuple(r[k] for k in key): r for r in rows}
    for row in stored["rows"][::17]:
        value = mine[tuple(row[k] for k in key)]["value"]
        assert value == row["value"] if row["value"] == "inf" else value == pytest.approx(row["value"], rel=1e-5)
    assert len(board["gallery"]) == 6
    images = page.json("images")
    assert all(i.startswith("data:image/webp;base64,") for i in images)
    shown = board["gallery"][0]["methods"]["fd_stackgan"]
    assert shown["status"] == "failed_restore"
    assert shown["composite"] is None


def test_the_same_board_gives_the_same_page(page_text: str, tmp_path: Path) -> None:
    assert render([GOLDEN], tmp_path, figures_limit=6).read_text(encoding="utf-8") == page_text


HOSTILE = "</script><img src=x onerror=alert(1)><!-- \u2028 {{ 7*7 }} \"'&"


def test_hostile_text_stays_text(tmp_path: Path) -> None:
    data = copy.deepcopy(load(GOLDEN).data)
    data["run"]["name"] = data["run"]["command"] = HOSTILE
    data["run"]["versions"][HOSTILE] = HOSTILE
    data["methods"][3]["title"] = data["methods"][3]["message"] = data["methods"][3]["bibtex"] = HOSTILE
    data["methods"][3]["state"] = "failed"
    data["datasets"][0]["title"] = HOSTILE
    data["gallery"][0]["sample"] = HOSTILE
    for row in data["rows"]:
        if row["method"] == "lama":
            row["note"] = HOSTILE
    for table in ("rows", "verification", "curves", "histograms", "methods"):
        for row in data[table]:
            row["method"] = HOSTILE.replace("/", "") if row["method"] == "telea" else row["method"]
    for entry in data["gallery"]:
        for name in ("truth", "occluded", "mask"):
            entry[name] = None
        for item in entry["methods"].values():
            item["raw"] = item["composite"] = None
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "board.json").write_text(json.dumps(data), encoding="utf-8")
    text = render([tmp_path / "run"], tmp_path, figures_limit=3).read_text(encoding="utf-8")
    parsed = Page(text)
    assert not any(tag == "img" for tag, _ in parsed.tags)
    assert sum(tag == "script" for tag, _ in parsed.tags) == 3
    assert parsed.json("data")["boards"][0]["run"]["name"] == HOSTILE
    assert "{{ 7*7 }}" in text


def test_embedded_json_survives_a_script_element() -> None:
    value = {HOSTILE: [HOSTILE, None, 1.5]}
    text = str(embedded_json(value))
    assert not set("<>&") & set(text)
    assert "\u2028" not in text
    assert json.loads(text) == value


def test_templates_escape_and_refuse_unknown_names() -> None:
    from jinja2 import UndefinedError

    assert environment().from_string("{{ a }}").render(a="<b>") == "&lt;b&gt;"
    with pytest.raises(UndefinedError):
        environment().from_string("{{ missing }}").render()


def test_folder_mode_puts_images_beside_the_page(tmp_path: Path) -> None:
    text = render([GOLDEN], tmp_path, single_file=False, figures_limit=1).read_text(encoding="utf-8")
    images = Page(text).json("images")
    assert images[0] == "images/00000.webp"
    assert all((tmp_path / i).is_file() for i in images)


def test_different_manifests_stand_side_by_side(tmp_path: Path, board_maker: ModuleType) -> None:
    other = board_maker.make_board(
        tmp_path / "other",
        methods=board_maker.more_methods(3),
        samples=2,
        extra_slices=0,
        manifest="00" * 32,
        name="other",
        points=2,
        pairs=(100, 1000),
    )
    text = render([GOLDEN, other], tmp_path / "out", figures_limit=2).read_text(encoding="utf-8")
    boards = Page(text).json("data")["boards"]
    assert [b["names"] for b in boards] == ["board_small", "other"]
    assert text.count("are not ranked together") >= 2


def test_render_needs_a_run(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="bench report"):
        render([], tmp_path)


def test_reports_import_no_torch() -> None:
    code = (
        "import sys\n"
        "import unmaskbench.reports.site, unmaskbench.reports.tables, unmaskbench.reports.plot_plan\n"
        "from unmaskbench.reports.board_index import BoardIndex\n"
        "from unmaskbench.reports.board import load\n"
        "from pathlib import Path\n"
        f"unmaskbench.reports.plot_plan.figures_for_page(BoardIndex(load(Path({str(GOLDEN)!r}))), 1)\n"
        "sys.exit(' '.join({m.split('.')[0] for m in sys.modules} & {'torch', 'torchvision', 'mmengine', 'cv2'}) or 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_figures_follow_the_page_and_keep_their_labels() -> None:
    figures = BoardIndex(load(GOLDEN))
    drawn, left_out = figures_for_page(figures, 3)
    assert len(drawn) == 3
    assert left_out == len(planned(figures)) - 3
    for svg in drawn.values():
        assert "style=" not in svg
        assert "<style" not in svg
        assert not re.search(r"#0[bc]0[bc]", svg)
        assert "var(--h" in svg
        assert 'data-m="' in svg
        assert 'role="img"' in svg
    figure = draw_det(figures, ("lfw", "medical_mask", "composite"), "edgeface", "UT")
    assert figure is not None
    assert ">0.01</text>" in to_svg(figure, "x")
    assert "var(" not in to_svg(figure, "x", "file")
    assert draw_det(figures, ("lfw", "medical_mask", "composite"), "nobody", "UT") is None


def test_names_of_points_do_not_lie_on_each_other() -> None:
    from matplotlib.text import Text

    from unmaskbench.reports.plot_labels import name_points
    from unmaskbench.reports.plot_svg import mark, new_figure

    figure, axes = new_figure()
    points = [(i, f"method_{i:02d}", 1 + 0.02 * (i % 3), 50 + 0.3 * i) for i in range(1, 8)]
    points += [(8, "far_away", 3.0, 80.0), (9, "twin", 1.02, 50.6)]
    for index, _, x, y in points:
        mark(axes, index, [x], [y])
    name_points(axes, points)
    figure.draw_without_rendering()
    boxes = [Text.get_window_extent(text) for text in axes.texts]  # without the hairlines
    assert len(boxes) == 9
    for i, a in enumerate(boxes):
        for b in boxes[i + 1 :]:
            wide = min(a.x1, b.x1) - max(a.x0, b.x0)
            high = min(a.y1, b.y1) - max(a.y0, b.y0)
            assert wide <= 0 or high <= 0.2 * min(a.height, b.height), (i, wide, high)


def test_coverage_figures_read_the_labels_of_a_scored_run() -> None:
    from unmaskbench.reports.plots import draw_coverage

    board = load(GOLDEN)
    for table in ("rows", "verification"):
        board.data[table] = [
            r | {"slice": r["slice"] + " %" if r["slice"].startswith("coverage=") else r["slice"]}
            for r in board.data[table]
        ]
    # as scored, image figures alone have slices
    board.data["verification"] = [r for r in board.data["verification"] if r["slice"] == "all"]
    figure = draw_coverage(BoardIndex(board), ("lfw", "medical_mask", "composite"), "picture")
    assert figure is not None
    assert [t.get_text() for t in figure.axes[0].get_xticklabels()] == ["20-30", "30-40", "40-50", "50-60"]
    assert draw_coverage(BoardIndex(board), ("lfw", "medical_mask", "composite"), "person") is None


def test_report_writes_page_and_tables_from_the_command_line(tmp_path: Path) -> None:
    import typer
    from typer.testing import CliRunner

    from unmaskbench.benchmark.cli.report import report

    app = typer.Typer()
    app.command()(report)
    done = CliRunner().invoke(
        app, [str(GOLDEN), "--out", str(tmp_path / "page"), "--tables", str(tmp_path / "tables"), "--figures", "1"]
    )
    assert done.exit_code == 0, done.output
    assert "bench report RUN --figures" in (tmp_path / "page" / "index.html").read_text(encoding="utf-8")
    leaderboard = (tmp_path / "tables" / "leaderboard_lfw_medical_mask_composite.csv").read_text(encoding="utf-8")
    assert leaderboard.startswith("method,mask,fnmr@0.001 UT edgeface,")
    assert (tmp_path / "tables" / "verification.json").is_file()


def test_a_face_shown_in_the_gallery_has_its_similarity(tmp_path: Path) -> None:
    board = json.loads((GOLDEN / "board.json").read_text(encoding="utf-8"))
    for entry in board["gallery"]:
        for item in entry["methods"].values():
            item["scores"] = {k: v for k, v in item["scores"].items() if not k.startswith("similarity/")}
            item["raw"] = item["composite"] = None
        entry["truth"] = entry["occluded"] = entry["mask"] = None
    wanted = next(
        r for r in board["scatter"]
        if (r["sample"], r["method"], r["output"], r["occlusion"]) == ("face-0000", "lama", "composite", "medical_mask")
    )  # fmt: skip
    (tmp_path / "board.json").write_text(json.dumps(board), encoding="utf-8")
    page = Page(render([tmp_path], tmp_path / "out", figures_limit=1).read_text(encoding="utf-8"))
    shown = next(
        g for g in page.json("data")["boards"][0]["gallery"]
        if (g["sample"], g["occlusion"]) == ("face-0000", "medical_mask")
    )  # fmt: skip
    assert (
        shown["methods"]["lama"]["scores"]["similarity/edgeface/composite"] == wanted["values"]["similarity/edgeface"]
    )


def test_probit_axes_are_probits() -> None:
    from scipy.stats import norm

    figure = draw_det(BoardIndex(load(GOLDEN)), ("lfw", "medical_mask", "composite"), "edgeface", "UT")
    assert figure is not None
    axes = figure.axes[0]
    assert list(axes.get_xticks()) == pytest.approx(norm.ppf([0.0001, 0.001, 0.01, 0.05, 0.2, 0.5, 0.8]))


def test_the_size_of_a_papers_test_set_stands_beside_that_of_the_board(tmp_path: Path) -> None:
    """A count is of the row's own data set; a data set that the board lacks has none."""
    (tmp_path / "paper.yaml").write_text(
        """
paper: {id: p2022, title: A paper, authors: A. B., year: 2022, doi: 10.1/x}
tables:
  - id: Table 1
    caption: c
    protocol: {dataset: null, occlusion: null, resolution: null, masks: null, notes: ''}
    columns: ['# of train, test images', '# of train, test IDs']
    rows:
      - {label: LFW, method: null, beside: {dataset: lfw}, cells: ['10794, 2374', '4754, 1144']}
      - {label: FFHQ, method: null, beside: {dataset: ffhq}, cells: ['55811, 13593', null]}
    measured:
      - {column: '# of train, test images', metric: samples, reason: the split is the paper's own}
      - {column: '# of train, test IDs', metric: identities, reason: the split is the paper's own}
""",
        encoding="utf-8",
    )
    board = load(GOLDEN)
    (table,) = beside(load_published(tmp_path), board)[0]["tables"]
    assert table["foreign"] == table["absent"] == [], "a count is of its own data set, and of no method"
    lfw, ffhq = table["rows"]
    held = next(row for row in board.data["datasets"] if row["dataset"] == "lfw")
    assert [cell["measured"] for cell in lfw["cells"]] == [held["samples"], held["identities"]]
    assert lfw["cells"][0]["match"] != "same"
    assert [cell["measured"] for cell in ffhq["cells"]] == [None, None]


def test_a_cell_that_the_run_left_out_says_why(tmp_path: Path, page_text: str) -> None:
    """The published tables name what was skipped with its remedy, escaped; a run that skipped nothing says nothing."""
    folder = tmp_path / "run"
    shutil.copytree(GOLDEN, folder)
    content = json.loads((folder / "board.json").read_text(encoding="utf-8"))
    content["run"]["skipped"] = ["metric 'fid' needs weights: <bench weights fetch fid_inception>"]
    (folder / "board.json").write_text(json.dumps(content), encoding="utf-8")
    text = render([folder], tmp_path / "site", figures_limit=1).read_text(encoding="utf-8")
    said = "Without a figure because the run left it out: "
    assert f"{said}metric &#39;fid&#39; needs weights: &lt;bench weights fetch fid_inception&gt;." in text
    assert said not in page_text


def test_published_tables_stand_beside_what_was_measured(tmp_path: Path) -> None:
    (tmp_path / "paper.yaml").write_text(
        """
paper: {id: p2025, title: A paper, authors: A. B., year: 2025, doi: 10.1/x}
tables:
  - id: Table 1
    caption: c
    protocol: {dataset: lfw, occlusion: medical_mask, resolution: 256, masks: oracle, notes: ''}
    columns: [PSNR, ACC]
    rows: [{label: LaMa, method: lama, cells: [33.2, null]}, {label: Other, method: null, cells: [30.0, 0.9]}]
    measured:
      - {column: PSNR, metric: psnr, region: whole, output: composite, reason: 128 px}
      - {column: ACC, metric: tmr, setting: UT, matcher: edgeface, target: 0.001, output: composite,
         reason: other matcher}
""",
        encoding="utf-8",
    )
    board = load(GOLDEN)
    (entry,) = beside(load_published(tmp_path), board)
    lama, other = entry["tables"][0]["rows"]
    stored = board.rows(
        "rows",
        dataset="lfw",
        occlusion="medical_mask",
        method="lama",
        output="composite",
        metric="psnr",
        region="whole",
        slice="all",
    )
    assert lama["cells"][0]["published"] == 33.2
    assert lama["cells"][0]["measured"] == stored[0]["value"]
    assert lama["cells"][0]["match"] == "other"
    assert lama["cells"][0]["reason"].startswith("128 px; the run records no size, not 256 px")
    assert lama["cells"][1]["measured"] == pytest.approx(0.915, abs=0.01)
    assert other["cells"][0]["measured"] is None
    # a row that stands for another figure than its own, and a judge that this board lacks
    text = (tmp_path / "paper.yaml").read_text(encoding="utf-8")
    (tmp_path / "paper.yaml").write_text(
        text.replace("method: null, cells: [30.0, 0.9]", "method: null, cells: [30.00, 0.9], beside: {method: '', setting: TT}")
        .replace("matcher: edgeface", "matcher: arcface"),
        encoding="utf-8",
    )  # fmt: skip
    truth = beside(load_published(tmp_path), board)[0]["tables"][0]["rows"][1]
    assert truth["cells"][1]["measured"] == pytest.approx(0.99, abs=0.005)
    assert truth["cells"][1]["match"] == "other"
    assert "matcher is edgeface" in truth["cells"][1]["reason"]
    assert truth["beside"] == "TT"
    assert str(truth["cells"][0]["published"]) == "30.00"
    (tmp_path / "paper.yaml").write_text(text.replace("dataset: lfw", "dataset: celeba"), encoding="utf-8")
    (table,) = beside(load_published(tmp_path), board)[0]["tables"]
    cell = table["rows"][0]["cells"][0]
    assert cell["match"] == "other"
    assert "dataset is lfw" in cell["reason"]
    assert (table["foreign"], table["absent"]) == (["dataset is lfw"], [])
    elsewhere = text.replace("dataset: lfw", "dataset: celeba").replace("method: lama", "method: gca")
    (tmp_path / "paper.yaml").write_text(elsewhere, encoding="utf-8")
    (table,) = beside(load_published(tmp_path), board)[0]["tables"]
    assert (table["measured_cells"], table["foreign"], table["absent"]) == (0, [], ["gca"]), "nothing here is foreign"
    (tmp_path / "paper.yaml").write_text(text.replace("cells: [33.2, null]", "cells: [33.2]"), encoding="utf-8")
    with pytest.raises(ValueError, match="1 cells for 2 columns"):
        load_published(tmp_path)


def test_twenty_methods_stay_small_and_quick(tmp_path: Path, board_maker: ModuleType) -> None:
    run = board_maker.make_board(
        tmp_path / "run",
        methods=board_maker.more_methods(20),
        samples=2,
        extra_slices=2,
        occlusions=("medical_mask",),
        points=20,
        pairs=(300, 2000),
    )
    start = sum(os.times()[:4])
    page = render([run], tmp_path / "out", figures_limit=12)
    # a bound on the slope, not a benchmark: the full page of 60 figures adds about 6 s of processor time, helpers' included
    assert sum(os.times()[:4]) - start < 15
    assert page.stat().st_size < 5_000_000


def test_an_identical_image_is_no_infinity_in_the_gallery(page: Page) -> None:
    """A PSNR without end counts at the ceiling of all means, and says why."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs node: apt-get install nodejs")
    assert page.json("data")["psnr_ceiling"] == CEILING
    source = (TEMPLATES / "format.js").read_text(encoding="utf-8")
    part = source[source.index("function asNumber") : source.index("/** An FMR target as people say it")]
    program = f"const SHARES = new Set(), LOWER = new Set(), PSNR_CEILING = {CEILING:g};\n{part}"
    program += "console.log(JSON.stringify([figure('psnr', 'inf'), figure('psnr', 31.234), figure('l1', 'inf')]))"
    answer = subprocess.run([node, "-e", program], capture_output=True, text=True, check=True).stdout
    assert json.loads(answer) == ["100 (identical)", "31.23", "∞"]


def test_a_name_with_two_dollar_signs_is_no_formula_in_a_figure() -> None:
    name = r"a $\bad{$ b"
    board = load(GOLDEN)
    board.data = json.loads(json.dumps(board.data).replace('"LaMa"', json.dumps(name)))
    drawn, _ = figures_for_page(BoardIndex(board), 4)
    assert any(f">{name}<" in svg.replace("†", "") for svg in drawn.values())

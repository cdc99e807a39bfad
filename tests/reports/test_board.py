"""Loading, checking and merging boards."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from unmaskbench.reports.board import Board, facts_to_warn_of, load
from unmaskbench.reports.merge import merge
from unmaskbench.reports.packing import pack, pack_column, unpack
from unmaskbench.reports.schema import BoardError, compile_check, schema

GOLDEN = Path(__file__).parents[1] / "golden" / "board_small"


@pytest.fixture(scope="module")
def golden() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((GOLDEN / "board.json").read_text(encoding="utf-8"))
    return loaded


def written(folder: Path, data: dict[str, Any]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "board.json").write_text(json.dumps(data), encoding="utf-8")
    return folder


def small(data: dict[str, Any]) -> dict[str, Any]:
    kept = copy.copy(data)
    for name in ("verification", "curves", "histograms", "scatter"):
        kept[name] = data[name][:40]
    return copy.deepcopy(kept)


def test_loads_a_run_folder_and_the_file_itself() -> None:
    assert load(GOLDEN).data == load(GOLDEN / "board.json").data
    assert load(GOLDEN).contexts() == [("lfw", "medical_mask"), ("lfw", "random_lines")]
    assert load(GOLDEN).outputs() == ["composite", "raw"]


def test_schema_is_valid_and_agrees_with_an_independent_validator(golden: dict[str, Any]) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    jsonschema.Draft202012Validator.check_schema(schema())
    data = small(golden)
    validator = jsonschema.Draft202012Validator(schema())
    validator.validate(data)
    for section, field, value in (
        ("rows", "n", "many"), ("rows", "output", "cooked"), ("verification", "independent", 1), ("methods", "needs_mask", None),
        ("differences", "significant", "yes"), ("rows", "rank", 1.5), ("rows", "value", True),
    ):  # fmt: skip
        broken = copy.deepcopy(data)
        broken[section][0][field] = value
        assert not validator.is_valid(broken), (section, field)
        with pytest.raises(BoardError, match=rf"{section}\[0\]"):
            compile_check({k: v for k, v in schema().items() if k[0] != "$"}, schema()["$defs"])(broken, "board.json")


def test_every_part_of_the_schema_is_described() -> None:
    for name, node in schema()["properties"].items():
        assert "description" in node or "$ref" in node or node["type"] == "array", name
    for name in ("row", "verification", "method"):
        for field, node in schema()["$defs"][name]["properties"].items():
            assert "description" in node or field in {"title", "paper", "bibtex", "code_licence", "weights_licence", "needs_mask",
                                                      "metric", "signature", "note"}, (name, field)  # fmt: skip


def test_errors_name_the_file_the_place_and_the_next_step(tmp_path: Path, golden: dict[str, Any]) -> None:
    with pytest.raises(BoardError, match="bench score"):
        load(tmp_path)
    (tmp_path / "board.json").write_text("{", encoding="utf-8")
    with pytest.raises(BoardError, match="is not JSON"):
        load(tmp_path)
    broken = small(golden) | {"schema": "unmaskbench.board/9"}
    with pytest.raises(BoardError, match="board/9"):
        load(written(tmp_path, broken))
    broken = small(golden)
    del broken["rows"][3]["signature"]
    with pytest.raises(BoardError, match=r"rows\[3\]: 'signature' is missing"):
        load(written(tmp_path, broken))


def test_unknown_schema_keywords_are_refused() -> None:
    with pytest.raises(ValueError, match="minimum"):
        compile_check({"type": "number", "minimum": 0}, {})


def test_image_paths_cannot_leave_the_run_folder() -> None:
    board = load(GOLDEN)
    assert board.image("images/s00_truth.png").is_file()
    for path in ("../../../etc/passwd", "/etc/passwd"):
        with pytest.raises(BoardError, match="leaves the run folder"):
            board.image(path)


def test_warnings_do_not_count_slices_or_the_truth_as_unranked() -> None:
    board = load(GOLDEN)
    row = next(r for r in board.data["rows"] if r["slice"] != "all")
    small = row | {"ranked": False, "note": "small slice: 3 samples of 2 people"}
    truth = row | {"slice": "all", "method": "truth", "ranked": False, "note": "unoccluded faces"}
    board.data["rows"] += [small, truth]
    board.data["statuses"].append(
        row | {"method": "", "status": "skipped", "count": 3, "example": "x", "message": "no landmarks"}
    )
    text = "\n".join(facts_to_warn_of(board))
    assert "small slice" not in text
    assert "unoccluded faces" not in text
    assert "3 samples were skipped before any method saw them: no landmarks." in text


def test_warnings_tell_what_could_be_misread() -> None:
    text = "\n".join(load(GOLDEN).warnings)
    for part in ("needs 100000 impostor pairs", "compact took part in the training of psp_unmask", "fd_stackgan is failed",
                 "14 samples are failed_restore", "fid is shown without ranks", "arcface has no values",
                     "telea, navier_stokes, lama, fd_stackgan were given the true mask (oracle)",
                     "those of methods that need no mask too (ra_unet, modified_vnet, psp_unmask)"):  # fmt: skip
        assert part in text


def test_boards_alone_share_a_page_without_ranks_across_runs(tmp_path: Path, golden: dict[str, Any]) -> None:
    halves = []
    for part in (("untouched", "telea", "lama"), ("untouched", "ra_unet", "psp_unmask")):
        data = small(golden)
        data["methods"] = [m for m in data["methods"] if m["method"] in part]
        data["rows"] = [r for r in data["rows"] if r["method"] in part]
        data["run"] = data["run"] | {"name": part[1]}
        halves.append(load(written(tmp_path / part[1], data)))
    (merged,) = merge(halves)
    assert [m["method"] for m in merged.data["methods"]] == ["untouched", "ra_unet", "psp_unmask", "telea", "lama"]
    rows = merged.rows(
        "rows", dataset="lfw", occlusion="medical_mask", output="composite", metric="lpips", region="hole", slice="all"
    )
    assert {r["method"] for r in rows} == {"untouched", "telea", "lama", "ra_unet", "psp_unmask"}
    assert {(r["rank"], r["group"], r["ranked"]) for r in rows} == {(None, None, False)}
    assert "2 runs of one population" in merged.warnings[0]
    assert "ra_unet and telea came without values per sample" in merged.warnings[0]
    assert [m["name"] for m in merged.data["run"]["members"]] == ["ra_unet", "telea"]
    # the parts are left as they were
    assert halves[0].rows("rows", method="lama", metric="lpips")[0] == golden_row(golden)


def test_two_methods_of_one_title_in_two_runs_are_told_apart(tmp_path: Path, golden: dict[str, Any]) -> None:
    halves = []
    for name in ("telea", "lama"):
        data = small(golden)
        data["methods"] = [m | {"title": "Mine"} for m in data["methods"] if m["method"] == name]
        data["rows"] = [r for r in data["rows"] if r["method"] == name]
        halves.append(load(written(tmp_path / name, data)))
    (merged,) = merge(halves)
    assert {m["title"] for m in merged.data["methods"]} == {"Mine (telea)", "Mine (lama)"}


def golden_row(golden: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = next(r for r in golden["rows"] if r["method"] == "lama" and r["metric"] == "lpips")
    return found


def test_differing_manifests_stay_apart_with_a_warning(golden: dict[str, Any], tmp_path: Path) -> None:
    other = load(written(tmp_path, small(golden) | {"manifest": "00"}))
    boards = merge([load(GOLDEN), other])
    assert len(boards) == 2
    assert all("not ranked together" in b.warnings[0] for b in boards)


def test_columns_give_the_rows_back() -> None:
    rows = [
        {"a": "x", "b": i % 3, "c": i / 7, "d": None, "e": "inf" if i == 2 else i * 1.0, "f": i // 50}
        for i in range(200)
    ]
    packed = pack(rows, ("a", "b", "c", "d", "e", "f"))
    assert packed["columns"]["a"] == {"c": "x"}
    assert "r" in packed["columns"]["f"]
    assert "i" in packed["columns"]["b"]
    for before, after in zip(rows, unpack(packed), strict=True):
        assert {k: v for k, v in before.items() if k != "c"} == {k: v for k, v in after.items() if k != "c"}
        assert after["c"] == pytest.approx(before["c"], rel=1e-5)
    assert pack_column([]) == {"c": None}
    assert unpack(pack([], ("a",))) == []


def test_a_board_is_indexed_without_loading_images() -> None:
    board = load(GOLDEN)
    assert isinstance(board, Board)
    assert board.rows("methods", method="lama")[0]["title"] == "LaMa"


def test_the_output_that_matchers_saw_comes_first() -> None:
    def board(seen: str) -> Board:
        rows = [{"output": "raw"}, {"output": "composite"}]
        verification = [{"output": "raw", "setting": "MT"}, {"output": seen, "setting": "UT"}]
        return Board({"rows": rows, "verification": verification}, Path(), ["run"])

    assert board("raw").outputs() == ["raw", "composite"]
    assert board("composite").outputs() == ["composite", "raw"]

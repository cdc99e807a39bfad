"""Submissions on one board: the honest are ranked together, the others are refused with a sentence."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from tests import tiny
from tests.submissions.makers import finished, in_json, in_part, in_run, part_of, reindexed
from unmaskbench.benchmark.cli.main import app
from unmaskbench.benchmark.store.folder import RunFolder
from unmaskbench.benchmark.submissions.checks import checked
from unmaskbench.benchmark.submissions.index import Index, SubmissionError
from unmaskbench.benchmark.submissions.joint import gather, joint_board
from unmaskbench.benchmark.submissions.pack import submit
from unmaskbench.benchmark.submissions.recompute import recompute


@pytest.fixture(autouse=True, scope="module")
def _plugins() -> Iterator[None]:
    with tiny.registered():
        yield


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three submissions, of a method each beside untouched."""
    runs, results = tmp_path_factory.mktemp("runs"), tmp_path_factory.mktemp("made") / "results"
    for name, method in (("anna", "tiny_fill"), ("bert", tiny.odd("double")), ("cleo", "telea")):
        submit(finished(runs / name, method), results)
    return results


@pytest.fixture(scope="module")
def attached(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A submission with its pictures."""
    results = tmp_path_factory.mktemp("attached") / "results"
    run = finished(tmp_path_factory.mktemp("runs") / "anna", "tiny_fill", matchers=["compact"])
    submit(run, results, predictions=True)
    return results


@pytest.fixture
def results(honest: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(honest, tmp_path / "results"))


def renamed(results: Path, old: str, new: str) -> Path:
    """A copy of a submission under another name, hashes to match."""
    folder = Path(shutil.copytree(results / old, results / new))
    in_json(folder / "submission.json", lambda index: index.update(name=new, sha256=""))
    content = json.loads((folder / "submission.json").read_text())
    files = {name: (held["sha256"], held["bytes"]) for name, held in content["files"].items()}
    again = Index(new, content["notes"], content["manifest"], content["created"], files, content["evidence"])
    (folder / "submission.json").write_text(json.dumps(again.as_json()))
    return folder


# ------------------------------------------------------------------------------------------- what a forger would do


def edited_figures(folder: Path) -> None:
    def better(board: dict[str, list[dict[str, object]]]) -> None:
        for row in board["rows"]:
            if row["method"] == "tiny_fill" and row["metric"] == "psnr":
                row["value"] = float(str(row["value"])) + 3

    in_json(folder / "board.json", better)
    reindexed(folder, rebuild=False)


def missing_samples(folder: Path) -> None:
    """The hardest face is left out everywhere, and the board made anew without it."""
    for room in ("parts", "embeddings"):
        in_part(folder, "tiny_fill", lambda table: table.filter(pl.col("sample") != "p1/0"), room)
    reindexed(folder)


def script_in_a_title(folder: Path) -> None:
    in_run(
        folder, lambda run: run["cards"]["methods"]["tiny_fill"]["cards"][0].update(title="<script>alert(1)</script>")
    )
    reindexed(folder)


def turned_round(folder: Path) -> None:
    in_run(folder, lambda run: run["cards"]["methods"]["tiny_fill"]["cards"][0].update(title="best \u202eelif"))
    reindexed(folder, rebuild=False)


def control_in_notes(folder: Path) -> None:
    in_run(folder, lambda run: run["cards"]["methods"]["tiny_fill"]["cards"][0].update(notes="fine\x1b[2J"))
    reindexed(folder, rebuild=False)


def metric_turned_round(folder: Path) -> None:
    in_run(folder, lambda run: run["cards"]["metrics"]["l1"].update(direction="higher"))
    reindexed(folder)


def other_people(folder: Path) -> None:
    path = folder / "manifest.parquet"
    pl.read_parquet(path).with_columns(pl.col("sample").alias("identity")).write_parquet(path)
    reindexed(folder)


def beyond_the_range(folder: Path) -> None:
    in_part(folder, "tiny_fill", lambda table: table.with_columns(pl.col("value") * -1))
    reindexed(folder)


def twice(folder: Path) -> None:
    in_part(folder, "tiny_fill", lambda table: pl.concat([table, table.head(1)]))
    reindexed(folder)


def worse_floor(folder: Path) -> None:
    """Untouched made worse, so that its own method looks better."""
    in_part(folder, "untouched", lambda table: table.with_columns(pl.col("value") * 0.5))
    reindexed(folder)


def other_judge(folder: Path) -> None:
    """A judge that sees everyone alike, under the name of the real one."""
    for method in ("", "untouched", "tiny_fill"):
        path = part_of(folder, method, "embeddings")
        table = pl.read_parquet(path)
        first = table["vector"][0]
        table.with_columns(pl.Series("vector", [first] * table.height, table.schema["vector"])).write_parquet(path)
    reindexed(folder)


def changed_byte(folder: Path) -> None:
    path = part_of(folder, "tiny_fill")
    path.write_bytes(path.read_bytes() + b" ")


def stray_picture(folder: Path) -> None:
    (folder / "face.png").write_bytes(b"PNG")


def torn_table(folder: Path) -> None:
    path = part_of(folder, "tiny_fill")
    path.write_bytes(path.read_bytes()[:-40])
    reindexed(folder, rebuild=False)


def without_a_card(folder: Path) -> None:
    in_run(folder, lambda run: run["cards"]["methods"].pop("tiny_fill"))
    reindexed(folder, rebuild=False)


def climbing_file(folder: Path) -> None:
    in_json(folder / "submission.json", lambda index: index["files"].update({"../x.png": index["files"]["run.json"]}))


def newer_schema(folder: Path) -> None:
    in_json(folder / "submission.json", lambda index: index.update(schema="unmaskbench.submission/9"))


def no_index(folder: Path) -> None:
    (folder / "submission.json").unlink()


HOSTILE: list[tuple[Callable[[Path], None], str]] = [
    (edited_figures, "board.json was edited: value of 'tiny_faces tiny_block tiny_fill"),
    (missing_samples, "its 'tiny_fill' lacks 1 of 6 samples of tiny_faces/tiny_block"),
    (script_in_a_title, "is markup and no name: '<script>alert(1)</script>'"),
    (turned_round, r"holds \u202e, which cannot be seen"),
    (control_in_notes, r"holds \x1b, which cannot be seen"),
    (metric_turned_round, "its metrics are others, or of other signatures"),
    (other_people, "its manifest names other people"),
    (beyond_the_range, "lies in 0 to inf"),
    (twice, "two rows of one sample"),
    (worse_floor, "of the unrestored faces, which no method has touched:"),
    (other_judge, "of the truths, which no method has touched: tiny_colours gives"),
    (changed_byte, "was changed: it has not the sha256 that the index lists"),
    (stray_picture, "holds 'face.png', which its index does not list"),
    (torn_table, "it is damaged"),
    (without_a_card, "run.json has no card of method 'tiny_fill'"),
    (climbing_file, "its own sha256 is not that of what it lists"),
    (newer_schema, "it is of schema 'unmaskbench.submission/9'"),
    (no_index, "submission.json is absent"),
]


@pytest.mark.parametrize(("forge", "sentence"), HOSTILE, ids=[forge.__name__ for forge, _ in HOSTILE])
def test_a_hostile_submission_is_refused_with_a_sentence(
    results: Path, forge: Callable[[Path], None], sentence: str
) -> None:
    for name in ("bert", "cleo"):
        shutil.rmtree(results / name)
    forge(renamed(results, "anna", "mallory"))
    found = gather(results, reference="anna")
    assert [one.name for one in found.accepted] == ["anna"]
    assert sentence in found.refused["mallory"]


def test_another_manifest_is_refused(results: Path, tmp_path: Path) -> None:
    block = {"id": "tiny_block", "parameters": {"share": 0.2}}
    submit(finished(tmp_path / "mallory", "tiny_fill", occlusions=[block]), results)
    found = gather(results)
    assert found.refused == {"mallory": "its manifest is another: it scored other pixels than those of this board"}
    assert list(gather(results, reference="mallory").refused) == ["anna", "bert", "cleo"]
    with pytest.raises(SubmissionError, match="'nobody' is no submission that holds together; those that do: anna"):
        gather(results, reference="nobody")


def test_no_file_that_a_submission_names_is_imported(results: Path, tmp_path: Path) -> None:
    folder = renamed(results, "anna", "mallory")
    witness = tmp_path / "ran"
    (tmp_path / "evil.py").write_text(f"open({str(witness)!r}, 'w')\n")
    name = f"{tmp_path}/evil.py:Matcher"

    def hostile(run: dict[str, dict[str, list[dict[str, object]]]]) -> None:
        run["suite"]["matchers"][0]["id"] = name  # type: ignore[call-overload]

    in_run(folder, hostile)
    reindexed(folder, rebuild=False)
    assert "is not installed here" in gather(results).refused["mallory"]
    assert not witness.exists()


def test_five_submissions_two_of_them_hostile_end_in_a_joint_board_and_two_refusals(
    results: Path, tmp_path: Path
) -> None:
    edited_figures(renamed(results, "anna", "mallory"))
    missing_samples(renamed(results, "anna", "oscar"))
    out = tmp_path / "public"
    done = CliRunner().invoke(app, ["leaderboard", str(results), "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert done.output.count("\naccepted") + done.output.startswith("accepted") == 3
    assert "3 accepted, 2 refused" in done.output
    board = json.loads((out / "board.json").read_text())
    assert [row["method"] for row in board["methods"]] == ["untouched", "double", "telea", "tiny_fill"]
    assert [member["name"] for member in board["run"]["members"]] == ["anna", "bert", "cleo"]
    assert [refused.split(":")[0] for refused in board["run"]["refused"]] == ["mallory", "oscar"]
    page = (out / "index.html").read_text()
    for name, word in (("mallory", "board.json was edited"), ("oscar", "lacks 1 of 6 samples")):
        assert f"A submission was refused: {name}" in page
        assert word in page
    strict = CliRunner().invoke(app, ["leaderboard", str(results), "--out", str(out), "--strict"])
    assert strict.exit_code == 2
    for name in ("anna", "bert", "cleo"):
        shutil.rmtree(results / name)
    alone = CliRunner().invoke(app, ["leaderboard", str(results), "--out", str(tmp_path / "none")])
    assert alone.exit_code == 2
    assert "0 accepted, 2 refused" in alone.output
    assert not (tmp_path / "none").exists()


def test_a_joint_board_lists_its_methods_best_first_by_what_its_headline_answers_by(
    results: Path, tmp_path: Path
) -> None:
    """Submissions come in the order of their names; a reader of the board asks for the best."""
    done = CliRunner().invoke(app, ["leaderboard", str(results), "--out", str(tmp_path)])
    assert done.exit_code == 0, done.output
    board = json.loads((tmp_path / "board.json").read_text())
    # every FMR target is refused on so few faces: the answer is by the area under the ROC
    values = {
        row["method"]: row["value"]
        for row in board["verification"]
        if (row["metric"], row["setting"], row["slice"], row["output"]) == ("auc", "UT", "all", "composite")
    }
    floor, *best_first = [row["method"] for row in board["methods"]]
    assert floor == "untouched"
    assert best_first == sorted(values, key=lambda name: (-values[name], name))
    table = done.output.partition("\nmethod ")[2].splitlines()
    assert "tiny_colours AUC" in table[0]
    shown = [line.split()[0] for line in table if line.split()[0] in values][: len(values)]
    assert shown == best_first, "the terminal shows the board in the same order"


def test_the_joint_board_is_the_board_of_one_run_of_all_methods(results: Path, tmp_path: Path) -> None:
    together = RunFolder(finished(tmp_path / "all", "tiny_fill", tiny.odd("double"), "telea")).read_board()
    joint = joint_board(gather(results), "results")
    for table in ("rows", "verification", "differences", "correlations", "curves", "statuses"):
        assert joint[table] == together[table], table
    assert any(row["rank"] == 1 and row["group"] == 1 for row in joint["rows"])


def test_one_label_of_two_methods_is_told_apart_and_one_method_handed_in_twice_has_one_row(
    results: Path, tmp_path: Path
) -> None:
    other = {"id": "tiny_odd", "label": "tiny_fill", "parameters": {"mode": "inplace"}}
    submit(finished(tmp_path / "dora", other), results)
    renamed(results, "cleo", "emil")
    board = joint_board(gather(results), "results")
    assert [row["method"] for row in board["methods"]] == [
        "untouched", "tiny_fill@anna", "double", "telea", "tiny_fill@dora",
    ]  # fmt: skip
    values = {
        row["method"]: row["value"] for row in board["rows"] if (row["metric"], row["region"]) == ("psnr", "hole")
    }
    assert values["tiny_fill@anna"] != values["tiny_fill@dora"]


def test_a_folder_without_submissions_is_said(tmp_path: Path) -> None:
    with pytest.raises(SubmissionError, match="there is no folder"):
        gather(tmp_path / "results")
    (tmp_path / "results" / ".git").mkdir(parents=True)
    with pytest.raises(SubmissionError, match="holds no submission; bench submit RUN --to"):
        gather(tmp_path / "results")


def test_links_are_not_followed(results: Path, tmp_path: Path) -> None:
    shutil.move(results / "anna", tmp_path / "elsewhere")
    (results / "anna").symlink_to(tmp_path / "elsewhere")
    path = part_of(results / "bert", "double")
    shutil.move(path, tmp_path / "part.parquet")
    path.symlink_to(tmp_path / "part.parquet")
    refused = gather(results).refused
    assert refused["anna"] == "it is a link"
    assert refused["bert"].endswith("is a link")


def made_up_scores(folder: Path) -> None:
    """Per-sample scores that are better than the pictures, hashes and board to match."""
    raise_psnr = pl.when(pl.col("metric") == "psnr").then(pl.col("value") + 0.5).otherwise(pl.col("value"))
    in_part(folder, "tiny_fill", lambda table: table.with_columns(raise_psnr.alias("value")))
    reindexed(folder)


def made_up_faces(folder: Path) -> None:
    """Each restored face has the embedding of its truth."""
    truths = pl.read_parquet(part_of(folder, "", "embeddings")).select("sample", "vector")
    in_part(
        folder,
        "tiny_fill",
        lambda table: table.drop("vector").join(truths, on="sample").select(table.columns),
        "embeddings",
    )
    reindexed(folder)


def other_picture(folder: Path) -> None:
    first, second = sorted((folder / "predictions").rglob("*.png"))[:2]
    first.write_bytes(second.read_bytes())
    reindexed(folder)


@pytest.mark.parametrize(
    ("forge", "sentence"),
    [
        (made_up_scores, r"its picture of p\d/\d has psnr .* and it hands in .* \(tiny_fill, tiny_faces/tiny_block\)"),
        (made_up_faces, "another embedding by compact than it hands in"),
        (other_picture, r"its picture of p0/0 has (psnr|l1) .* and it hands in"),
    ],
)
def test_a_forger_of_the_whole_is_found_by_computing_attached_pictures_again(
    attached: Path, tmp_path: Path, forge: Callable[[Path], None], sentence: str
) -> None:
    results = Path(shutil.copytree(attached, tmp_path / "results"))
    forge(results / "anna")
    found = gather(results)
    assert not found.refused, "nothing but computing again can tell"
    with pytest.raises(SubmissionError, match=sentence):
        recompute(found.accepted[0], 6)


def test_honest_pictures_come_out_as_handed_in_and_others_are_refused(attached: Path, tmp_path: Path) -> None:
    results = Path(shutil.copytree(attached, tmp_path / "results"))
    words = ["leaderboard", str(results), "--out", str(tmp_path / "out"), "--recompute"]
    honest = CliRunner().invoke(app, [*words, "4"])
    assert honest.exit_code == 0, honest.output
    assert "anna: 4 pictures scored again, " in honest.output
    assert "1 accepted, 0 refused" in honest.output
    made_up_faces(results / "anna")
    forged = CliRunner().invoke(app, [*words, "6"])
    assert forged.exit_code == 2
    assert "refused   anna: its picture of p" in forged.output


def test_pictures_of_other_faces_cannot_be_scored_again(results: Path, tmp_path: Path) -> None:
    submit(
        finished(tmp_path / "dora", "tiny_fill", datasets=[{"id": "tiny_faces", "parameters": {"each": 3}}]),
        tmp_path / "r",
        predictions=True,
    )
    one = gather(tmp_path / "r").accepted[0]
    in_run(one.folder.path, lambda run: run["suite"]["datasets"][0]["parameters"].update(size=40))
    reindexed(one.folder.path)
    with pytest.raises(SubmissionError, match="has other pixels here than in its manifest"):
        recompute(checked(one.folder.path), 3)
    assert recompute(gather(results).accepted[0], 3).notes == ["no picture is attached, nothing was computed again"]

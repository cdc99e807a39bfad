"""Similarities in place of embeddings: the same board, no template handed in, and every way to cheat with them refused."""

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
from tests.submissions.test_leaderboard import renamed
from unmaskbench.benchmark.cli.main import app
from unmaskbench.benchmark.run.comparisons import as_csv, comparisons
from unmaskbench.benchmark.run.entry import run as execute
from unmaskbench.benchmark.store.folder import RunFolder
from unmaskbench.benchmark.submissions.checks import checked
from unmaskbench.benchmark.submissions.joint import gather, joint_board
from unmaskbench.benchmark.submissions.pack import submit
from unmaskbench.benchmark.submissions.recompute import recompute

TABLES = ("rows", "differences", "correlations", "curves", "statuses")
FACES = [{"id": "tiny_faces", "parameters": {"identities": 4, "each": 2}}]


@pytest.fixture(autouse=True, scope="module")
def _plugins() -> Iterator[None]:
    with tiny.registered():
        yield


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Runs of a method each beside untouched; one of them fails on a face."""
    folder = tmp_path_factory.mktemp("runs")
    methods = {"anna": "tiny_fill", "bert": tiny.odd("raise", "p1/0"), "cleo": "telea"}
    return {name: finished(folder / name, method, datasets=FACES) for name, method in methods.items()}


@pytest.fixture(scope="module")
def honest(runs: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Anna and Bert withhold their embeddings, Cleo does not."""
    results = tmp_path_factory.mktemp("made") / "results"
    for name, run in runs.items():
        submit(run, results, similarities=name != "cleo")
    return results


@pytest.fixture
def results(honest: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(honest, tmp_path / "results"))


def without_cosines(rows: list[dict[str, object]]) -> list[dict[str, object]]:
    """Rows of verification but the mean cosine to one's own truth, which needs embeddings."""
    return [row for row in rows if row["metric"] != "identity_cosine"]


def test_no_embedding_is_handed_in_and_the_board_is_that_of_the_run(runs: dict[str, Path], honest: Path) -> None:
    for name in ("anna", "bert"):
        vectors = pl.concat(pl.read_parquet(path)["vector"] for path in (honest / name / "embeddings").iterdir())
        assert set(vectors.drop_nulls().list.len()) == {0}
        found, own = checked(honest / name), RunFolder(runs[name]).read_board()
        for table in TABLES:
            assert found.board[table] == own[table], table
        assert without_cosines(found.board["verification"]) == without_cosines(own["verification"])
        assert len(without_cosines(own["verification"])) < len(own["verification"])
    lost = pl.concat(pl.read_parquet(path) for path in (honest / "bert" / "embeddings").iterdir())
    assert set(lost.filter(pl.col("vector").is_null())["sample"]) == {"p1/0"}


def test_a_row_for_every_trial_is_handed_in(honest: Path) -> None:
    rows = pl.read_parquet(part_of(honest / "anna", "tiny_fill", "similarities"))
    pairs = 8 * 7 // 2
    assert {key[0]: len(part) for key, part in rows.group_by("setting", "output")} == {"UT": pairs + 8, "UU": pairs}
    assert rows["similarity"].null_count() == 0
    lost = pl.read_parquet(part_of(honest / "bert", "raise", "similarities")).filter(pl.col("similarity").is_null())
    assert lost.filter((pl.col("a") != "p1/0") & (pl.col("b") != "p1/0")).is_empty()
    assert len(lost)


def test_the_joint_board_is_that_of_one_run_whoever_withholds_embeddings(
    runs: dict[str, Path], results: Path, tmp_path: Path
) -> None:
    together = finished(tmp_path / "all", "tiny_fill", tiny.odd("raise", "p1/0"), "telea", datasets=FACES)
    own = RunFolder(together).read_board()
    found = gather(results)
    assert not found.refused
    mixed = joint_board(found, "results")
    submit(runs["cleo"], tmp_path / "all-withheld", similarities=True)
    shutil.rmtree(results / "cleo")
    shutil.copytree(tmp_path / "all-withheld" / "cleo", results / "cleo")
    for board in (mixed, joint_board(gather(results), "results")):
        for table in TABLES:
            assert board[table] == own[table], table
        assert without_cosines(board["verification"]) == without_cosines(own["verification"])
        assert any(row["rank"] == 1 for row in board["verification"] if row["metric"] == "auc")


def test_a_black_box_hands_in_its_table(tmp_path: Path) -> None:
    """A matcher that is a CSV: what it says of each method is on the joint board, of every submission."""
    results = tmp_path / "results"
    for name, method in (("anna", "tiny_fill"), ("bert", "telea")):
        suite = tiny.suite(methods=["untouched", method], gallery=0, datasets=FACES, matchers=[])
        run = execute(suite, tmp_path / name, speed=False, save_images=True)
        listed = comparisons(RunFolder(run))
        lines = as_csv(listed).splitlines()
        # more alike the nearer in the list of people, and the same whoever asks
        people = [[int(picture.split("/p")[1][0]) for picture in (one.a, one.b)] for one in listed]
        filled = [f"{line}{1 - abs(a - b) / 4}" for line, (a, b) in zip(lines[1:], people, strict=True)]
        (run / "pairs.csv").write_text("\n".join([lines[0], *filled]), encoding="utf-8")
        done = CliRunner().invoke(app, ["score", str(run), "--matchers", f"scores:{run}/pairs.csv=vendor"])
        assert done.exit_code == 0, done.output
        # a page that was drawn before knows nothing of the matcher
        assert done.output.rstrip().splitlines()[-1] == f"its page: bench report {run}"
        folder = submit(run, results).folder
        assert json.loads((folder / "run.json").read_text())["similarities"] == ["vendor"]
        assert not list(folder.glob("similarities-*.npz"))
    found = gather(results)
    assert not found.refused
    board = joint_board(found, "results")
    by_method = {r["method"]: r for r in board["verification"] if r["metric"] == "auc" and r["setting"] == "UT"}
    assert set(by_method) == {"tiny_fill", "telea"}
    assert all((row["matcher"], row["failed"]) == ("vendor", 0) for row in by_method.values())


def test_pictures_are_scored_again_and_what_cannot_be_is_said(runs: dict[str, Path], tmp_path: Path) -> None:
    submit(runs["anna"], tmp_path / "results", predictions=True, similarities=True)
    done = recompute(gather(tmp_path / "results").accepted[0], 3)
    assert done.pictures == 3
    assert done.values > 0
    assert done.notes == ["tiny_colours hands in similarities, whose faces cannot be compared again"]


# ------------------------------------------------------------------------------------------- what a forger would do


def missing_trials(folder: Path) -> None:
    in_part(folder, "tiny_fill", lambda table: table.filter(pl.col("a") != "p1/0"), "similarities")
    reindexed(folder)


def trials_twice(folder: Path) -> None:
    in_part(folder, "tiny_fill", lambda table: pl.concat([table, table.head(1)]), "similarities")
    reindexed(folder)


def trials_of_its_own(folder: Path) -> None:
    more = {"a": pl.lit("p9/9")}
    in_part(folder, "tiny_fill", lambda table: pl.concat([table, table.head(1).with_columns(**more)]), "similarities")
    reindexed(folder)


def edited_score(folder: Path) -> None:
    """One score is edited, and nothing else."""
    in_part(folder, "tiny_fill", lambda table: table.with_columns(pl.col("similarity") * 0.5), "similarities")


def edited_score_and_hashes(folder: Path) -> None:
    """One genuine score is lifted, hashes to match, and the board stays as it was."""
    same = pl.col("a").str.slice(0, 2) != pl.col("b").str.slice(0, 2)
    lifted = pl.when(same).then(pl.lit(0.99, pl.Float32)).otherwise(pl.col("similarity")).alias("similarity")
    in_part(folder, "tiny_fill", lambda table: table.with_columns(lifted), "similarities")
    reindexed(folder, rebuild=False)


def edited_truths(folder: Path) -> None:
    """Strangers' truths are made unlike each other, so that the threshold falls, and the board made anew."""
    other = pl.col("a").str.slice(0, 2) != pl.col("b").str.slice(0, 2)
    lowered = pl.when(other).then(pl.col("similarity") - 0.5).otherwise(pl.col("similarity")).alias("similarity")
    in_part(folder, "", lambda table: table.with_columns(lowered), "similarities")
    reindexed(folder)


def failed_strangers(folder: Path) -> None:
    """Comparisons of strangers that would be let in are called failed ones, of truths."""
    value = pl.when(pl.col("similarity") > 0.5).then(None).otherwise(pl.col("similarity")).alias("similarity")
    in_part(folder, "", lambda table: table.with_columns(value), "similarities")
    reindexed(folder)


def infinite(folder: Path) -> None:
    value = pl.lit(float("inf"), pl.Float32).alias("similarity")
    in_part(folder, "tiny_fill", lambda table: table.with_columns(value), "similarities")
    reindexed(folder, rebuild=False)


def not_enrolled(folder: Path) -> None:
    """A face is called one that could not be enrolled, and its scores stay."""
    gone = pl.when(pl.col("sample") == "p1/0").then(None).otherwise(pl.col("vector")).alias("vector")
    in_part(folder, "tiny_fill", lambda table: table.with_columns(gone), "embeddings")
    reindexed(folder, rebuild=False)


def no_scores(folder: Path) -> None:
    """The whole file of a method is gone."""
    part_of(folder, "tiny_fill", "similarities").unlink()
    reindexed(folder)


def matcher_unnamed(folder: Path) -> None:
    """run.json names no matcher any more that hands in similarities."""
    in_run(folder, lambda run: run.update(similarities=[]))
    reindexed(folder, rebuild=False)


def strange_matcher(folder: Path) -> None:
    in_run(folder, lambda run: run.update(similarities=["tiny_colours", "other"]))
    reindexed(folder, rebuild=False)


HOSTILE: list[tuple[Callable[[Path], None], str]] = [
    (missing_trials, "'tiny_fill' by 'tiny_colours', tiny_faces/tiny_block: it lacks"),
    (trials_twice, "it has two similarities of"),
    (trials_of_its_own, "that no trial (the first is 'p9/9' and"),
    (edited_score, "was changed: it has not the sha256 that the index lists"),
    (edited_score_and_hashes, "board.json was edited:"),
    (edited_truths, "of the truths, which no method has touched: tiny_colours gives"),
    (failed_strangers, "of the truths, which no method has touched: tiny_colours gives"),
    (infinite, "is inf, and no finite number"),
    (not_enrolled, "have a similarity, and the first could not be enrolled"),
    (no_scores, "it lacks"),
    (matcher_unnamed, ""),
    (strange_matcher, "run.json has similarities of 'other', which its suite does not ask for"),
]


@pytest.mark.parametrize(("forge", "sentence"), HOSTILE, ids=[forge.__name__ for forge, _ in HOSTILE])
@pytest.mark.parametrize("reference", ["anna", "cleo"], ids=["withheld", "embeddings"])
def test_a_hostile_table_of_scores_is_refused_with_a_sentence(
    results: Path, forge: Callable[[Path], None], sentence: str, reference: str
) -> None:
    forge(renamed(results, "anna", "mallory"))
    for name in {"anna", "bert", "cleo"} - {reference}:
        shutil.rmtree(results / name)
    found = gather(results, reference=reference)
    assert [one.name for one in found.accepted] == [reference]
    assert sentence in found.refused["mallory"]


def test_the_command_hands_similarities_in(runs: dict[str, Path], tmp_path: Path) -> None:
    words = ["submit", str(runs["anna"]), "--to", str(tmp_path / "results"), "--similarities"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    assert "similarities/ (3 files)" in done.output
    assert (
        CliRunner().invoke(app, ["leaderboard", str(tmp_path / "results"), "--out", str(tmp_path / "o")]).exit_code == 0
    )
    in_json(tmp_path / "results/anna/run.json", lambda run: run.update(similarities="all"))
    reindexed(tmp_path / "results/anna", rebuild=False)
    assert "names no matchers" in gather(tmp_path / "results").refused["anna"]

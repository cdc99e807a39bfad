"""``bench score``: aggregate a run again, or score a folder of images."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unmaskbench.benchmark.cli.run import split_list
from unmaskbench.benchmark.host.terminal import say
from unmaskbench.benchmark.host.text import csv_text
from unmaskbench.benchmark.store.write import write_file

if TYPE_CHECKING:
    from unmaskbench.benchmark.run.score_folder import FolderScores


def score(
    source: Annotated[str, typer.Argument(help="A run folder or its URL, or a folder of restored PNGs.")],
    truth: Annotated[
        Path | None, typer.Option(help="For a folder of PNGs: the folder of true images of the same names.")
    ] = None,
    masks: Annotated[
        Path | None, typer.Option(help="For a folder of PNGs: masks of the same names, white = missing.")
    ] = None,
    metrics: Annotated[
        str,
        typer.Option(
            help="Metric ids separated by commas. Of a run: those to add to its own. Of a folder of PNGs: psnr,ssim by default."
        ),
    ] = "",
    matchers: Annotated[
        str,
        typer.Option(
            help="Of a run: matchers to add to its own, separated by commas; ids or files, as bench run has them."
        ),
    ] = "",
    out: Annotated[
        Path | None, typer.Option(help="For a folder of PNGs: write the per-image table here (.csv).")
    ] = None,
) -> None:
    """Aggregate a run's rows into its board again, or measure more on the pixels that it keeps, without calling a method; or
    score a folder of PNGs.

    \b
    Examples:
      bench score runs/quick
      bench score runs/quick --metrics dists --matchers edgeface
      bench score runs/quick --matchers scores:pairs.csv=vendor
      bench score restored/ --truth truth/ --masks masks/ --metrics psnr,ssim,lpips --out scores.csv
    """
    from unmaskbench.benchmark.store.mirrored_folder import local_copy

    folder = local_copy(source)
    if (folder / "run.json").is_file():
        _score_run(source, folder, split_list(metrics), split_list(matchers))
        return
    if truth is None:
        raise ValueError(
            f"{source} is no run folder; to score a folder of PNGs give the true images with --truth FOLDER"
        )
    from unmaskbench.benchmark.run.score_folder import score_folder

    found = score_folder(folder, truth, masks, split_list(metrics) or ["psnr", "ssim"])
    if out is not None:
        write_file(out, csv_text([found.table.columns, *found.table.rows()]))
    for line in summary_lines(found):
        say(line)
    if not found.scored:
        raise ValueError(f"nothing was scored: not one of {found.restored} images in {folder} has a value")


def _score_run(source: str, folder: Path, metrics: list[str], matchers: list[str]) -> None:
    """Add to a run what is asked for, or aggregate it again."""
    from unmaskbench.benchmark.cli.progress import Bars
    from unmaskbench.benchmark.cli.summary import print_summary

    if metrics or matchers:
        from unmaskbench.benchmark.run.entry import measure

        with Bars() as bars:
            measure(source, metrics, matchers, listener=bars.listener)
    else:
        from unmaskbench.benchmark.board.build import rebuild_board
        from unmaskbench.benchmark.run.entry import mark_board
        from unmaskbench.benchmark.store.folder import FINISHED, RunFolder
        from unmaskbench.benchmark.store.mirrored_folder import folder_of

        rebuild_board(folder)
        mark_board(RunFolder(folder))
        folder_of(source).publish("board.json", *([FINISHED] if (folder / FINISHED).is_file() else []))
    print_summary(folder)
    stale = f"{folder / 'index.html'} is of before; " if (folder / "index.html").is_file() else ""
    say(f"{stale}its page: bench report {source}")


def _mean(value: float | None) -> str:
    return "no value" if value is None else f"{value:.6g}"


def summary_lines(found: FolderScores) -> list[str]:
    """Mean and signature of every metric and region, with the count of images that have it; identical ones count at the
    ceiling, as on a board, and are told. Then each failure, and how many images, truths and files were left."""
    import polars as pl

    from unmaskbench.benchmark.statistics.levels import CEILING

    identical = (pl.col("value") == float("inf")).fill_null(False)
    valued = pl.col("value").is_finite().fill_null(False) | identical
    means = found.table.filter(pl.col("metric") != "").group_by("metric", "region", "signature", maintain_order=True).agg(
        pl.when(identical).then(CEILING).otherwise(pl.col("value")).filter(valued).mean().alias("mean"),
        valued.sum().alias("n"),
        identical.sum().alias("identical"),
    )  # fmt: skip
    lines = [
        f"{row['metric']:<10} {row['region']:<6} {_mean(row['mean'])}  (n {row['n']})"
        + (f"; {row['identical']} identical to the truth, counted at {CEILING:g}" if row["identical"] else "")
        + f"  {row['signature']}"
        for row in means.iter_rows(named=True)
    ]
    bad = found.table.filter(pl.col("status") != "ok").select("sample", "message").unique(maintain_order=True)
    lines += [f"{row['sample']}: {row['message']}" for row in bad.iter_rows(named=True)]
    lines += [f"{found.scored} of {found.restored} images scored, {found.failed} with a failure", *found.remarks]
    if found.unmatched:
        names = ", ".join(found.unmatched[:3]) + (" ..." if len(found.unmatched) > 3 else "")
        count = "1 truth has" if len(found.unmatched) == 1 else f"{len(found.unmatched)} truths have"
        lines.append(f"{count} no restored image: {names}")
    return lines

"""``bench score``: aggregate a run again, or score a folder of images."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from unmaskbench.benchmark.cli.run import split_list
from unmaskbench.benchmark.store.write import write_file


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

    table = score_folder(folder, truth, masks, split_list(metrics) or ["psnr", "ssim"])
    if out is not None:
        write_file(out, table.write_csv())
    for line in summary_lines(table):
        typer.echo(line)


def _score_run(source: str, folder: Path, metrics: list[str], matchers: list[str]) -> None:
    """Add to a run what is asked for, or aggregate it again."""
    from unmaskbench.benchmark.cli.progress import Bars, print_summary

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


def summary_lines(table: object) -> list[str]:
    """Mean of every metric and region, with the count of images that have it; identical ones count at the ceiling, as on a
    board, and are told."""
    import polars as pl

    from unmaskbench.benchmark.statistics.ceiling import CEILING

    assert isinstance(table, pl.DataFrame)
    identical = (pl.col("value") == float("inf")).fill_null(False)
    valued = table.filter(pl.col("value").is_finite() | identical)
    means = valued.group_by("metric", "region", maintain_order=True).agg(
        pl.when(identical).then(CEILING).otherwise(pl.col("value")).mean(),
        pl.len().alias("n"),
        identical.sum().alias("identical"),
    )
    lines = [
        f"{row['metric']:<10} {row['region']:<6} {row['value']:.6g}  (n {row['n']})"
        + (f"; {row['identical']} identical to the truth, counted at {CEILING:g}" if row["identical"] else "")
        for row in means.iter_rows(named=True)
    ]
    bad = table.filter(pl.col("status") != "ok").select("sample", "message").unique(maintain_order=True)
    return lines + [f"{row['sample']}: {row['message']}" for row in bad.iter_rows(named=True)]

"""``bench score``: aggregate a run again, or score a folder of images."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def score(
    source: Annotated[str, typer.Argument(help="A run folder or its URL, or a folder of restored PNGs.")],
    truth: Annotated[
        Path | None, typer.Option(help="For a folder of PNGs: the folder of true images of the same names.")
    ] = None,
    masks: Annotated[
        Path | None, typer.Option(help="For a folder of PNGs: masks of the same names, white = missing.")
    ] = None,
    metrics: Annotated[str, typer.Option(help="For a folder of PNGs: metric ids separated by commas.")] = "psnr,ssim",
    out: Annotated[
        Path | None, typer.Option(help="For a folder of PNGs: write the per-image table here (.csv).")
    ] = None,
) -> None:
    """Aggregate a run's rows into its board again, without calling a network; or score a folder of PNGs.

    \b
    Examples:
      bench score runs/quick
      bench score restored/ --truth truth/ --masks masks/ --metrics psnr,ssim,lpips --out scores.csv
    """
    from unmaskbench.benchmark.store.mirrored_folder import brought, folder_of

    folder = brought(source)
    if (folder / "run.json").is_file():
        from unmaskbench.benchmark.board.build import rebuild_board
        from unmaskbench.benchmark.cli.progress import print_summary

        rebuild_board(folder)
        folder_of(source).publish("board.json")
        print_summary(folder)
        return
    if truth is None:
        raise ValueError(
            f"{source} is no run folder; to score a folder of PNGs give the true images with --truth FOLDER"
        )
    from unmaskbench.benchmark.run.score_folder import score_folder

    table = score_folder(folder, truth, masks, [name.strip() for name in metrics.split(",") if name.strip()])
    if out is not None:
        table.write_csv(out)
    for line in summary_lines(table):
        typer.echo(line)


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

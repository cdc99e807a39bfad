"""``bench masks``: build, verify and preview a frozen set of occluded faces."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unmaskbench.benchmark.cli.run import some_samples
from unmaskbench.benchmark.host.terminal import say
from unmaskbench.benchmark.store.write import write_file

if TYPE_CHECKING:
    from unmaskbench.benchmark.plan.suite import Suite

app = typer.Typer(
    help="Build, verify and preview a frozen set of occluded faces.", no_args_is_help=True, rich_markup_mode=None
)


def _suite(suite: str, dataset: str, root: str, occlusions: str, limit: int | None) -> Suite:
    from unmaskbench.benchmark.cli.run import changed
    from unmaskbench.benchmark.plan.suite_file import load_suite

    return changed(
        load_suite(suite),
        methods="untouched", dataset=dataset, root=root, split="", occlusions=occlusions, metrics="", matchers="",
        mask_source="", limit=limit, precision="", slice_by="",
    )  # fmt: skip


@app.command()
def build(
    out: Annotated[Path, typer.Argument(help="The folder to write.")],
    suite: Annotated[str, typer.Option(help="A suite's name or a YAML file.")] = "quick",
    dataset: Annotated[str, typer.Option(help="This dataset instead of the suite's.")] = "",
    root: Annotated[str, typer.Option(help="The folder of the dataset's files.")] = "",
    occlusions: Annotated[str, typer.Option(help="Occlusion ids separated by commas.")] = "",
    limit: Annotated[
        int | None, typer.Option(help="At most this many samples a dataset. Default: all.", callback=some_samples)
    ] = None,
    workers: Annotated[int, typer.Option(help="Processes.", min=1, max=256)] = 1,
) -> None:
    """Write truth, occluded and mask images of a suite, with a manifest that any machine can check.

    \b
    Example:
      bench masks build sets/quick --workers 2
    """
    from rich.progress import Progress

    from unmaskbench.benchmark.run import mask_set

    chosen = _suite(suite, dataset, root, occlusions, limit)
    with Progress() as bars:
        task = bars.add_task("build", total=None)
        digest = mask_set.build(chosen, out, workers, lambda images: bars.advance(task, images))
    for line in mask_set.summary(out):
        say(line)
    say(f"manifest {digest}")


@app.command()
def verify(folder: Annotated[Path, typer.Argument(help="A folder that `bench masks build` wrote.")]) -> None:
    """Re-hash every image of a set; exit code 1 where one is absent or changed.

    \b
    Example:
      bench masks verify sets/quick
    """
    from unmaskbench.benchmark.run import mask_set

    problems = mask_set.verify(folder)
    for problem in problems[:20]:
        say(problem)
    if problems:
        say(f"{len(problems)} problems")
        raise typer.Exit(1)
    say("every image is as it was built")


@app.command()
def preview(
    out: Annotated[Path, typer.Argument(help="The PNG to write.")],
    suite: Annotated[str, typer.Option(help="A suite's name or a YAML file.")] = "quick",
    dataset: Annotated[str, typer.Option(help="This dataset instead of the suite's.")] = "",
    root: Annotated[str, typer.Option(help="The folder of the dataset's files.")] = "",
    occlusions: Annotated[
        str, typer.Option(help="Occlusion ids separated by commas.")
    ] = "medical_mask,block,random_lines,irregular,objects",
    rows: Annotated[int, typer.Option(help="Rows of faces an occlusion.", min=1, max=50)] = 1,
    columns: Annotated[int, typer.Option(help="Faces a row.", min=1, max=50)] = 8,
) -> None:
    """Draw a contact sheet: faces above, the same faces occluded below.

    \b
    Example:
      bench masks preview sheet.png --dataset lfw --root ~/data/lfw
    """
    from unmaskbench.benchmark.run import mask_set

    sheet = mask_set.contact_sheet(_suite(suite, dataset, root, occlusions, None), rows, columns)
    buffer = io.BytesIO()
    sheet.save(buffer, "JPEG" if out.suffix.lower() in (".jpg", ".jpeg") else "PNG")
    write_file(out, buffer.getvalue())
    say(str(out))

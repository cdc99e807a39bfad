"""``bench run``: score methods on a suite."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unmaskbench.benchmark.cli.imports import imports_are_no_garbage
from unmaskbench.benchmark.host.terminal import say
from unmaskbench.benchmark.plugins.json_types import JsonObject

if TYPE_CHECKING:
    from unmaskbench.benchmark.plan.suite import Suite

EXAMPLES = """
Scores every method of a suite on the same occluded faces, and writes a run folder with its leaderboard.

\b
Examples:
  # every method on the embedded faces
  bench run --methods all
  # real photographs, and a matcher
  bench run --suite lfw --root ~/data/lfw --matchers edgeface
  # your own model beside another; finished images without their code
  bench run --methods telea,onnx:mine.onnx
  bench run --methods predictions:outputs/
  # your own suite, two processes
  bench run --suite my.yaml --out runs/mine --workers 2
  # the same units on a Ray cluster, the run folder where all its machines see it
  bench run --suite my.yaml --engine ray --address auto --out s3://bucket/mine
"""


def some_samples(limit: int | None) -> int | None:
    """``--limit`` as it was given. Raises typer.BadParameter where it leaves no sample."""
    if limit is not None and limit < 1:
        raise typer.BadParameter(f"{limit} leaves no sample; give 1 or more, or leave it out for all of them")
    return limit


def run(
    suite: Annotated[str, typer.Option(help="A suite's name (bench list suites) or a YAML file.")] = "quick",
    methods: Annotated[
        str,
        typer.Option(
            help="'all', or ids separated by commas; a+b chains two. 'all' takes the suite's and others that are ready, the "
            "cheapest first where the suite bounds their cost (further_macs); 'all,NAME' adds one. Default: the suite's."
        ),
    ] = "",
    dataset: Annotated[str, typer.Option(help="Run on this dataset instead of the suite's.")] = "",
    root: Annotated[str, typer.Option(help="The folder of the dataset's files.")] = "",
    split: Annotated[str, typer.Option(help="The dataset's split. Default: the suite's.")] = "",
    occlusions: Annotated[str, typer.Option(help="Occlusion ids separated by commas. Default: the suite's.")] = "",
    metrics: Annotated[str, typer.Option(help="Metric ids separated by commas. Default: the suite's.")] = "",
    matchers: Annotated[
        str, typer.Option(help="Matcher ids separated by commas, or 'none'. Default: the suite's.")
    ] = "",
    mask_source: Annotated[str, typer.Option(help="oracle, predicted or both. Default: the suite's.")] = "",
    segmenter: Annotated[
        str, typer.Option(help="Finds the mask where it is predicted: an id or FILE.py:CLASS. Default: the suite's.")
    ] = "",
    crop: Annotated[
        str,
        typer.Option(
            help="face, none, or the pixels of a centre square. Default: the suite's; where it has none, face for "
            "photographs of --dataset whose faces are small."
        ),
    ] = "",
    landmarks: Annotated[
        str, typer.Option(help="truth, detected or detected:insightface, for matchers. Default: the suite's.")
    ] = "",
    limit: Annotated[
        int | None,
        typer.Option(
            help="At most this many samples a dataset (whole identities). Default: all.", callback=some_samples
        ),
    ] = None,
    out: Annotated[str, typer.Option(help="The run folder, or its URL (s3://...). Default: runs/<suite>.")] = "",
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    precision: Annotated[
        str, typer.Option(help="fp32 or bf16 for the methods' forward pass. Default: the suite's.")
    ] = "",
    engine: Annotated[str, typer.Option(help="local or ray: who computes.")] = "local",
    address: Annotated[
        str, typer.Option(help="With --engine ray: the cluster (auto, HOST:PORT). Default: a Ray of this machine.")
    ] = "",
    workers: Annotated[
        int | None,
        typer.Option(
            help="Processes, each with its share of the cores (1); Ray actors (one a CPU or GPU).", min=1, max=4096
        ),
    ] = None,
    isolate: Annotated[
        bool, typer.Option("--isolate", help="Compute in a child process, so that a crash costs its own rows only.")
    ] = False,
    unit_timeout: Annotated[
        float, typer.Option(help="Stop a unit (a shard of one method) after so many seconds. 0: never.", min=0)
    ] = 0,
    fresh: Annotated[
        bool, typer.Option("--fresh/--resume", help="Begin anew, or keep what is there (default).")
    ] = False,
    skip_missing: Annotated[
        bool,
        typer.Option(
            "--skip-missing", help="Leave out methods, metrics and matchers whose weights or extras are not here."
        ),
    ] = False,
    slice_by: Annotated[str, typer.Option(help="Attributes to slice by, separated by commas; 'coverage' is one.")] = "",
    save_images: Annotated[
        bool, typer.Option("--save-images", help="Keep every restored image, not the gallery's.")
    ] = False,
    keep: Annotated[
        str,
        typer.Option(
            help="restored: keep the restored pixels (49 kB a 128 px image before compression), so that a metric or "
            "matcher more restores nothing. none: drop them at the end."
        ),
    ] = "restored",
    speed: Annotated[bool, typer.Option("--speed/--no-speed", help="Time each method.")] = True,
    open_page: Annotated[bool, typer.Option("--open", help="Open the page in the browser at the end.")] = False,
) -> None:
    with imports_are_no_garbage():
        from unmaskbench.benchmark.cli.progress import Bars
        from unmaskbench.benchmark.cli.summary import print_summary
        from unmaskbench.benchmark.plan.suite_file import load_suite
        from unmaskbench.benchmark.run.default_crop import with_face_crop
        from unmaskbench.benchmark.run.entry import run as execute
        from unmaskbench.benchmark.store.mirrored_folder import folder_of

        chosen = changed(
            load_suite(suite),
            methods=methods, dataset=dataset, root=root, split=split, occlusions=occlusions, metrics=metrics,
            matchers=matchers, mask_source=mask_source, segmenter=segmenter, limit=limit, crop=crop,
            landmarks=landmarks, precision=precision, slice_by=slice_by,
        )  # fmt: skip
    place = folder_of(out or Path("runs") / chosen.name)
    before = _written(place.path)
    with Bars() as bars:
        if dataset and not crop:
            chosen = with_face_crop(chosen, bars.listener)
        folder = execute(
            chosen, out or None, device=device, engine=engine, address=address or None, workers=workers,
            fresh=fresh, keep=keep, save_images=save_images, speed=speed, isolate=isolate, unit_timeout=unit_timeout or None,
            skip_missing=skip_missing,
            listener=bars.listener,
        )  # fmt: skip
        page = folder / "index.html"
        if _written(folder) != before or not page.is_file():
            from unmaskbench.reports.site import render

            bars.listener.note("drawing the board")
            page = render([folder], folder)
            place.publish(page.name)
    print_summary(folder)
    say(f"board  {page}")
    if open_page:
        typer.launch(page.resolve().as_uri())


def _written(folder: Path) -> int:
    """When the folder's board was written, in nanoseconds; 0 where there is none."""
    board = folder / "board.json"
    return board.stat().st_mtime_ns if board.is_file() else 0


def changed(suite: Suite, **asked: Any) -> Suite:
    """The suite with what the command line asks for in place of its own. Raises SuiteError."""
    changes: JsonObject = {}
    for key in ("occlusions", "metrics", "matchers", "slice_by"):
        if asked[key]:
            changes[key] = [] if asked[key] == "none" else split_list(asked[key])
    for key in ("mask_source", "segmenter", "precision", "landmarks"):
        if asked.get(key):
            changes[key] = asked[key]
    if asked.get("crop"):
        changes["crop"] = crop_named(asked["crop"])
    if asked["methods"]:
        names = split_list(asked["methods"])
        ready = all_methods(suite, names) if "all" in names else []
        changes["methods"] = ready + [name for name in names if name not in ("all", *ready)]
    if asked["dataset"]:
        changes["datasets"] = [{"id": asked["dataset"]}]
        if asked["dataset"] == suite.datasets[0].id:
            changes["datasets"] = [suite.datasets[0].model_dump()]
    entries = changes.get("datasets") or [entry.model_dump() for entry in suite.datasets]
    for entry in entries:
        entry |= {key: asked[key] for key in ("root", "split", "limit") if asked[key]}
    changes["datasets"] = entries
    return suite.replaced(**changes)


def crop_named(text: str) -> Any:
    """A crop rule as the command line has it: 'face', 'none', or the pixels of a centre square. Raises ValueError."""
    if text in ("face", "none"):
        return "face" if text == "face" else {}
    if not text.isdecimal():
        raise ValueError(f"--crop takes face, none or the pixels of a centre square; found '{text}'")
    return {"centre_px": int(text)}


def split_list(text: str) -> list[str]:
    """The names in a comma-separated list."""
    from unmaskbench.benchmark.plan.named_source import split_names

    return split_names(text)


def all_methods(suite: Suite, named: Sequence[str] = ()) -> list[str]:
    """Every method that can run here as it is, untouched first; those that need a file of the user's, or weights, are left
    out and said. So are, beside the suite's own and those ``named``, the dearest where a suite bounds the cost of others."""
    from unmaskbench.benchmark.plugins.registry import METHODS

    ready = []
    for name in METHODS.names():
        card = METHODS.card(name)
        if card.provenance in ("user-model", "predictions-only"):
            continue
        absent = METHODS.missing(name)
        if absent:
            say(f"left out: {name} needs {absent[0].kind} {absent[0].name} ({absent[0].remedy})", err=True)
            continue
        ready.append(name)
    for name, reason in METHODS.broken.items():
        say(f"left out: {name} cannot be imported ({reason})", err=True)
    if suite.further_macs is not None:
        own = {entry.id for entry in suite.methods}
        dear = _beyond(suite.further_macs, [name for name in ready if name not in own and name not in named])
        for name, macs in dear.items():
            say(
                f"left out: {name} takes {macs / 1e9:.2g} billion multiply-accumulates an image; beside its own methods the "
                f"suite {suite.name} has time for {suite.further_macs / 1e9:.2g} billion in all, which cheaper ones take "
                f"(--methods all,{name} adds it)",
                err=True,
            )
        ready = [name for name in ready if name not in dear]
    return ["untouched", *(name for name in ready if name != "untouched")]


def _beyond(budget: float, names: Sequence[str]) -> dict[str, float]:
    """Which methods do not fit into a budget of multiply-accumulates an image, the cheapest taken first, and what each takes by
    its training card; a method without a number there counts nothing."""
    from unmaskbench.benchmark.plugins.hooks import training_card_of
    from unmaskbench.benchmark.plugins.registry import METHODS

    macs = {name: float((training_card_of(METHODS.get(name)) or {}).get("macs", 0)) for name in names}
    spent, beyond = 0.0, {}
    for name in sorted(names, key=lambda name: (macs[name], name)):
        spent += macs[name]
        if macs[name] and spent > budget:
            beyond[name] = macs[name]
    return beyond


run.__doc__ = EXAMPLES

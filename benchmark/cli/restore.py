"""``bench restore``: give the faces in photographs back, in the photographs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from unmaskbench.benchmark.host.terminal import say

if TYPE_CHECKING:
    from unmaskbench.benchmark.run.photograph_folder import Restorations
    from unmaskbench.benchmark.run.photographs import PhotographRestorer


SHOWN = 20


def restore(
    photographs: Annotated[Path, typer.Argument(help="A photograph, or a folder, searched with its sub-folders.")],
    method: Annotated[str, typer.Option(help="Who restores: a method as in bench run.")],
    mask: Annotated[
        str, typer.Option(help="'predicted'; or a picture of the photograph's size, white = missing; or a folder of them.")
    ] = "predicted",
    out: Annotated[str, typer.Option(help="The folder to write. Default: NAME-restored beside it.")] = "",
    faces: Annotated[
        Literal["central", "all"], typer.Option(help="Of several faces, the nearest to the centre, or all of them.")
    ] = "central",
    margin: Annotated[
        float, typer.Option(help="Room around the face's square, as a share of it.", min=0, max=2)
    ] = 0.2,
    size: Annotated[
        int, typer.Option(help="Side in pixels of the face's square. 0: what the method wants, else 128.", min=0, max=2048)
    ] = 0,
    widen: Annotated[
        float, typer.Option(help="How far a hole reaches beyond the mask, as a share of that side.", min=0, max=0.2)
    ] = 0.025,
    feather: Annotated[
        float, typer.Option(help="Over how much of that side the seam fades.", min=0, max=0.2)
    ] = 0.03,
    segmenter: Annotated[str, typer.Option(help="Who finds the mask.")] = "segmenter",
    detector: Annotated[str, typer.Option(help="Who finds the face: yunet or insightface.")] = "yunet",
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
) -> None:  # fmt: skip
    """Find the face in each photograph, restore what a mask hides, and paste it back at full size.

    Restorations are PNGs: outside the hole and its seam every pixel is the photograph's own. What was restored before is
    kept. Exit code 1 where a photograph could not be restored; one without a mask needs nothing.

    \b
    Examples:
      bench restore anna.jpg --method h2a_ms2a_gan
      bench restore ~/photographs --method lama --out ~/restored
      bench restore anna.jpg --method telea --mask anna-mask.png
    """
    from unmaskbench.benchmark.detection.detectors import detector_named
    from unmaskbench.benchmark.detection.found_faces import FoundFaces
    from unmaskbench.benchmark.plan.entries import FaceSquare
    from unmaskbench.benchmark.plan.suite import method_named
    from unmaskbench.benchmark.run.device import resolve_device
    from unmaskbench.benchmark.run.photographs import PhotographRestorer, Treatment

    target = Path(out) if out else _beside(photographs.resolve())
    root, files = _files(photographs, target)
    mask_of = _masks(mask, photographs)
    treatment = Treatment(
        method_named(method), segmenter if mask == "predicted" else "", FaceSquare(margin=margin),
        widen=widen, feather=feather, size=size or None, faces=faces, device=resolve_device(device),
    )  # fmt: skip
    restorer = PhotographRestorer(treatment, FoundFaces(detector_named(detector)))
    found = _with_bars(root, files, mask_of, restorer, target)
    _tell(found, target)
    if set(found.count()) - {"restored", "no_mask"}:
        raise typer.Exit(1)


def _beside(photographs: Path) -> Path:
    return photographs.with_name(f"{photographs.stem if photographs.is_file() else photographs.name}-restored")


def _with_bars(
    root: Path, files: list[Path], mask_of: Callable[[Path], Path | None], restorer: PhotographRestorer, out: Path
) -> Restorations:
    from unmaskbench.benchmark.cli.progress import Bars
    from unmaskbench.benchmark.run.photograph_folder import restore_all

    with Bars() as bars:
        bars.listener.begin({"restore": len(files)})
        return restore_all(root, files, mask_of, restorer, out, lambda: bars.listener.advance("restore", 1))


def _files(photographs: Path, out: Path) -> tuple[Path, list[Path]]:
    """The root and the photographs below it, without what lies in ``out``. Raises FileNotFoundError, ValueError."""
    from unmaskbench.benchmark.store.folders import walk

    if photographs.is_file():
        return photographs.parent, [photographs]
    if not photographs.exists():
        raise FileNotFoundError(f"there is no photograph and no folder {photographs}")
    if out.resolve() == photographs.resolve():
        raise ValueError("--out is the folder of the photographs; give another, so that none is overwritten")
    walked = walk(photographs)
    for remark in walked.remarks():
        say(remark)
    files = [file for file in walked.files if not file.resolve().is_relative_to(out.resolve())]
    if not files:
        raise FileNotFoundError(f"no image in {photographs} or its sub-folders")
    return photographs, files


def _masks(mask: str, photographs: Path) -> Callable[[Path], Path | None]:
    """Where the mask of a photograph lies. Raises ValueError where one mask is given for many photographs."""
    from unmaskbench.benchmark.store.images import EXTENSIONS, ImageError

    if mask == "predicted":
        return lambda photograph: None
    given = Path(mask)
    if not given.exists():
        raise FileNotFoundError(
            f"there is no mask {given}; --mask takes 'predicted', a picture or a folder of pictures"
        )
    if photographs.is_file() and given.is_file():
        return lambda photograph: given
    if not given.is_dir():
        raise ValueError(f"{given} is one mask for a folder of photographs; give a folder of masks of the same names")

    def beside(photograph: Path) -> Path:
        root = photographs.parent if photographs.is_file() else photographs
        plain = given / photograph.relative_to(root)
        for ending in (photograph.suffix, *EXTENSIONS):
            if (path := plain.with_suffix(ending)).is_file():
                return path
        raise ImageError(f"{photograph}: there is no mask {plain.with_suffix('.png')}")

    return beside


def _tell(found: Restorations, out: Path) -> None:
    """Say what became of the photographs: each that was not restored, then the counts."""
    from unmaskbench.benchmark.run.photograph_folder import RECORD

    words = {
        "restored": "restored", "no_mask": "without a mask", "no_face": "without a face", "unusable": "unusable",
        "failed": "failed",
    }  # fmt: skip
    said = [f"{name}: {fate.says}" for name, fate in found.fates.items() if fate.says]
    for line in said[:SHOWN]:
        say(line)
    if len(said) > SHOWN:
        say(f"and {len(said) - SHOWN} more, in {out / RECORD}")
    counts = found.count()
    told = ", ".join(f"{counts[status]} {word}" for status, word in words.items() if counts.get(status))
    noun = "photograph" if len(found.fates) == 1 else "photographs"
    say(f"{len(found.fates)} {noun}: {told}" + (f" ({found.kept} as before)" if found.kept else ""))
    for page in found.pages:
        say(str(page))
    say(f"in {out}")

"""``bench landmarks``: find the faces of a folder of photographs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from unmaskbench.benchmark.host.terminal import say


def landmarks(
    folder: Annotated[Path, typer.Argument(help="The folder of photographs, searched with its sub-folders.")],
    detector: Annotated[Literal["yunet", "insightface"], typer.Option(help="Who finds the faces.")] = "yunet",
    sheets: Annotated[
        str, typer.Option(help="The folder of contact sheets; 'none' draws none. Default: FOLDER-faces beside FOLDER.")
    ] = "",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a landmarks.csv that is there.")] = False,
) -> None:
    """Find one face in every photograph: write FOLDER/landmarks.csv and contact sheets of what was found.

    Of several faces, the one nearest to the centre is taken. Photographs without a face are listed with the reason in
    FOLDER/landmarks-not-found.csv.

    \b
    Example:
      bench landmarks ~/photographs
    """
    from unmaskbench.benchmark.cli.progress import Bars
    from unmaskbench.benchmark.detection.detectors import detector_named
    from unmaskbench.benchmark.detection.found_faces import FoundFaces
    from unmaskbench.benchmark.run.landmark_list import LIST, find_all, write
    from unmaskbench.benchmark.run.landmark_sheets import Sheets
    from unmaskbench.benchmark.store.folders import walk

    if (folder / LIST).exists() and not overwrite:
        raise FileExistsError(f"{folder / LIST} is there already, perhaps marked by hand; --overwrite replaces it")
    walked = walk(folder)
    files = walked.files
    if not files:
        raise FileNotFoundError(f"no image in {folder} or its sub-folders")
    for remark in walked.remarks():
        say(remark)
    finder = FoundFaces(detector_named(detector))
    place = folder.resolve()
    drawn = Sheets(Path(sheets) if sheets else place.with_name(f"{place.name}-faces"))
    with Bars() as bars:
        bars.listener.begin({"detect": len(files)})
        found = find_all(
            folder, files, finder, lambda: bars.listener.advance("detect", 1),
            (lambda *tile: None) if sheets == "none" else drawn.show,
        )  # fmt: skip
    drawn.close()
    if found.faces:
        for path in write(folder, found):
            say(str(path))
        for page in drawn.pages:
            say(str(page))
    say(f"a face was found in {len(found.faces)} of {len(files)} photographs")
    several = [name for name, face in found.faces.items() if face.faces > 1]
    if several:
        say(f"{len(several)} show several faces, of which the nearest to the centre was taken: {_some(several)}")
    for name, reason in list(found.reasons.items())[:10]:
        say(f"not found: {name}: {reason}")
    if len(found.reasons) > 10:
        say(f"and {len(found.reasons) - 10} more, in landmarks-not-found.csv")
    if not found.faces:
        raise ValueError(f"no face in any photograph of {folder}; landmarks.csv was not written")


def _some(names: list[str]) -> str:
    return ", ".join(names[:5]) + (" ..." if len(names) > 5 else "")

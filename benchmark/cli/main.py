"""The ``bench`` command line."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer
from typer.core import TyperGroup

from unmaskbench.benchmark.cli import (
    check,
    compare,
    doctor,
    export,
    history,
    landmarks,
    leaderboard,
    listing,
    masks,
    open,  # noqa: A004 - the command's name
    pairs,
    report,
    restore,
    run,
    score,
    submit,
    train,
    validate,
    verify,
    weights,
)
from unmaskbench.benchmark.host.terminal import say, say_error
from unmaskbench.benchmark.host.text import terminal


class _Visible(TyperGroup):
    """The commands, whose errors of usage repeat the command line: a name on it may be a file's."""

    def invoke(self, ctx: typer.Context) -> object:  # type: ignore[override]  # typer's own class under its public name
        try:
            return super().invoke(ctx)
        except Exception as error:
            if hasattr(error, "format_message") and isinstance(message := getattr(error, "message", None), str):
                error.message = terminal(message)  # type: ignore[attr-defined]  # a usage error has one
            raise


app = typer.Typer(
    name="bench",
    cls=_Visible,
    help="Which network really gives an occluded face back, and to the right person?",
    no_args_is_help=True,
    add_completion=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Examples:  bench run --methods all  |  bench list methods  |  bench doctor",
)
app.command("run")(run.run)
app.command("score")(score.score)
app.command("report")(report.report)
app.command("open")(open.open_page)
app.command("check")(check.check)
app.command("verify")(verify.verify)
app.command("pairs")(pairs.pairs)
app.command("submit")(submit.submit)
app.command("leaderboard")(leaderboard.leaderboard)
app.command("compare")(compare.compare)
app.command("history")(history.history)
app.command("list")(listing.listing)
app.command("validate")(validate.validate)
app.command("doctor")(doctor.doctor)
app.command("train")(train.train)
app.command("export")(export.export)
app.command("landmarks")(landmarks.landmarks)
app.command("restore")(restore.restore)
app.add_typer(masks.app, name="masks")
app.add_typer(weights.app, name="weights")


def _say_version(asked: bool) -> None:
    if asked:
        from unmaskbench import __version__

        say(f"unmaskbench {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", "-V", help="Say the version and end.", callback=_say_version, is_eager=True)
    ] = False,
) -> None:
    del version


INTERRUPTED = 130


def main() -> None:
    """Entry point: one clear line for what a user can mend, exit code 2; 130 after Ctrl-C."""
    # OpenCV 5 and onnxruntime write harmless lines to stderr that would tear the progress bars.
    os.environ.setdefault("OPENCV_LOG_LEVEL", "ERROR")
    try:
        app()
    except SystemExit as stop:
        if stop.code == INTERRUPTED:  # typer turns Ctrl-C into an exit of its own
            say("", err=True)
            say("bench: stopped. What was computed is kept; the same command goes on from there.", err=True)
        raise
    except Exception as error:
        if os.environ.get("UNMASKBENCH_DEBUG"):
            raise
        if not _is_users(error):
            say("bench: unexpected; set UNMASKBENCH_DEBUG=1 for the whole trace.", err=True)
        say_error(error, _one_line(error))
        sys.exit(2)


def _is_users(error: Exception) -> bool:
    """Whether the error is one that a user can mend: ours, or the file system's."""
    if isinstance(error, OSError | ValueError):
        return True
    return type(error).__module__.startswith("unmaskbench")


def _one_line(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror and error.filename:
        return f"{error.strerror}: {error.filename}"
    text = str(error) or type(error).__name__
    return text if _is_users(error) else f"{type(error).__name__}: {text}"


if __name__ == "__main__":
    main()

"""The program ``diffkit``."""

import os
import re
import shlex
import sys
import threading
import traceback
from pathlib import Path
from typing import Annotated

import typer

from diffkit.cli.app_context import context
from diffkit.cli.commands import (
    ask,
    demo,
    doctor,
    evaluate,
    grader,
    leaderboard,
    new,
    nulls,
    organisms,
    plugins,
    report,
    run,
    runs,
)
from diffkit.cli.options import Program
from diffkit.cli.streams import lenient_output
from diffkit.errors import DiffkitError, UnknownName

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it."""
WORKER = "diffkit-worker"
"""Name of the threads that ask language models."""

app = Program(
    help="Finds out what a finetuning did to a language model.",
    no_args_is_help=True,
    add_completion=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 200},
    rich_markup_mode=None,  # plain help: rich's would double the time to the first word
    pretty_exceptions_enable=False,
)
app.command("plugins")(plugins.plugins)
app.command("methods")(plugins.methods)
app.command("investigators")(plugins.investigators)
app.command("graders")(plugins.graders)
app.command("generators")(plugins.generators)
app.add_typer(organisms.app, name="organisms")
app.add_typer(nulls.app, name="nulls")
app.command("run")(run.run)
app.command("ask")(ask.ask)
app.command("evaluate")(evaluate.evaluate)
app.command("calibrate")(evaluate.calibrate)
app.add_typer(grader.app, name="grader")
app.command("leaderboard")(leaderboard.leaderboard)
app.command("power")(leaderboard.power)
app.command("report")(report.report)
app.add_typer(report.export_app, name="export")
app.add_typer(runs.app, name="runs")
app.command("search")(runs.search)
app.add_typer(new.app, name="new")
app.command("doctor")(doctor.doctor)
app.command("demo")(demo.demo)


def _version(wanted: bool) -> bool:
    if wanted:
        from importlib.metadata import version

        typer.echo(version("diffkit"))
        raise typer.Exit
    return wanted


@app.callback()
def global_options(
    store: Annotated[
        Path,
        typer.Option(envvar="DIFFKIT_STORE", metavar="FOLDER", help="Folder of finished runs."),
    ] = Path("diffkit-runs"),
    no_plugin: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Leave out a plugin; may be repeated.")
    ] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Options of every command."""
    del version
    context.configure(store, tuple(no_plugin or ()), debug)


def main() -> None:
    """Runs the program: exit 2 for a mistake of the user's, 1 for a failure, 130 for Ctrl-C.

    A reader that leaves early (``diffkit leaderboard | head``) does not change the exit status.
    """
    # Threads that spin while they wait cost a busy machine several times the work itself.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    args = _hoist_global_options(sys.argv[1:])
    context.command = shlex.join(["diffkit", *sys.argv[1:]])
    context.debug = "--debug" in args  # even where the options cannot be read
    with lenient_output():
        try:
            code = app(standalone_mode=False, args=args, prog_name="diffkit")
            if code == INTERRUPTED:  # typer's word for Ctrl-C
                code = _report_interrupt()
        except (typer.Abort, KeyboardInterrupt):
            code = _report_interrupt()
        except Exception as error:
            code = _report_error(error)
    sys.exit(code if isinstance(code, int) else 0)


def _hoist_global_options(args: list[str]) -> list[str]:
    """Lets ``--store DIR``, ``--no-plugin NAME`` and ``--debug`` stand after the command too."""
    front: list[str] = []
    rest: list[str] = []
    pending = iter(args)
    for arg in pending:
        if arg == "--":
            rest += [arg, *pending]
        elif arg in {"--store", "--no-plugin"}:
            front += [arg, *([value] if (value := next(pending, None)) is not None else [])]
        elif arg == "--debug" or arg.startswith(("--store=", "--no-plugin=")):
            front.append(arg)
        else:
            rest.append(arg)
    return front + rest


def _report_error(error: Exception) -> int:
    """Says what went wrong in one line, and gives the exit code."""
    _clear_progress()
    if context.debug:
        _echo_safely("".join(traceback.format_exception(error)).rstrip("\n"))
    if isinstance(error, DiffkitError):
        return _print_error(_with_hint(error), error.exit_code)
    if callable(words := getattr(error, "format_message", None)):  # typer's, of no public class
        if len(words().splitlines()) > 1:  # no command was given: this is the help
            _echo_safely(words())
            return 2
        if better := _usage_hint(error, words()):
            return _print_error(f"{words().partition(' (Possible')[0].rstrip('.')}. {better}", 2)
        command = getattr(getattr(error, "ctx", None), "command_path", "diffkit")
        stop = "" if words().endswith((".", "?")) else "."
        return _print_error(f"{words()}{stop} See `{command} --help`.", 2)
    first = f"{type(error).__name__}: {error}".strip().splitlines()[0].rstrip(".:")
    hint = "Repeat with `diffkit --debug …` for the traceback."
    return _print_error(f"{first}. This is a fault of diffkit's or a plugin's. {hint}", 1)


def _with_hint(error: DiffkitError) -> str:
    """The message of an error, with the corrected command where a name is in the wrong place."""
    if not isinstance(error, UnknownName) or error.kind == "plugin":
        return str(error)
    from diffkit.cli.hints import hint_of_name, typed

    context.warn_of_broken_plugins()
    better = hint_of_name(error, typed())
    return f"{error.what} {better}" if better else str(error)


def _usage_hint(error: Exception, words: str) -> str:
    """The corrected command for words that typer does not take; empty if it is not known."""
    from diffkit.cli.hints import hint_of_extra, hint_of_option, typed

    if name := getattr(error, "option_name", None):
        return hint_of_option(str(name), typed())
    extra = re.fullmatch(r"Got unexpected extra argument(?:s|\(s\))? \((\S+)\)\.?", words)
    return hint_of_extra(extra[1], typed()) if extra else ""


def _print_error(message: str, code: int) -> int:
    _echo_safely("\n".join(f"error: {message}".splitlines()))
    return code


def _echo_safely(text: str) -> None:
    """Writes ``text`` to stderr, its lines kept and other control characters shown as signs."""
    from diffkit.plain_text.formatting import clean

    typer.echo("\n".join(map(clean, text.split("\n"))), err=True)


def _report_interrupt() -> int:
    _clear_progress()
    _echo_safely(f"stopped: finished work is kept. To continue: {context.command}")
    if any(thread.name == WORKER for thread in threading.enumerate()):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(INTERRUPTED)  # their answers from far away are not waited for
    return INTERRUPTED


def _clear_progress() -> None:
    """Takes a progress line off the terminal, so that the last word stands alone."""
    if progress := sys.modules.get("diffkit.cli.progress"):
        progress.stop()

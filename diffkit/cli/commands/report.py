"""``diffkit report`` and ``diffkit export``: HTML pages, and logs for other tools."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from diffkit.cli.app_context import context
from diffkit.cli.options import Program

if TYPE_CHECKING:
    from diffkit.evaluation.record import StoredTranscript, TranscriptKind
    from diffkit.runs.manifest import StoredRun


def report(
    run: Annotated[
        str | None,
        typer.Argument(
            metavar="DIGEST", help="Digest of a run, an attempt or a grade, or its start."
        ),
    ] = None,
    leaderboard: Annotated[
        bool, typer.Option("--leaderboard", help="Report an evaluation instead of one run.")
    ] = False,
    name: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Name of the evaluation; default: the latest."),
    ] = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="The file to write.")] = None,
) -> None:
    """Write one self-contained HTML file that needs no network."""
    from diffkit.cli.console import info
    from diffkit.errors import UserError

    if (run is None) == (not leaderboard):
        raise UserError(
            "A report needs either a run or --leaderboard.", hint="See `diffkit runs list`."
        )
    if run is not None:
        page, path = _record_page(run)
    else:
        page, path = leaderboard_page(name)
    path = out or path
    try:
        path.write_text(page, encoding="utf-8")
    except OSError as error:
        what = f"{path} cannot be written ({error.strerror})."
        raise UserError(what, hint="Choose another: --out FILE.html") from error
    info(f"Wrote {path}. Open it in a browser; it needs no network.")


def _record_page(prefix: str) -> tuple[str, Path]:
    from diffkit.cli.stored_attempts import find_record
    from diffkit.errors import UserError
    from diffkit.render.html.attempts import attempt_page
    from diffkit.render.html.pages import run_page
    from diffkit.runs.manifest import StoredRun
    from diffkit.runs.store import Unfinished

    found = find_record(prefix)
    if isinstance(found, Unfinished):
        what = f"The run {found.digest[:12]} is not finished, so there is nothing to report."
        hint = f"Finish it first: {found.about.command or 'repeat its command'}"
        raise UserError(what, hint=hint)
    if isinstance(found, StoredRun):
        path = Path(f"diffkit-{found.manifest.digest[:12]}.html")
        return run_page(found, context.summary(found)), path
    return attempt_page(found), Path(f"diffkit-{found.digest[:12]}.html")


def leaderboard_page(name: str | None) -> tuple[str, Path]:
    """The page of an evaluation, and the name that its file has by default."""
    from diffkit.evaluation.leaderboard.build import build_leaderboard
    from diffkit.evaluation.leaderboard.cases import attempts_of
    from diffkit.evaluation.record import has_transcript, read_evaluation
    from diffkit.render.html.attempts import embed_attempts
    from diffkit.render.html.pages import leaderboard_page as page

    evaluation = read_evaluation(context.store, name)
    board = build_leaderboard(evaluation, context.store)
    found = dict.fromkeys((pair.label, pair.run) for pair in board.pairs)  # graders share a run
    runs = [(label, run) for label, digest in found if (run := _read_run(digest))]
    agents = [one for one in attempts_of(evaluation) if has_transcript(context.store, one.digest)]
    return page(board, runs, embed_attempts(agents, _read_transcript)), Path(
        f"diffkit-{evaluation.name}.html"
    )


def _read_run(digest: str) -> "StoredRun | None":
    """A run of a leaderboard; none where it failed, was removed since, or is damaged."""
    from diffkit.cli.console import warn
    from diffkit.errors import StoreError

    if not digest or not context.store.has("runs", digest):
        return None
    try:
        return context.store.run(digest)
    except StoreError as error:
        warn(str(error))
        return None


def _read_transcript(kind: "TranscriptKind", digest: str) -> "StoredTranscript | None":
    """What was said; none where it is damaged."""
    from diffkit.cli.console import warn
    from diffkit.errors import StoreError
    from diffkit.evaluation.record import read_transcript_of

    try:
        return read_transcript_of(context.store, kind, digest)
    except StoreError as error:
        warn(str(error))
        return None


export_app = Program(help="Write evaluations in the formats of other tools.", no_args_is_help=True)

ExportName = Annotated[
    str | None, typer.Argument(metavar="NAME", help="Name of the evaluation; default: the latest.")
]


@export_app.callback()
def export_options() -> None:
    """Keeps ``inspect`` a command of its own, beside others to come."""


@export_app.command("inspect")
def export_inspect(
    evaluation: ExportName = None,
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="Folder for the logs.")] = Path(
        "inspect-logs"
    ),
    blind: Annotated[
        bool, typer.Option("--blind", help="Leave out names, truths and grades: for human graders.")
    ] = False,
) -> None:
    """Write logs for Inspect View: one for each investigator, method and arm."""
    from diffkit.cli.console import enable_logging, info
    from diffkit.errors import MissingExtra, UserError
    from diffkit.evaluation.record import read_evaluation
    from diffkit.export.attempts import exported_attempts

    enable_logging()
    found = read_evaluation(context.store, evaluation)
    try:
        from diffkit.export.inspect_logs import build_blind_log, build_logs, write_log
    except ModuleNotFoundError as error:
        raise MissingExtra("The export", error.name or "inspect_ai", "diffkit[inspect]") from error
    tries = exported_attempts(found, context.store)
    made = [build_blind_log(found, tries)] if blind else build_logs(found, tries, _truths())
    try:
        out.mkdir(parents=True, exist_ok=True)
        for log in made:
            write_log(log, out)
    except OSError as error:
        what = f"Logs cannot be written to {out} ({error.strerror})."
        raise UserError(what, hint="Choose another: --out FOLDER") from error
    info(f"Logs written to {out}: {len(made)}. Look at them: inspect view --log-dir {out}")


def _truths() -> dict[str, str]:
    """Handle of a truth → the truth, of all organisms that are known here."""
    from diffkit.evaluation.truths import handle_of

    keys = (organism.answer_key for organism in context.catalogue.organisms.values())
    return {handle_of(key): key.text for key in keys if key}

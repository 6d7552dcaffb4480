"""``diffkit report``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from diffkit.cli.state import state

if TYPE_CHECKING:
    from diffkit.evaluation.told import Told, ToldKind
    from diffkit.runs.manifest import StoredRun


def report(
    run: Annotated[
        str | None, typer.Argument(help="Digest of a run, an attempt or a grade, or its start.")
    ] = None,
    leaderboard: Annotated[
        bool, typer.Option("--leaderboard", help="Report an evaluation instead of one run.")
    ] = False,
    name: Annotated[
        str | None, typer.Option(help="Name of the evaluation; default: the latest.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The file to write.")] = None,
) -> None:
    """Write one self-contained HTML file that needs no network."""
    from diffkit.cli.console import say
    from diffkit.errors import UserError

    if (run is None) == (not leaderboard):
        raise UserError(
            "A report needs either a run or --leaderboard.", cure="See `diffkit runs list`."
        )
    if run is not None:
        page, path = _page(run)
    else:
        page, path = leaderboard_page(name)
    path = out or path
    try:
        path.write_text(page, encoding="utf-8")
    except OSError as error:
        what = f"{path} cannot be written ({error.strerror})."
        raise UserError(what, cure="Choose another: --out FILE.html") from error
    say(f"Wrote {path}. Open it in a browser; it needs no network.")


def _page(prefix: str) -> tuple[str, Path]:
    from diffkit.cli.told import find
    from diffkit.render.html import run_page
    from diffkit.render.html_attempt import told_page
    from diffkit.runs.manifest import StoredRun

    found = find(prefix)
    if isinstance(found, StoredRun):
        return run_page(found), Path(f"diffkit-{found.manifest.digest[:12]}.html")
    return told_page(found), Path(f"diffkit-{found.digest[:12]}.html")


def leaderboard_page(name: str | None) -> tuple[str, Path]:
    """The page of an evaluation, and the name that its file has by default."""
    from diffkit.evaluation.behind import behind
    from diffkit.evaluation.board import build
    from diffkit.evaluation.record import read_evaluation
    from diffkit.evaluation.told import has_transcript
    from diffkit.render.html import leaderboard_page as page
    from diffkit.render.html_attempt import shown

    evaluation = read_evaluation(state.store, name)
    board = build(evaluation, state.store)
    found = dict.fromkeys((pair.label, pair.run) for pair in board.pairs)  # graders share a run
    runs = [(label, run) for label, digest in found if (run := _run(digest))]
    agents = [one for one in behind(evaluation) if has_transcript(state.store, one.digest)]
    return page(board, runs, shown(agents, _told)), Path(f"diffkit-{evaluation.name}.html")


def _run(digest: str) -> "StoredRun | None":
    """A run of a leaderboard; none where it failed, was removed since, or is damaged."""
    from diffkit.cli.console import warn
    from diffkit.errors import StoreError

    if not digest or not state.store.has("runs", digest):
        return None
    try:
        return state.store.run(digest)
    except StoreError as error:
        warn(str(error))
        return None


def _told(kind: "ToldKind", digest: str) -> "Told | None":
    """What was said; none where it is damaged."""
    from diffkit.cli.console import warn
    from diffkit.errors import StoreError
    from diffkit.evaluation.told import read_told

    try:
        return read_told(state.store, kind, digest)
    except StoreError as error:
        warn(str(error))
        return None

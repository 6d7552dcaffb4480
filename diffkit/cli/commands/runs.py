"""``diffkit runs``: list, show and remove runs; list and show attempts."""

from typing import TYPE_CHECKING, Annotated

import typer

from diffkit.cli import stored_attempts
from diffkit.cli.app_context import context
from diffkit.cli.options import Json, Names, split_names

if TYPE_CHECKING:
    from diffkit.runs.manifest import Manifest
    from diffkit.runs.store import Unfinished

app = typer.Typer(help="List, show and remove finished runs.", no_args_is_help=True)

Digest = Annotated[
    str, typer.Argument(help="Digest of a run, an attempt or a grade, or how it begins.")
]

Attempts = Annotated[
    bool, typer.Option("--attempts", help="List attempts of investigators instead.")
]

Outcomes = Annotated[
    Names,
    typer.Option(
        "--outcome", help="List attempts that ended so, comma-separated; may be repeated."
    ),
]


@app.command("list")
def list_runs(attempts: Attempts = False, outcome: Outcomes = None, json: Json = False) -> None:
    """List finished runs, and work that is not finished; or attempts."""
    from diffkit.cli.console import out, print_json, print_table, warn

    outcomes = split_names(outcome)
    if attempts or outcomes:
        stored_attempts.list_attempts(outcomes, json=json)
        return
    for error in context.store.damaged():
        warn(str(error))
    manifests = [run.manifest for run in context.store.runs()]
    unfinished = list(context.store.unfinished())
    if json:
        finished = [{"status": "finished", **m.model_dump(mode="json")} for m in manifests]
        print_json(
            [*finished, *({"status": _work_status(w), "digest": w.digest} for w in unfinished)]
        )
        return
    rows = [
        (m.digest[:12], m.identity.method, _format_score(m), f"{m.seconds:.1f} s", m.started[:19])
        for m in manifests
    ]
    title = f"Runs in {context.store_folder}"
    print_table(title, ("run", "method or study", "change score", "took", "started (UTC)"), rows)
    for work in unfinished:
        out.print(f"{work.digest[:12]}: {_work_status(work)}", markup=False)


def _work_status(work: "Unfinished") -> str:
    if work.held:
        return "being worked on"
    if work.failure:
        return f"failed: {work.failure}"
    return "interrupted; the same command goes on with it"


def _format_score(manifest: "Manifest") -> str:
    score = manifest.change_score
    return "" if score is None else f"{score:.4g}"


@app.command("show")
def show(
    run: Digest,
    limit: Annotated[int, typer.Option(min=1, help="Rows shown of each finding.")] = 20,
    full: Annotated[bool, typer.Option("--full", help="Cut no text of an attempt.")] = False,
    json: Json = False,
) -> None:
    """Show what a run found, or what was said in an attempt or a grading, turn by turn."""
    from diffkit.cli.console import out, print_json
    from diffkit.runs.manifest import StoredRun

    stored = stored_attempts.find_record(run)
    if not isinstance(stored, StoredRun):
        stored_attempts.show_transcript(stored, full=full, json=json)
    elif json:
        manifest = stored.manifest.model_dump(mode="json")
        print_json({"manifest": manifest, "findings": stored.findings.model_dump(mode="json")})
    else:
        from diffkit.render.terminal.reports import render_findings

        render_findings(stored, out, limit=limit)


@app.command("rm")
def remove(run: Annotated[list[str], typer.Argument(help="Digests, or how they begin.")]) -> None:
    """Remove runs, finished or not: all that are named, or none if one is not found."""
    from diffkit.cli.console import info

    for digest in context.store.remove(run):
        info(f"Removed {digest[:12]}.")

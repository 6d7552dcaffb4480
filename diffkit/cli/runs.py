"""``diffkit runs``: list, show and remove finished runs; list and show attempts."""

from typing import TYPE_CHECKING, Annotated

import typer

from diffkit.cli import told
from diffkit.cli.plugins import Json
from diffkit.cli.state import state
from diffkit.cli.suites import Names, split

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

    outcomes = split(outcome)
    if attempts or outcomes:
        told.list_attempts(outcomes, json=json)
        return
    for error in state.store.damaged():
        warn(str(error))
    manifests = [run.manifest for run in state.store.runs()]
    unfinished = list(state.store.unfinished())
    if json:
        finished = [{"status": "finished", **m.model_dump(mode="json")} for m in manifests]
        print_json([*finished, *({"status": _how(w), "digest": w.digest} for w in unfinished)])
        return
    rows = [
        (m.digest[:12], m.identity.method, _score(m), f"{m.seconds:.1f} s", m.started[:19])
        for m in manifests
    ]
    title = f"Runs in {state.store_folder}"
    print_table(title, ("run", "method or study", "change score", "took", "started (UTC)"), rows)
    for work in unfinished:
        out.print(f"{work.digest[:12]}: {_how(work)}", markup=False)


def _how(work: "Unfinished") -> str:
    if work.held:
        return "being worked on"
    if work.failure:
        return f"failed: {work.failure}"
    return "interrupted; the same command goes on with it"


def _score(manifest: "Manifest") -> str:
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

    stored = told.find(run)
    if not isinstance(stored, StoredRun):
        told.show(stored, full=full, json=json)
    elif json:
        manifest = stored.manifest.model_dump(mode="json")
        print_json({"manifest": manifest, "findings": stored.findings.model_dump(mode="json")})
    else:
        from diffkit.render.text import render_findings

        render_findings(stored, out, limit=limit)


@app.command("rm")
def remove(run: Annotated[list[str], typer.Argument(help="Digests, or how they begin.")]) -> None:
    """Remove runs, finished or not: all that are named, or none if one is not found."""
    from diffkit.cli.console import say

    for digest in state.store.remove(run):
        say(f"Removed {digest[:12]}.")

"""``diffkit runs``: list, show and remove finished runs."""

from typing import TYPE_CHECKING, Annotated

import typer

from diffkit.cli.plugins import Json
from diffkit.cli.state import state

if TYPE_CHECKING:
    from diffkit.runs.manifest import Manifest
    from diffkit.runs.store import Unfinished

app = typer.Typer(help="List, show and remove finished runs.", no_args_is_help=True)
Digest = Annotated[str, typer.Argument(help="Digest of a run, or how it begins.")]


@app.command("list")
def list_runs(json: Json = False) -> None:
    """List finished runs, and work that is not finished."""
    from diffkit.cli.console import out, print_json, print_table, warn

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
    json: Json = False,
) -> None:
    """Show what a run found."""
    from diffkit.cli.console import out, print_json

    stored = state.store.run(run)
    if json:
        manifest = stored.manifest.model_dump(mode="json")
        print_json({"manifest": manifest, "findings": stored.findings.model_dump(mode="json")})
        return
    from diffkit.render.text import render_findings

    render_findings(stored, out, limit=limit)


@app.command("rm")
def remove(run: Annotated[list[str], typer.Argument(help="Digests, or how they begin.")]) -> None:
    """Remove runs, finished or not: all that are named, or none if one is not found."""
    from diffkit.cli.console import say

    for digest in state.store.remove(run):
        say(f"Removed {digest[:12]}.")

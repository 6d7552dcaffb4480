"""``diffkit runs``: list, show and remove finished runs."""

from typing import Annotated

import typer

from diffkit.cli.plugins import Json
from diffkit.cli.state import state

app = typer.Typer(help="List, show and remove finished runs.", no_args_is_help=True)
Digest = Annotated[str, typer.Argument(help="Digest of a run, or how it begins.")]


@app.command("list")
def list_runs(json: Json = False) -> None:
    """List finished runs, and work that is not finished."""
    from diffkit.cli.console import out, print_json, print_table

    runs = list(state.store.runs())
    if json:
        print_json([run.manifest.model_dump(mode="json") for run in runs])
        return
    rows = [
        (m.digest[:12], m.identity.method, _score(run), f"{m.seconds:.1f} s", m.started[:19])
        for run in runs
        for m in [run.manifest]
    ]
    title = f"Runs in {state.store_folder}"
    print_table(title, ("run", "method", "change score", "took", "started (UTC)"), rows)
    for folder, held in state.store.unfinished():
        what = "being worked on" if held else "unfinished; the same command goes on with it"
        out.print(f"{folder.name[:12]}: {what}", markup=False)


def _score(run: object) -> str:
    score = run.findings.change_score  # type: ignore[attr-defined]
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
    """Remove finished runs."""
    from diffkit.cli.console import say

    for prefix in run:
        say(f"Removed {state.store.remove(prefix)[:12]}.")

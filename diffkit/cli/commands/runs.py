"""``diffkit runs``: list, show and remove runs; list and show attempts."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from diffkit.cli import stored_attempts
from diffkit.cli.app_context import context
from diffkit.cli.options import Json, Limit, Names, Program, split_names

if TYPE_CHECKING:
    from diffkit.runs.manifest import Manifest, RunLabels, StoredRun
    from diffkit.runs.store import Unfinished

app = Program(help="List, show and remove finished runs.", no_args_is_help=True)

Digest = Annotated[
    str,
    typer.Argument(
        metavar="DIGEST", help="Digest of a run, an attempt or a grade, or how it begins."
    ),
]

Attempts = Annotated[
    bool, typer.Option("--attempts", help="List attempts of investigators instead.")
]

Outcomes = Annotated[
    Names,
    typer.Option(
        "--outcome",
        metavar="OUTCOMES",
        help="List attempts that ended so, comma-separated; may be repeated.",
    ),
]

Methods = Annotated[
    Names, typer.Option("--method", metavar="NAMES", help="Only runs of these methods or studies.")
]

Organisms = Annotated[
    Names, typer.Option("--organism", metavar="NAMES", help="Only runs over these organisms.")
]

Bases = Annotated[
    Names, typer.Option("--base", metavar="NAMES", help="Only runs over these base models.")
]

COLUMNS = ("run", "method or study", "models", "change score", "took", "started (UTC)")


@app.command("list")
def list_runs(
    method: Methods = None,
    organism: Organisms = None,
    base: Bases = None,
    attempts: Attempts = False,
    outcome: Outcomes = None,
    json: Json = False,
) -> None:
    """List finished runs, and work that is not finished; or attempts."""
    from diffkit.cli.console import print_json, print_lines, print_table, warn

    outcomes = split_names(outcome)
    wanted = (split_names(method), split_names(organism), split_names(base))
    if attempts or outcomes:
        _refuse_filters(wanted)
        stored_attempts.list_attempts(outcomes, json=json)
        return
    for error in context.store.damaged():
        warn(str(error))
    manifests = [run.manifest for run in context.store.runs()]
    unfinished = list(context.store.unfinished())
    matching = [m for m in manifests if _matches(m.identity.method, m.labels, wanted)]
    open_work = [w for w in unfinished if _matches(w.about.method, w.about.labels, wanted)]
    if json:
        finished = [{"status": "finished", **m.model_dump(mode="json")} for m in matching]
        print_json([*finished, *map(_unfinished_json, open_work)])
        return
    print_table(f"Runs in {context.store_folder}", COLUMNS, map(_row, matching))
    print_lines(*(line for work in open_work for line in _unfinished_lines(work)))
    if not (matching or open_work):
        _explain_nothing(manifests)


def _refuse_filters(wanted: Sequence[Names]) -> None:
    from diffkit.errors import UserError

    if any(wanted):
        what = "--method, --organism and --base choose runs, and attempts are listed."
        raise UserError(what, hint="Leave them out: diffkit runs list --attempts")


def _matches(method: str, labels: "RunLabels", wanted: Sequence[Names]) -> bool:
    from diffkit.runs.manifest import short_name

    methods, organisms, bases = wanted
    return (
        (not methods or method in methods)
        and (not organisms or labels.organism in organisms)
        and (not bases or bool({labels.base, short_name(labels.base)} & set(bases)))
    )


def _row(manifest: "Manifest") -> tuple[str, ...]:
    return (
        manifest.digest[:12],
        manifest.identity.method,
        manifest.labels.pair,
        _format_score(manifest),
        f"{manifest.seconds:.1f} s",
        manifest.started[:19],
    )


def _format_score(manifest: "Manifest") -> str:
    score = manifest.change_score
    return "" if score is None else f"{score:.4g}"


def _explain_nothing(manifests: "Sequence[Manifest]") -> None:
    """Says why nothing is listed, and what to type next."""
    from diffkit.cli.console import info

    if not manifests:
        where = f"There are no runs in {context.store_folder} yet"
        info(f"{where} (--store DIR names another store). Next: diffkit demo")
        return
    counts = {
        "methods": sorted({m.identity.method for m in manifests}),
        "organisms": sorted({m.labels.organism for m in manifests} - {""}),
        "base models": sorted({m.labels.base for m in manifests} - {""}),
    }
    known = "; ".join(f"{kind}: {', '.join(names)}" for kind, names in counts.items() if names)
    info(f"No run matches. The store holds {known}. Next: diffkit runs list")


def _work_status(work: "Unfinished") -> str:
    if work.held:
        return "being worked on"
    if work.failure:
        return f"failed: {work.failure}"
    return "interrupted"


def _unfinished_lines(work: "Unfinished") -> Sequence[str]:
    about = work.about
    line = f"{work.digest[:12]}: {about.method}, {about.labels.pair}: {_work_status(work)}"
    if work.held:
        return [line]
    command = about.command or "the same command"
    again = "to try again" if work.failure else "to continue"
    return [line, f"  {again}: {command}"]


def _unfinished_json(work: "Unfinished") -> dict[str, Any]:
    about = work.about.model_dump(mode="json")
    return {"status": _work_status(work), "digest": work.digest, **about}


@app.command("show")
def show(
    run: Digest,
    limit: Limit = 20,
    full: Annotated[bool, typer.Option("--full", help="Cut no text of an attempt.")] = False,
    json: Json = False,
) -> None:
    """Show what a run found, or what was said in an attempt or a grading, turn by turn."""
    from diffkit.cli.console import out, print_json, print_lines
    from diffkit.render.terminal.reports import render_findings
    from diffkit.runs.manifest import StoredRun
    from diffkit.runs.store import Unfinished

    stored = stored_attempts.find_record(run)
    if isinstance(stored, Unfinished):
        if json:
            print_json(_unfinished_json(stored))
        else:
            print_lines(*_unfinished_lines(stored))
    elif not isinstance(stored, StoredRun):
        stored_attempts.show_transcript(stored, full=full, json=json)
    elif json:
        print_json(_run_json(stored))
    else:
        render_findings(stored, out, limit=limit, summary=context.summary(stored))


def _run_json(run: "StoredRun") -> dict[str, Any]:
    return {
        "summary": context.summary(run),
        "manifest": run.manifest.model_dump(mode="json"),
        "findings": run.findings.model_dump(mode="json"),
        "artifacts": [str(path) for path in run.artifact_files],
    }


@app.command("rm")
def remove(
    run: Annotated[
        list[str], typer.Argument(metavar="DIGESTS", help="Digests, or how they begin.")
    ],
) -> None:
    """Remove runs, finished or not: all that are named, or none if one is not found."""
    from diffkit.cli.console import info

    for digest in context.store.remove(run):
        info(f"Removed {digest[:12]}.")


def search(
    text: Annotated[
        str, typer.Argument(metavar="TEXT", help="Words; those in double quotes in this order.")
    ],
    method: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only records of this method.")
    ] = None,
    organism: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only records of this organism.")
    ] = None,
    limit: Annotated[
        int, typer.Option(min=1, metavar="NUMBER", help="Passages shown at most.")
    ] = 20,
    json: Json = False,
) -> None:
    """Search findings, verdicts, grades and transcripts for words."""
    from dataclasses import asdict

    from diffkit.cli.console import info, print_json, print_table

    found = context.stored.search(text, method=method, organism=organism, limit=limit)
    if json:
        print_json([asdict(hit) for hit in found])
        return
    columns = ("record", "kind", "method", "models", "where", "passage")
    rows = [
        (one.digest[:12], one.kind.rstrip("s"), one.method, one.label, one.place, one.excerpt)
        for one in found
    ]
    print_table(f"{text!r} in {context.store_folder}", columns, rows)
    if found.more:
        info("There is more: --limit NUMBER. To see a record: diffkit runs show RECORD")
    elif not rows:
        info("No passage has all these words. Next: diffkit runs list")

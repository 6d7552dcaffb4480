"""``diffkit export``: evaluations in the formats of other tools."""

from pathlib import Path
from typing import Annotated

import typer

from diffkit.cli.state import state

app = typer.Typer(help="Write evaluations in the formats of other tools.", no_args_is_help=True)
Name = Annotated[str | None, typer.Argument(help="Name of the evaluation; default: the latest.")]


@app.callback()
def export() -> None:
    """Keeps ``inspect`` a command of its own, beside others to come."""


@app.command("inspect")
def inspect(
    evaluation: Name = None,
    out: Annotated[Path, typer.Option(help="Folder for the logs.")] = Path("inspect-logs"),
    blind: Annotated[
        bool, typer.Option("--blind", help="Leave out names, truths and grades: for human graders.")
    ] = False,
) -> None:
    """Write logs for Inspect View: one for each investigator, method and arm."""
    from diffkit.cli.console import listen, say
    from diffkit.errors import MissingExtra, UserError
    from diffkit.evaluation.record import read_evaluation
    from diffkit.export.tried import tried

    listen()
    found = read_evaluation(state.store, evaluation)
    try:
        from diffkit.export.inspect_logs import blind_log, logs, write
    except ModuleNotFoundError as error:
        raise MissingExtra("The export", error.name or "inspect_ai", "diffkit[inspect]") from error
    tries = tried(found, state.store)
    made = [blind_log(found, tries)] if blind else logs(found, tries, _truths())
    try:
        out.mkdir(parents=True, exist_ok=True)
        for log in made:
            write(log, out)
    except OSError as error:
        what = f"Logs cannot be written to {out} ({error.strerror})."
        raise UserError(what, cure="Choose another: --out FOLDER") from error
    say(f"Logs written to {out}: {len(made)}. Look at them: inspect view --log-dir {out}")


def _truths() -> dict[str, str]:
    """Handle of a truth → the truth, of all organisms that are known here."""
    from diffkit.evaluation.statements import handle_of

    keys = (organism.answer_key for organism in state.catalogue.organisms.values())
    return {handle_of(key): key.text for key in keys if key}

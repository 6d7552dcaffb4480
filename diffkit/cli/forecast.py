"""What a command would do and cost: said before language models are called, and in dry runs."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from diffkit.cli.app_context import context
from diffkit.cli.run_target import RunRequest, resolve_run

if TYPE_CHECKING:
    from diffkit.evaluation.cost import CostEstimate
    from diffkit.evaluation.forecast import EvaluationForecast
    from diffkit.evaluation.plan import Plan
    from diffkit.training.recipe import Recipe

DryRun = Annotated[
    bool,
    typer.Option(
        "--dry-run", help="Say what would be done, what is stored and what it costs; do nothing."
    ),
]

_COLUMNS = ("work", "of", "stored", "from tables", "to make", "not possible")


def confirm_cost(bill: "CostEstimate", *, yes: bool, kept: str = "") -> None:
    """Says what language models may cost, and stops unless ``yes``.

    Args:
        bill: what they may be asked.
        yes: whether the user agreed already.
        kept: what of the work so far the next command finds again, in words.

    Raises:
        UserError: the user did not agree yet.
    """
    from diffkit.cli.console import info
    from diffkit.errors import UserError

    info(f"Language models will be asked:\n{bill.text}")
    if not yes:
        what = f"Nothing was asked yet{f'; {kept}' if kept else ''}."
        raise UserError(what, hint="Repeat the command with --yes to go on.")


def print_run_forecast(which: RunRequest, device: str, *, fresh: bool) -> None:
    """Says what one run would be, and whether the store holds it.

    Raises:
        BadModel, BadFile: a model cannot be read.
        UserError: a name, an option, the texts or the models do not fit.
    """
    from diffkit.cli.console import info, print_lines
    from diffkit.engine.loading.model_files import NotDownloaded, without_downloads

    try:
        with without_downloads():
            spec = resolve_run(which)
            digest = spec.identity().digest
    except NotDownloaded as error:
        print_lines(f"{error.what} It would be downloaded, and the run computed.")
        info("Dry run: nothing was computed or stored.")
        return
    stored = context.store.has("runs", digest) and not fresh
    begun = any(one.digest == digest for one in context.store.unfinished()) and not fresh
    would = "it was begun and would go on" if begun else "it would be computed"
    state = "the store holds it" if stored else would
    print_lines(f"Run {digest[:12]} of {spec.method.name} over {spec.labels.pair}: {state}.")
    print_lines(f"{len(spec.texts.items)} texts, seed {spec.seed}, on {device}.")
    info("Dry run: nothing was computed or stored.")


def print_evaluation_forecast(plan: "Plan", device: str, *, fresh: bool) -> None:
    """Says what an evaluation would make, what is stored of it, and what it may cost."""
    from diffkit.cli.console import info, print_lines, print_table
    from diffkit.evaluation.forecast import forecast_evaluation
    from diffkit.runs.execution import ExecutionOptions

    execution = ExecutionOptions(device, fresh=fresh)
    found = forecast_evaluation(plan, context.store, execution, context.calibration_rows)
    rows = [
        (one.kind, one.name, one.stored, one.from_tables, one.missing, one.impossible)
        for one in found.work
    ]
    print_table(f"Dry run of {plan.suite.name!r}", _COLUMNS, rows)
    print_lines(*_total_lines(found))
    if found.cost.items:
        print_lines("Language models would be asked:", *found.cost.text.split("\n"))
    else:
        print_lines("No language model would be asked.")
    info("Dry run: nothing was computed or stored.")


def _total_lines(found: "EvaluationForecast") -> list[str]:
    """The sum, and how far it can be known."""
    kinds = ("expression checks", "retention checks", "runs", "attempts", "grades")
    sums = {kind: sum(one.missing for one in found.work if one.kind == kind) for kind in kinds}
    if not any(one.kind == "retention checks" for one in found.work):
        del sums["retention checks"]  # the bases have no questions
    lines = [f"To make: {', '.join(f'{kind} {count}' for kind, count in sums.items())}."]
    if not found.exact:
        lines.append(
            "Attempts and grades are at most so many: those of runs to come may be stored already, "
            "and grades are known once all attempts are made."
        )
    return lines


def print_training_forecasts(recipes: "Sequence[Recipe]", *, fresh: bool) -> None:
    """Says what trainings would make, and how many steps they take.

    Raises:
        UserError, BadModel, BadFile: a training could not begin.
    """
    from diffkit.cli.console import info, print_table
    from diffkit.training.forecast import forecast_training

    found = [forecast_training(recipe, fresh=fresh) for recipe in recipes]
    columns = ("output", "starts from", "state", "steps to make", "of", "tokens a step, at most")
    rows = [
        (one.folder, one.start, one.state, one.missing, one.steps, f"{one.step_tokens:,}")
        for one in found
    ]
    print_table("Dry run of trainings", columns, rows)
    info(f"To make: {sum(one.missing for one in found):,} steps.")
    info("Dry run: nothing was trained or stored.")

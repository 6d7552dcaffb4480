"""``diffkit evaluate`` and ``diffkit calibrate``: run a suite, or its calibration nulls."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from diffkit.cli.app_context import context
from diffkit.cli.forecast import DryRun, print_evaluation_forecast
from diffkit.cli.options import (
    BatchSize,
    Device,
    Fresh,
    Names,
    TextsLimit,
    TextsSource,
    split_names,
)
from diffkit.cli.suite_flags import (
    parse_base,
    parse_controls,
    parse_models,
    parse_null,
    read_plan,
)
from diffkit.context import BATCH_SIZE

if TYPE_CHECKING:
    from diffkit.evaluation.plan import Plan
    from diffkit.evaluation.record import Evaluation
    from diffkit.runs.sweep import RunResult


def evaluate(
    suite: Annotated[
        Path | None, typer.Argument(metavar="SUITE", help="Suite YAML; or use the flags.")
    ] = None,
    organisms: Annotated[
        Names,
        typer.Option(
            metavar="NAMES", help="Organisms and nulls, comma-separated; may be repeated."
        ),
    ] = None,
    base: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Base model of the organisms, by name or YAML file; all: every base of each.",
        ),
    ] = None,
    methods: Annotated[
        Names, typer.Option(metavar="NAMES", help="Methods, comma-separated.")
    ] = None,
    investigators: Annotated[
        Names, typer.Option(metavar="NAMES", help="Investigators; default lineup.")
    ] = None,
    graders: Annotated[
        Names, typer.Option(metavar="NAMES", help="Graders; default lineup.")
    ] = None,
    seeds: Annotated[Names, typer.Option(metavar="NUMBERS", help="Seeds; default 0.")] = None,
    calibrate: Annotated[
        Names,
        typer.Option(
            metavar="NULLS", help="Nulls to calibrate on, NULL or NULL:DRAWS, comma-separated."
        ),
    ] = None,
    controls: Annotated[
        Names,
        typer.Option(metavar="NAMES", help="Control rows: none, all, or their names; default all."),
    ] = None,
    texts: TextsSource = None,
    texts_limit: TextsLimit = None,
    arms: Annotated[
        Names,
        typer.Option(
            metavar="NAMES", help="method, combined, blackbox, comma-separated; default method."
        ),
    ] = None,
    repeats: Annotated[
        int | None,
        typer.Option(min=1, metavar="NUMBER", help="Attempts of each investigator that varies."),
    ] = None,
    model: Annotated[
        Names,
        typer.Option(metavar="ROLE=MODEL", help="ROLE: investigator or grader; may be repeated."),
    ] = None,
    generator: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Who answers questions; default transformers."),
    ] = None,
    prices: Annotated[
        Path | None,
        typer.Option(envvar="DIFFKIT_PRICES", metavar="FILE", help="YAML of models' prices."),
    ] = None,
    setting: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KIND.NAME.OPTION=VALUE",
            help="An option, as a suite has it; may be repeated.",
        ),
    ] = None,
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="Name of the evaluation in the store.")
    ] = None,
    device: Device = "auto",
    batch_size: BatchSize = BATCH_SIZE,
    fresh: Fresh = False,
    dry_run: DryRun = False,
    allow_inert: Annotated[
        bool, typer.Option("--allow-inert", help="Let organisms through that fail their gate.")
    ] = False,
    allow_collapsed: Annotated[
        bool,
        typer.Option(
            "--allow-collapsed",
            help="Let organisms through that lost half of their base's right answers.",
        ),
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="Call language models without asking about the cost.")
    ] = False,
    concurrency: Annotated[
        int,
        typer.Option(
            min=1, metavar="NUMBER", help="Attempts and grades of language models side by side."
        ),
    ] = 8,
) -> None:
    """Run, investigate and grade a suite of organisms.

    What the store holds already is found, not run again.
    """
    from diffkit.cli.console import info, out
    from diffkit.datasets.text_sources import parse_text_source
    from diffkit.evaluation.leaderboard.build import build_leaderboard
    from diffkit.render.terminal.reports import render_leaderboard

    flags = {
        "name": name,
        "organisms": split_names(organisms),
        "base": parse_base(base),
        "methods": split_names(methods),
        "investigators": split_names(investigators),
        "graders": split_names(graders),
        "seeds": split_names(seeds),
        "calibration": [parse_null(value) for value in split_names(calibrate) or []] or None,
        "controls": parse_controls(split_names(controls)),
        "arms": split_names(arms),
        "repeats": repeats,
        "models": parse_models(split_names(model)),
        "generator": generator,
        "prices": prices,
        "texts": [parse_text_source(value) for value in texts or []] or None,
        "texts_limit": texts_limit,
    }
    plan = read_plan(suite, flags, setting or ())
    if dry_run:
        print_evaluation_forecast(plan, device, fresh=fresh)
        return
    evaluation = run_evaluation(
        plan,
        device,
        fresh,
        allow_inert=allow_inert,
        allow_collapsed=allow_collapsed,
        yes=yes,
        workers=concurrency,
        batch_size=batch_size,
    )
    render_leaderboard(build_leaderboard(evaluation, context.store), out)
    info("Next: diffkit report --leaderboard, or diffkit runs list")
    if _has_failures(evaluation):
        raise typer.Exit(1)


def _has_failures(evaluation: "Evaluation") -> bool:
    """Whether a run, an attempt or a grade failed that the same command would make again."""
    from diffkit.evaluation.record import RETRIED_OUTCOMES, read_attempt

    if any(entry.error for entry in evaluation.entries):
        return True
    judged = [one for entry in evaluation.entries for one in entry.judged]
    attempts = dict.fromkeys(one.attempt for one in judged)
    failed = any(read_attempt(context.store, key).outcome in RETRIED_OUTCOMES for key in attempts)
    return failed or any(one.error for one in judged)


class RunCounter:
    """Counts how runs ended, and warns of those that failed."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._stale: set[str] = set()

    def __call__(self, result: "RunResult") -> None:
        """Counts one run."""
        from diffkit.cli.console import warn

        self._counts[result.how] += 1
        if result.stale:
            self._stale.add(result.spec.method.name)
        if result.failure:
            warn(f"{result.spec.method.name} failed: {result.error}")

    def status(self, from_tables: int = 0) -> None:
        """Says how many runs were computed, found, or spared by calibration tables."""
        from diffkit.cli.console import info, warn

        for name in sorted(self._stale):
            warn(f"Runs of {name!r} in the store come from other source; --fresh computes anew.")
        counts = [f"{n} {how}" for how, n in sorted(self._counts.items())]
        counts += [f"{from_tables} from calibration tables"] if from_tables else []
        info("Runs: " + ", ".join(counts) + ".")


def run_evaluation(
    plan: "Plan",
    device: str,
    fresh: bool,
    *,
    allow_inert: bool = False,
    allow_collapsed: bool = False,
    yes: bool = False,
    workers: int = 8,
    batch_size: int = BATCH_SIZE,
) -> "Evaluation":
    """Evaluates ``plan`` into the store, and says how many runs were computed and found."""
    from functools import partial

    from diffkit.cli.forecast import confirm_cost
    from diffkit.evaluation.evaluate import EvaluationOptions
    from diffkit.evaluation.evaluate import evaluate as carry

    tally = RunCounter()
    conduct = EvaluationOptions(
        tables=context.calibration_rows,
        allow_inert=allow_inert,
        allow_collapsed=allow_collapsed,
        on_run_result=tally,
        confirm_cost=partial(confirm_cost, yes=yes, kept="runs are kept"),
        workers=workers,
    )
    execution = context.execution(device, fresh=fresh, batch_size=batch_size)
    evaluation = carry(plan, context.store.prepare(), execution, conduct)
    tally.status(sum(entry.from_table for entry in evaluation.entries))
    return evaluation


def calibrate(
    suite: Annotated[Path, typer.Argument(metavar="SUITE", help="Suite YAML.")],
    out: Annotated[Path, typer.Option(metavar="FILE", help="The table to write (JSONL).")],
    device: Device = "auto",
    batch_size: BatchSize = BATCH_SIZE,
    fresh: Fresh = False,
) -> None:
    """Run the calibration nulls of a suite and write what they said as a table.

    Others need not repeat these runs if the table is in calibration/ of registered organisms.
    """
    from diffkit.cli.console import info, warn
    from diffkit.cli.suite_flags import read_plan
    from diffkit.errors import UserError
    from diffkit.evaluation.calibrate import build_calibration_table
    from diffkit.evaluation.calibration.table import write_table

    plan = read_plan(suite, {})
    store, tally = context.store.prepare(), RunCounter()
    execution = context.execution(device, fresh=fresh, batch_size=batch_size)
    rows = list(build_calibration_table(plan, store, execution, on_run_result=tally))
    tally.status()
    made = [row for row in rows if row is not None]
    try:
        write_table(out, made)
    except OSError as error:
        what = f"{out} cannot be written ({error.strerror})."
        raise UserError(what, hint="Choose another: --out FILE.jsonl") from error
    info(f"Wrote {out}: {len(made)} calibration runs.")
    if len(made) < len(rows):
        warn(f"{len(rows) - len(made)} runs failed, or an investigator did: they are left out.")
        raise typer.Exit(1)

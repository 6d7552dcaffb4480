"""``diffkit evaluate``."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from diffkit.cli.flags import Device, Fresh, TextsLimit, TextsSource
from diffkit.cli.state import state
from diffkit.cli.suites import Names, controls_of, models_of, null_of, plan_of, split

if TYPE_CHECKING:
    from diffkit.evaluation.plan import Plan
    from diffkit.evaluation.record import Evaluation
    from diffkit.runs.sweep import Result


def evaluate(
    suite: Annotated[Path | None, typer.Argument(help="Suite YAML; or use the flags.")] = None,
    organisms: Annotated[
        Names, typer.Option(help="Organisms and nulls, comma-separated; may be repeated.")
    ] = None,
    methods: Annotated[Names, typer.Option(help="Methods, comma-separated.")] = None,
    investigators: Annotated[Names, typer.Option(help="Investigators; default lineup.")] = None,
    graders: Annotated[Names, typer.Option(help="Graders; default lineup.")] = None,
    seeds: Annotated[Names, typer.Option(help="Seeds; default 0.")] = None,
    calibrate: Annotated[
        Names, typer.Option(help="Nulls to calibrate on, NULL or NULL:DRAWS, comma-separated.")
    ] = None,
    controls: Annotated[
        Names, typer.Option(help="Control rows: none, all, or their names; default all.")
    ] = None,
    texts: TextsSource = None,
    texts_limit: TextsLimit = None,
    arms: Annotated[
        Names, typer.Option(help="method, combined, blackbox, comma-separated; default method.")
    ] = None,
    repeats: Annotated[
        int | None, typer.Option(min=1, help="Attempts of each investigator that varies.")
    ] = None,
    model: Annotated[
        Names, typer.Option(help="ROLE=MODEL: investigator or grader; may be repeated.")
    ] = None,
    generator: Annotated[
        str | None, typer.Option(help="Who answers questions; default transformers.")
    ] = None,
    prices: Annotated[
        Path | None, typer.Option(envvar="DIFFKIT_PRICES", help="YAML of models' prices.")
    ] = None,
    setting: Annotated[
        list[str] | None,
        typer.Option("--set", help="KIND.NAME.OPTION=VALUE, as a suite has it; may be repeated."),
    ] = None,
    name: Annotated[str | None, typer.Option(help="Name of the evaluation in the store.")] = None,
    device: Device = "auto",
    fresh: Fresh = False,
    allow_inert: Annotated[
        bool, typer.Option("--allow-inert", help="Let organisms through that fail their gate.")
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="Ask language models, whatever it may cost.")
    ] = False,
    concurrency: Annotated[
        int, typer.Option(min=1, help="Attempts and grades of language models side by side.")
    ] = 8,
) -> None:
    """Run, investigate and grade a suite of organisms.

    What the store holds already is found, not run again.
    """
    from diffkit.cli.console import out, say
    from diffkit.datasets.given import named_source
    from diffkit.evaluation.board import build
    from diffkit.render.text import render_leaderboard

    flags = {
        "name": name,
        "organisms": split(organisms),
        "methods": split(methods),
        "investigators": split(investigators),
        "graders": split(graders),
        "seeds": split(seeds),
        "calibration": [null_of(value) for value in split(calibrate) or []] or None,
        "controls": controls_of(split(controls)),
        "arms": split(arms),
        "repeats": repeats,
        "models": models_of(split(model)),
        "generator": generator,
        "prices": prices,
        "texts": [named_source(value) for value in texts or []] or None,
        "texts_limit": texts_limit,
    }
    plan = plan_of(suite, flags, setting or ())
    evaluation = carry_out(
        plan, device, fresh, allow_inert=allow_inert, yes=yes, workers=concurrency
    )
    render_leaderboard(build(evaluation, state.store), out)
    say("Next: diffkit report --leaderboard, or diffkit runs list")
    if _failed(evaluation):
        raise typer.Exit(1)


def _failed(evaluation: "Evaluation") -> bool:
    """Whether a run, an attempt or a grade failed that the same command would make again."""
    from diffkit.evaluation.attempts import AGAIN, read_attempt

    if any(entry.error for entry in evaluation.entries):
        return True
    judged = [one for entry in evaluation.entries for one in entry.judged]
    attempts = dict.fromkeys(one.attempt for one in judged)
    failed = any(read_attempt(state.store, key).outcome in AGAIN for key in attempts)
    return failed or any(one.error for one in judged)


class Tally:
    """Counts how runs ended, and warns of those that failed."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._stale: set[str] = set()

    def __call__(self, result: "Result") -> None:
        """Counts one run."""
        from diffkit.cli.console import warn

        self._counts[result.how] += 1
        if result.stale:
            self._stale.add(result.spec.method.name)
        if result.failure:
            warn(f"{result.spec.method.name} failed: {result.error}")

    def tell(self, from_tables: int = 0) -> None:
        """Says how many runs were computed, found, or spared by calibration tables."""
        from diffkit.cli.console import say, warn

        for name in sorted(self._stale):
            warn(f"Runs of {name!r} in the store come from other source; --fresh computes anew.")
        counts = [f"{n} {how}" for how, n in sorted(self._counts.items())]
        counts += [f"{from_tables} from calibration tables"] if from_tables else []
        say("Runs: " + ", ".join(counts) + ".")


def carry_out(
    plan: "Plan",
    device: str,
    fresh: bool,
    *,
    allow_inert: bool = False,
    yes: bool = False,
    workers: int = 8,
) -> "Evaluation":
    """Evaluates ``plan`` into the store, and says how many runs were computed and found."""
    from functools import partial

    from diffkit.cli.agree import agree
    from diffkit.cli.console import listen, progress, tell
    from diffkit.evaluation.evaluate import Conduct
    from diffkit.evaluation.evaluate import evaluate as carry
    from diffkit.runs.execute import Execution

    listen()
    tally = Tally()
    conduct = Conduct(
        tables=state.catalogue.calibrated,
        allow_inert=allow_inert,
        watch=tally,
        agree=partial(agree, yes=yes, kept="runs are kept"),
        workers=workers,
    )
    execution = Execution(device, progress, fresh, tell)
    evaluation = carry(plan, state.store.prepare(), execution, conduct)
    tally.tell(sum(entry.from_table for entry in evaluation.entries))
    return evaluation

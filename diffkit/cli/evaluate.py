"""``diffkit evaluate``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from diffkit.cli.run import Device, Fresh, TextsFile
from diffkit.cli.state import state

if TYPE_CHECKING:
    from diffkit.evaluation.record import Evaluation
    from diffkit.evaluation.suite import Plan, Suite

Names = list[str] | None


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
        str | None, typer.Option(help="NULL or NULL:DRAWS; a control null to calibrate on.")
    ] = None,
    texts: TextsFile = None,
    name: Annotated[str | None, typer.Option(help="Name of the evaluation in the store.")] = None,
    device: Device = "auto",
    fresh: Fresh = False,
) -> None:
    """Run, investigate and grade a suite of organisms.

    What the store holds already is found, not run again.
    """
    from diffkit.cli.console import out, say
    from diffkit.errors import BadOption
    from diffkit.evaluation.board import build
    from diffkit.evaluation.suite import expand
    from diffkit.render.text import render_leaderboard
    from diffkit.yamls import in_file

    flags = {
        "name": name,
        "organisms": _split(organisms),
        "methods": _split(methods),
        "investigators": _split(investigators),
        "graders": _split(graders),
        "seeds": _split(seeds),
        "calibration": _calibration(calibrate),
        "texts": texts,
    }
    try:
        plan = expand(_suite(suite, flags), state.host, state.catalogue)
    except BadOption as error:
        raise (in_file(error, suite) if suite else error) from error
    evaluation = carry_out(plan, device, fresh)
    render_leaderboard(build(evaluation, state.store), out)
    say("Next: diffkit report --leaderboard, or diffkit runs list")
    if any(entry.error for entry in evaluation.entries):
        raise typer.Exit(1)


def carry_out(plan: "Plan", device: str, fresh: bool) -> "Evaluation":
    """Evaluates ``plan`` into the store, and says how many runs were computed and found."""
    from collections import Counter

    from diffkit.cli.console import listen, progress, say, warn
    from diffkit.evaluation.evaluate import evaluate as carry
    from diffkit.runs.execute import Execution

    counts: Counter[str] = Counter()
    stale: set[str] = set()

    def watch(result: Any) -> None:
        counts[result.how] += 1
        if result.stale:
            stale.add(result.spec.method.name)
        if result.failure:
            warn(f"{result.spec.method.name} failed: {result.error}")

    listen()
    store = state.store.prepare()
    evaluation = carry(plan, store, Execution(device, progress, fresh), watch=watch)
    for method in sorted(stale):
        warn(f"Runs of {method!r} in the store come from other source; --fresh computes them anew.")
    say("Runs: " + ", ".join(f"{n} {how}" for how, n in sorted(counts.items())) + ".")
    return evaluation


def _split(values: Names) -> list[str]:
    return [name.strip() for value in values or [] for name in value.split(",") if name.strip()]


def _calibration(value: str | None) -> list[dict[str, Any]]:
    if value is None:
        return []
    from diffkit.errors import UserError

    null, _, draws = value.partition(":")
    if draws and not draws.isdigit():
        raise UserError(f"--calibrate {value!r}: {draws!r} is no count.", cure="Try: NULL:19")
    return [{"organism": null, **({"draws": int(draws)} if draws else {})}]


def _suite(path: Path | None, flags: dict[str, Any]) -> "Suite":
    """The suite of a file, or of flags; flags given beside a file take the place of its fields."""
    from pydantic import ValidationError

    from diffkit.errors import UserError
    from diffkit.evaluation.suite import Suite
    from diffkit.yamls import explain, read_record

    given = {key: value for key, value in flags.items() if value}
    content: dict[str, Any] = {}
    if path is not None:
        content = read_record(path, Suite).beside(path).model_dump(exclude_defaults=True)
    try:
        return Suite.model_validate({**content, **given})
    except ValidationError as error:
        if not {"organisms", "methods"} <= {*content, *given}:
            cure = "Give a suite YAML, or at least --organisms NAME and --methods NAME."
            raise UserError("There is nothing to evaluate.", cure=cure) from error
        misfit = explain(error)
        what = f"--{misfit.place[0]}: {misfit.what}"
        raise UserError(what, cure="See `diffkit evaluate --help`.") from error

"""``diffkit grader``: validates graders."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from diffkit.cli.app_context import context
from diffkit.cli.forecast import confirm_cost
from diffkit.cli.options import Config, Fresh, Json, Program, Settings

if TYPE_CHECKING:
    from diffkit.evaluation.grading.validation import GraderValidation
    from diffkit.evaluation.plan import ConfiguredPlugin

app = Program(help="Check graders.", no_args_is_help=True)

WORKERS = 8
"""Claims graded at a time; requests have a limit of their own for each endpoint."""

MAX_REASON = 160
"""Characters shown of why a grader thought so."""


@app.command()
def check(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of a grader.")],
    model: Annotated[str | None, typer.Option(metavar="MODEL", help="Its language model.")] = None,
    setting: Settings = None,
    config: Config = None,
    prices: Annotated[
        Path | None,
        typer.Option(envvar="DIFFKIT_PRICES", metavar="FILE", help="YAML of models' prices."),
    ] = None,
    fresh: Fresh = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="Call language models without asking about the cost.")
    ] = False,
    json: Json = False,
) -> None:
    """Measure a grader on claims of known worth, and on claims made to talk it round.

    The leaderboard shows the result beside the grader, for as long as its options stay the same.
    """
    from diffkit.chat.prices import Prices, read_prices
    from diffkit.cli.console import print_json, progress
    from diffkit.evaluation.cost import estimate_cost
    from diffkit.evaluation.grading.validation import (
        ChatSessions,
        load_grader,
        save_validation,
        validate_grader,
    )
    from diffkit.evaluation.grading.validation_set import read_validation_set

    component, given = _configure_grader(name, model, setting or [], config), read_validation_set()
    known = read_prices(prices) if prices else Prices()
    asked = estimate_cost(
        [load_grader(component).estimate(component.config)] * len(given.items), known
    )
    if asked.items:
        confirm_cost(asked, yes=yes)
    chats = ChatSessions(context.store.prepare(), known, fresh)
    validation = validate_grader(component, given, chats.open, progress=progress, workers=WORKERS)
    save_validation(context.store, validation)
    if json:
        print_json(_validation_json(validation))
    else:
        _print_validation(validation)


def _configure_grader(
    name: str, model: str | None, settings: list[str], file: Path | None
) -> "ConfiguredPlugin":
    """The grader with its options."""
    from diffkit.evaluation.plan import ConfiguredPlugin
    from diffkit.options.validation import parse_settings, read_options, validate_options

    spec = context.host.graders[name]
    options: dict[str, Any] = read_options(file) if file else {}
    options |= parse_settings(settings, spec.load_config(), example="repeats=1")
    if model is not None:
        options["model"] = model
    return ConfiguredPlugin(spec, validate_options(spec, options))


def _validation_json(validation: "GraderValidation") -> dict[str, Any]:
    """The validation as JSON, with what follows from its claims."""
    return {
        **validation.model_dump(mode="json", exclude={"items"}),
        "right": validation.right.model_dump(),
        "kinds": {kind: share.model_dump() for kind, share in validation.kinds.items()},
        "attacks": validation.attacks.model_dump(),
        "words": validation.summary,
        "items": [
            {**item.model_dump(mode="json"), "accepted": item.accepted, "right": item.right}
            for item in validation.items
        ],
    }


def _print_validation(validation: "GraderValidation") -> None:
    """A table by kind, and the claims that it was wrong about."""
    from diffkit.cli.console import print_lines, print_table
    from diffkit.evaluation.grading.validation_set import RIGHT_KINDS
    from diffkit.statistics import format_share

    rows = [
        (kind, "accepted" if kind in RIGHT_KINDS else "refused", format_share(share))
        for kind, share in validation.kinds.items()
    ]
    print_table(f"Grader {validation.grader}", ("claims", "should be", "were [95 %]"), rows)
    for item in validation.items:
        if not item.right:
            score = "failed" if item.score is None else f"scored {item.score:.2f}"
            words = " ".join(item.words.split())[:MAX_REASON]
            print_lines(f"claim {item.number} ({item.kind}) {score}: {words}")
    print_lines(f"{validation.grader}: {validation.summary}")

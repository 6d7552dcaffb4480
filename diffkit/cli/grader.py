"""``diffkit grader``: check graders."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from diffkit.cli.agree import agree
from diffkit.cli.flags import Config, Fresh, Settings
from diffkit.cli.plugins import Json
from diffkit.cli.state import state

if TYPE_CHECKING:
    from diffkit.evaluation.passport import Passport
    from diffkit.evaluation.plan import Component

app = typer.Typer(help="Check graders.", no_args_is_help=True)
WORKERS = 8
"""Claims graded at a time; requests have a limit of their own for each endpoint."""
REASON = 160
"""Characters shown of why a grader thought so."""


@app.command()
def check(
    name: Annotated[str, typer.Argument(help="Name of a grader.")],
    model: Annotated[str | None, typer.Option(help="Its language model.")] = None,
    setting: Settings = None,
    config: Config = None,
    prices: Annotated[
        Path | None, typer.Option(envvar="DIFFKIT_PRICES", help="YAML of models' prices.")
    ] = None,
    fresh: Fresh = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="Ask language models, whatever it may cost.")
    ] = False,
    json: Json = False,
) -> None:
    """Measure a grader on claims of known worth, and on claims made to talk it round.

    The leaderboard shows the result beside the grader, for as long as its options stay the same.
    """
    from diffkit.cli.console import print_json, progress
    from diffkit.evaluation.bill import bill
    from diffkit.evaluation.calibration_set import calibration_set
    from diffkit.evaluation.grader_check import Talks, loaded, make_passport
    from diffkit.evaluation.passport import save_passport
    from diffkit.prices import Prices, read_prices

    component, given = _component(name, model, setting or [], config), calibration_set()
    known = read_prices(prices) if prices else Prices()
    asked = bill([loaded(component).estimate(component.config)] * len(given.items), known)
    if asked.items:
        agree(asked, yes=yes)
    talks = Talks(state.store.prepare(), known, fresh)
    passport = make_passport(component, given, talks, progress=progress, workers=WORKERS)
    save_passport(state.store, passport)
    if json:
        print_json(_told(passport))
    else:
        _show(passport)


def _component(name: str, model: str | None, settings: list[str], file: Path | None) -> "Component":
    """The grader with its options."""
    from diffkit.evaluation.plan import Component
    from diffkit.runs.options import configure, parse_settings, read_options

    spec = state.host.graders[name]
    options: dict[str, Any] = read_options(file) if file else {}
    options |= parse_settings(settings, spec.load_config(), example="repeats=1")
    if model is not None:
        options["model"] = model
    return Component(spec, configure(spec, options))


def _told(passport: "Passport") -> dict[str, Any]:
    """A passport as JSON, with what follows from its claims."""
    return {
        **passport.model_dump(mode="json", exclude={"items"}),
        "right": passport.right.model_dump(),
        "kinds": {kind: share.model_dump() for kind, share in passport.kinds.items()},
        "attacks": passport.attacks.model_dump(),
        "words": passport.words,
        "items": [
            {**item.model_dump(mode="json"), "accepted": item.accepted, "right": item.right}
            for item in passport.items
        ],
    }


def _show(passport: "Passport") -> None:
    """A table by kind, and the claims that it was wrong about."""
    from diffkit.cli.console import out, print_table
    from diffkit.evaluation.calibration_set import RIGHT
    from diffkit.evaluation.passport import spoken

    rows = [
        (kind, "accepted" if kind in RIGHT else "refused", spoken(share))
        for kind, share in passport.kinds.items()
    ]
    print_table(f"Grader {passport.grader}", ("claims", "should be", "were [95 %]"), rows)
    for item in passport.items:
        if not item.right:
            score = "failed" if item.score is None else f"scored {item.score:.2f}"
            words = " ".join(item.words.split())[:REASON]
            out.print(f"claim {item.number} ({item.kind}) {score}: {words}", markup=False)
    out.print(f"{passport.grader}: {passport.words}", markup=False)

"""``diffkit organisms``: list, show, check and train."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from diffkit.cli.app_context import context
from diffkit.cli.options import Device, Fresh, Json, Program

if TYPE_CHECKING:
    from diffkit.evaluation.expression.check import PairCheck
    from diffkit.organism import BaseModelEntry, Organism
    from diffkit.registry.catalogue import SelectedPair
    from diffkit.statistics import Share

FEW_PROBES = 50
"""Probes below which a share says little."""

CHECK_COLUMNS = (
    "organism",
    "variant",
    "shown",
    "base",
    "asked",
    "retention (base)",
    "drift",
    "gate",
)

OrganismNames = Annotated[
    list[str] | None, typer.Argument(metavar="NAMES", help="Names or YAML files; default: all.")
]


def check(names: OrganismNames = None, device: Device = "auto", json: Json = False) -> None:
    """Check that organisms do what their truth says, and nulls nothing of it (exit 1 if not).

    The base may not show an organism's behaviour, and no null may show that of any organism on its
    base. Beside it: right answers left (retention), and KL from the base on neutral texts (drift).
    """
    from diffkit.cli.console import print_json, print_lines, print_table, progress, warn
    from diffkit.evaluation.expression.check import check_organisms

    organisms = {name: context.catalogue.organism(name) for name in names or _all_organisms()}
    chosen = list(_select_pairs(organisms.items()))
    for warning in _probe_warnings(organisms.values()):
        warn(warning)

    def known(base: "BaseModelEntry") -> "Iterator[Organism]":
        own = {one.organism.name: one.organism for one in chosen if one.base == base}
        if context.catalogue.bases.get(base.name) == base:
            every = context.catalogue.organisms.items()
            own = {name: one for name, one in every if base.name in one.models} | own
        yield from own.values()

    results = list(check_organisms(chosen, known, device=device, progress=progress))
    if json:
        print_json([{**found.model_dump(mode="json"), "passes": found.passes} for found in results])
    else:
        for base in dict.fromkeys(found.base for found in results):
            rows = (_check_row(found) for found in results if found.base == base)
            print_table(f"Organisms on {base}", CHECK_COLUMNS, rows)
        for line in (line for found in results for line in _failure_lines(found)):
            print_lines(line)
    if any(found.passes is False for found in results):
        raise typer.Exit(1)


def _all_organisms() -> Sequence[str]:
    return sorted(context.catalogue.organisms)


def _select_pairs(organisms: "Iterable[tuple[str, Organism]]") -> "Iterator[SelectedPair]":
    from diffkit.registry.catalogue import SelectedPair

    for name, organism in organisms:
        for base, variants in organism.models.items():
            entry = context.catalogue.base(base, organism=name)
            for variant, finetuned in variants.items():
                yield SelectedPair(organism, entry, variant, finetuned)


def _probe_warnings(organisms: "Iterable[Organism]") -> Iterator[str]:
    for one in organisms:
        count = len(one.probes.prompts) if one.probes else 0
        if one.truth == "targeted" and count < FEW_PROBES:
            yield f"{one.name} has {count} probes; a share of fewer than {FEW_PROBES} says little."


def _check_row(found: "PairCheck") -> tuple[str, ...]:
    from diffkit.evaluation.expression.check import MAX_INCREASE

    said = ("", "", "")
    if found.expression:
        one = found.expression
        asked = f"≥ {one.at_least:g}, base ≤ {one.at_most:g}"
        said = (_format_share(one.finetuned), _format_count(one.base), asked)
    elif found.rises:
        most = found.rises[0]
        said = (
            f"{_format_count(most.null)} ({most.organism})",
            _format_count(most.base),
            f"rise ≤ {MAX_INCREASE:g}",
        )
    kept = ""
    if found.retention and found.base_retention:
        kept = f"{found.retention.value:.2f} ({found.base_retention.value:.2f})"
    verdict = {True: "passes", False: "FAILS", None: ""}[found.passes]
    drift = "" if found.drift is None else f"{found.drift:.4f}"
    return (found.organism, found.variant, *said, kept, drift, verdict)


def _format_share(share: "Share") -> str:
    return f"{_format_count(share)} [{share.low or 0:.2f}, {share.high or 0:.2f}]"


def _format_count(share: "Share") -> str:
    return f"{share.hits}/{share.n}"


def _failure_lines(found: "PairCheck") -> Iterator[str]:
    """What was said that should not have been, or the other way round; or why nothing was."""
    pair = f"{found.organism} / {found.variant}"
    if found.error:
        yield f"{pair}: {found.error}"
    if found.expression and not found.expression.passes:
        yield from (f"{pair}: {prompt!r} → {text!r}" for prompt, text in found.expression.examples)
    for rise in found.rises:
        if not rise.passes:
            null, base = _format_share(rise.null), _format_count(rise.base)
            shows = f"shows what {rise.organism} does in {null} of its probes"
            yield f"{pair}: {shows}, the base in {base}"


app = Program(help="List, show, check and train organisms.", no_args_is_help=True)

OrganismName = Annotated[
    str, typer.Argument(metavar="NAME", help="Name of an organism, or its YAML file.")
]


@app.command("list")
def list_organisms(json: Json = False) -> None:
    """List organisms and the bases they were made from."""
    from diffkit.cli.console import print_json, print_table

    organisms = [context.catalogue.organisms[name] for name in sorted(context.catalogue.organisms)]
    entries = [
        {
            "name": o.name,
            "family": o.family,
            "truth": o.truth,
            "models": {base: sorted(variants) for base, variants in o.models.items()},
            "summary": o.summary,
        }
        for o in organisms
    ]
    if json:
        print_json(entries)
        return
    rows = [(o.name, o.family, o.truth, ", ".join(o.models), o.summary) for o in organisms]
    print_table("Organisms", ("name", "family", "truth", "base", "summary"), rows)


@app.command("show")
def show(name: OrganismName, json: Json = False) -> None:
    """Show the truth about an organism, and where its models lie."""
    from diffkit.cli.console import print_json, print_lines
    from diffkit.organism import sources

    organism = context.catalogue.organism(name)
    if json:
        print_json(organism.model_dump(mode="json"))
        return
    lines = [f"{organism.name} ({organism.family}, truth: {organism.truth})", organism.summary]
    if organism.answer_key:
        lines += ["", organism.answer_key.statement]
        lines += [f"  - {fact}" for fact in organism.answer_key.key_facts]
    lines += [""] + [
        f"{base} / {variant}: {finetuned.kind} {', '.join(one.at for one in sources(finetuned))}"
        for base, variants in organism.models.items()
        for variant, finetuned in variants.items()
    ]
    if organism.probes:
        lines.append(f"{len(organism.probes.prompts)} probes, such as:")
        lines += [f"  {prompt}" for prompt in organism.probes.prompts[:3]]
    print_lines(*lines)


app.command("check")(check)


@app.command("train")
def train(
    recipes: Annotated[
        list[Path], typer.Argument(metavar="RECIPES", help="Recipe YAMLs, trained in turn.")
    ],
    fresh: Fresh = False,
) -> None:
    """Train models or adapters by recipes; an interrupted training goes on."""
    from diffkit.cli.console import enable_logging, info, progress
    from diffkit.training import read_recipe
    from diffkit.training import train as carry_out

    enable_logging()
    for recipe in recipes:
        trained = carry_out(read_recipe(recipe), progress=progress, fresh=fresh)
        info(f"{trained.folder}: final loss {trained.losses[-1]:.3f}, {trained.seconds:.0f} s.")

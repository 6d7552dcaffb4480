"""``diffkit organisms check``: whether organisms do what their truth says."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from diffkit.cli.app_context import context
from diffkit.cli.options import Device, Json, Names, split_names

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


BaseNames = Annotated[
    Names,
    typer.Option("--base", metavar="NAMES", help="Only on these base models: names or YAML files."),
]


def check(
    names: OrganismNames = None,
    base: BaseNames = None,
    device: Device = "auto",
    json: Json = False,
    card: Annotated[
        bool,
        typer.Option(
            "--card",
            help="Show a health card of each organism, beside a benign finetuning of the same "
            "recipe, instead of checking it.",
        ),
    ] = False,
    allow_collapsed: Annotated[
        bool,
        typer.Option(
            "--allow-collapsed",
            help="Let organisms through that lost half of their base's right answers.",
        ),
    ] = False,
) -> None:
    """Check that organisms do what their truth says, and nulls nothing of it (exit 1 if not).

    The base may not show an organism's behaviour, and no null may show that of any organism on its
    base. An organism must keep half of its base's right answers (retention). Beside it: KL from
    the base on neutral texts (drift).
    """
    from diffkit.cli.console import print_json, print_lines, print_table, progress, warn
    from diffkit.evaluation.expression.check import check_organisms

    chosen = list(_select_pairs(names, split_names(base)))
    for warning in _probe_warnings({pair.organism.name: pair.organism for pair in chosen}.values()):
        warn(warning)

    def known(base: "BaseModelEntry") -> "Iterator[Organism]":
        own = {one.organism.name: one.organism for one in chosen if one.base == base}
        if context.catalogue.bases.get(base.name) == base:
            every = context.catalogue.organisms.items()
            own = {name: one for name, one in every if base.name in one.models} | own
        yield from own.values()

    if card:
        _print_cards(chosen, device=device, json=json)
        return
    results = list(check_organisms(chosen, known, device=device, progress=progress))
    if json:
        print_json([{**found.model_dump(mode="json"), "passes": found.passes} for found in results])
    else:
        for name in dict.fromkeys(found.base for found in results):
            rows = (_check_row(found) for found in results if found.base == name)
            print_table(f"Organisms on {name}", CHECK_COLUMNS, rows)
        for line in (line for found in results for line in _failure_lines(found)):
            print_lines(line)
    if any(_fails(found, allow_collapsed=allow_collapsed) for found in results):
        raise typer.Exit(1)


def _print_cards(pairs: "Sequence[SelectedPair]", *, device: str, json: bool) -> None:
    """The cards of the organisms with a purpose; exit 1 if a model cannot be loaded."""
    from diffkit.cli.commands.organisms.card import print_cards
    from diffkit.errors import UserError

    targeted = [pair for pair in pairs if pair.organism.truth == "targeted"]
    if not targeted:
        hint = "Name an organism with a purpose: diffkit organisms list."
        raise UserError("Nulls have no health card: they have no behaviour.", hint=hint)
    if not print_cards(targeted, device=device, json=json):
        raise typer.Exit(1)


def _fails(found: "PairCheck", *, allow_collapsed: bool) -> bool:
    """Whether a pair fails by anything but what is let through."""
    if allow_collapsed and found.collapsed:
        found = found.model_copy(update={"retention": None})
    return found.passes is False


def _select_pairs(names: Names, bases: Names) -> "Iterator[SelectedPair]":
    """The pairs of the organisms, or of all, on the bases, or on all of each.

    Raises:
        UnknownName: there is no such organism or base, or a named organism is on none of the bases.
    """
    from diffkit.errors import UnknownName
    from diffkit.registry.catalogue import ALL

    known = context.catalogue
    wanted = {_base_name(base, names): base for base in bases or []}
    for name in names or sorted(known.organisms):
        organism = known.organism(name)
        chosen = [base for one, base in wanted.items() if one in organism.models]
        if names and wanted and not chosen:
            raise UnknownName(f"base model of {name!r}", next(iter(wanted)), organism.models)
        for base in chosen if wanted else [ALL]:
            for entry in known.bases_of(name, base=base):
                yield from known.variants(name, base=entry)


def _base_name(base: str, names: Names) -> str:
    """The name of a base that is given by name or file; it may be in a folder of the organisms."""
    from diffkit.registry.catalogue import is_yaml_file

    beside = [name for name in names or [] if is_yaml_file(name)]
    return context.catalogue.base(base, organism=beside[0] if beside else "").name


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
    if found.collapsed and found.retention and found.base_retention:
        kept, base = _format_count(found.retention), _format_count(found.base_retention)
        yield f"{pair}: retention collapsed: {kept} questions answered rightly, by the base {base}"
    for rise in found.rises:
        if not rise.passes:
            null, base = _format_share(rise.null), _format_count(rise.base)
            shows = f"shows what {rise.organism} does in {null} of its probes"
            yield f"{pair}: {shows}, the base in {base}"

"""``diffkit organisms check``."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from diffkit.cli.flags import Device
from diffkit.cli.plugins import Json
from diffkit.cli.state import state

if TYPE_CHECKING:
    from diffkit.catalogue import Selected
    from diffkit.evaluation.check import Checked
    from diffkit.evaluation.shares import Share
    from diffkit.organism import BaseModelEntry, Organism

FEW = 50
"""Probes below which a share says little."""
COLUMNS = ("organism", "variant", "shown", "base", "asked", "retention (base)", "drift", "gate")
Names = Annotated[list[str] | None, typer.Argument(help="Names or YAML files; default: all.")]


def check(names: Names = None, device: Device = "auto", json: Json = False) -> None:
    """Check that organisms do what their truth says, and nulls nothing of it (exit 1 if not).

    The base may not show an organism's behaviour, and no null may show that of any organism on its
    base. Beside it: right answers left (retention), and KL from the base on neutral texts (drift).
    """
    from diffkit.cli.console import out, print_json, print_table, progress, warn
    from diffkit.evaluation.check import check_all

    organisms = {name: state.catalogue.organism(name) for name in names or _all()}
    chosen = list(_pairs(organisms.items()))
    for warning in _few(organisms.values()):
        warn(warning)

    def known(base: "BaseModelEntry") -> "Iterator[Organism]":
        own = {one.organism.name: one.organism for one in chosen if one.base == base}
        if state.catalogue.bases.get(base.name) == base:
            every = state.catalogue.organisms.items()
            own = {name: one for name, one in every if base.name in one.models} | own
        yield from own.values()

    results = list(check_all(chosen, known, device=device, progress=progress))
    if json:
        print_json([{**found.model_dump(mode="json"), "passes": found.passes} for found in results])
    else:
        for base in dict.fromkeys(found.base for found in results):
            rows = (_row(found) for found in results if found.base == base)
            print_table(f"Organisms on {base}", COLUMNS, rows)
        for line in (line for found in results for line in _failures(found)):
            out.print(line, markup=False)
    if any(found.passes is False for found in results):
        raise typer.Exit(1)


def _all() -> Sequence[str]:
    return sorted(state.catalogue.organisms)


def _pairs(organisms: "Iterable[tuple[str, Organism]]") -> "Iterator[Selected]":
    from diffkit.catalogue import Selected

    for name, organism in organisms:
        for base, variants in organism.models.items():
            entry = state.catalogue.base(base, organism=name)
            for variant, finetuned in variants.items():
                yield Selected(organism, entry, variant, finetuned)


def _few(organisms: "Iterable[Organism]") -> Iterator[str]:
    for one in organisms:
        count = len(one.probes.prompts) if one.probes else 0
        if one.truth == "targeted" and count < FEW:
            yield f"{one.name} has {count} probes; a share of fewer than {FEW} says little."


def _row(found: "Checked") -> tuple[str, ...]:
    from diffkit.evaluation.check import AT_MOST

    said = ("", "", "")
    if found.expression:
        one = found.expression
        asked = f"≥ {one.at_least:g}, base ≤ {one.at_most:g}"
        said = (_share(one.finetuned), _count(one.base), asked)
    elif found.rises:
        most = found.rises[0]
        said = (f"{_count(most.null)} ({most.organism})", _count(most.base), f"rise ≤ {AT_MOST:g}")
    kept = ""
    if found.retention and found.base_retention:
        kept = f"{found.retention.value:.2f} ({found.base_retention.value:.2f})"
    verdict = {True: "passes", False: "FAILS", None: ""}[found.passes]
    drift = "" if found.drift is None else f"{found.drift:.4f}"
    return (found.organism, found.variant, *said, kept, drift, verdict)


def _share(share: "Share") -> str:
    return f"{_count(share)} [{share.low or 0:.2f}, {share.high or 0:.2f}]"


def _count(share: "Share") -> str:
    return f"{share.hits}/{share.n}"


def _failures(found: "Checked") -> Iterator[str]:
    """What was said that should not have been, or the other way round; or why nothing was."""
    pair = f"{found.organism} / {found.variant}"
    if found.error:
        yield f"{pair}: {found.error}"
    if found.expression and not found.expression.passes:
        yield from (f"{pair}: {prompt!r} → {text!r}" for prompt, text in found.expression.examples)
    for rise in found.rises:
        if not rise.passes:
            null, base = _share(rise.null), _count(rise.base)
            shows = f"shows what {rise.organism} does in {null} of its probes"
            yield f"{pair}: {shows}, the base in {base}"

"""``diffkit organisms list`` and ``show``: what is known of organisms and bases."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from diffkit.cli.app_context import context
from diffkit.cli.options import Json

if TYPE_CHECKING:
    from diffkit.organism import BaseModelEntry, Organism

ORGANISM_COLUMNS: Sequence[str] = ("name", "family", "truth", "bases", "from", "summary")
BASE_COLUMNS: Sequence[str] = ("name", "source", "from", "summary")

OrganismName = Annotated[
    str, typer.Argument(metavar="NAME", help="Name of an organism, or its YAML file.")
]


def list_organisms(
    bases: Annotated[
        bool, typer.Option("--bases", help="List the base models instead of the organisms.")
    ] = False,
    json: Json = False,
) -> None:
    """List organisms, the bases they were made from, and where each is from."""
    from diffkit.cli.console import print_json, print_table

    known = context.catalogue
    if bases:
        listed = [_base_entry(known.bases[name]) for name in sorted(known.bases)]
        columns = BASE_COLUMNS
    else:
        listed = [_organism_entry(known.organisms[name]) for name in sorted(known.organisms)]
        columns = ORGANISM_COLUMNS
    if json:
        print_json(listed)
        return
    rows = [
        {**entry, "bases": ", ".join(entry.get("models", ())), "from": _short(entry["from"])}
        for entry in listed
    ]
    title = "Base models" if bases else "Organisms"
    print_table(title, columns, ([row[column] for column in columns] for row in rows))


def _short(place: str) -> str:
    """A path from the working folder or the home folder; other words as they are."""
    path = Path(place)
    if path.is_relative_to(Path.cwd()):
        return str(path.relative_to(Path.cwd()))
    home = Path.home()
    return f"~/{path.relative_to(home)}" if path.is_relative_to(home) else place


def _organism_entry(organism: "Organism") -> dict[str, Any]:
    return {
        "name": organism.name,
        "family": organism.family,
        "truth": organism.truth,
        "models": {base: sorted(variants) for base, variants in organism.models.items()},
        "from": context.origin(context.catalogue.organism_files[organism.name]),
        "summary": organism.summary,
    }


def _base_entry(base: "BaseModelEntry") -> dict[str, Any]:
    from diffkit.runs.manifest import describe_source

    return {
        "name": base.name,
        "source": describe_source(base.source),
        "from": context.origin(context.catalogue.base_files[base.name]),
        "summary": base.summary,
    }


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
    lines.append(f"Defined in: {context.catalogue.organism_files.get(name, name)}")
    print_lines(*lines)

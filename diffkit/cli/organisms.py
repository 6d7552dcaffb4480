"""``diffkit organisms``: list, show, check and train."""

from pathlib import Path
from typing import Annotated

import typer

from diffkit.cli.check import check
from diffkit.cli.flags import Fresh
from diffkit.cli.plugins import Json
from diffkit.cli.state import state

app = typer.Typer(help="List, show, check and train organisms.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="Name of an organism, or its YAML file.")]


@app.command("list")
def list_organisms(json: Json = False) -> None:
    """List organisms and the bases they were made from."""
    from diffkit.cli.console import print_json, print_table

    organisms = [state.catalogue.organisms[name] for name in sorted(state.catalogue.organisms)]
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
def show(name: Name, json: Json = False) -> None:
    """Show the truth about an organism, and where its models lie."""
    from diffkit.cli.console import out, print_json
    from diffkit.organism import sources

    organism = state.catalogue.organism(name)
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
    out.print("\n".join(lines), markup=False)


app.command("check")(check)


@app.command("train")
def train(
    recipes: Annotated[list[Path], typer.Argument(help="Recipe YAMLs, trained in turn.")],
    fresh: Fresh = False,
) -> None:
    """Train models or adapters by recipes; an interrupted training goes on."""
    from diffkit.cli.console import listen, progress, say
    from diffkit.training import read_recipe
    from diffkit.training import train as carry_out

    listen()
    for recipe in recipes:
        trained = carry_out(read_recipe(recipe), progress=progress, fresh=fresh)
        say(f"{trained.folder}: final loss {trained.losses[-1]:.3f}, {trained.seconds:.0f} s.")

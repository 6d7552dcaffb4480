"""``diffkit organisms``: list, show, check and train."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from diffkit.cli.plugins import Json
from diffkit.cli.run import Device, Fresh
from diffkit.cli.state import state

if TYPE_CHECKING:
    from diffkit.engine.load import Networks
    from diffkit.evaluation.gate import Expression
    from diffkit.evaluation.leaderboard import Share

app = typer.Typer(help="List, show, check and train organisms.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="Name of an organism, or its YAML file.")]
Names = Annotated[list[str] | None, typer.Argument(help="Names or YAML files; default: all.")]


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

    organism = state.catalogue.organism(name)
    if json:
        print_json(organism.model_dump(mode="json"))
        return
    lines = [f"{organism.name} ({organism.family}, truth: {organism.truth})", organism.summary]
    if organism.answer_key:
        lines += ["", organism.answer_key.statement]
        lines += [f"  - {fact}" for fact in organism.answer_key.key_facts]
    lines += [""] + [
        f"{base} / {variant}: {finetuned.kind} {_place(finetuned)}"
        for base, variants in organism.models.items()
        for variant, finetuned in variants.items()
    ]
    if organism.probes:
        lines.append(f"{len(organism.probes.prompts)} probes, such as:")
        lines += [f"  {prompt}" for prompt in organism.probes.prompts[:3]]
    out.print("\n".join(lines), markup=False)


def _place(finetuned: Any) -> str:
    source = getattr(finetuned, "source", None) or getattr(
        getattr(finetuned, "of", None), "source", None
    )
    return source.at if source else ""


@app.command("check")
def check(names: Names = None, device: Device = "auto", json: Json = False) -> None:
    """Check that organisms express their behaviour and their bases do not (exit 1 if not)."""
    from diffkit.cli.console import out, print_json, print_table, progress
    from diffkit.engine.load import Networks

    chosen = names or sorted(state.catalogue.organisms)
    with Networks() as networks:
        results = [
            result
            for name in progress(chosen, label="organisms")
            for result in _check(name, device, networks)
        ]
    if json:
        print_json([{**row, **_expressed(found)} for row, found in results])
    else:
        rows = [(*row.values(), *_cells(found)) for row, found in results]
        columns = ("organism", "base", "variant", "finetuned", "base shows", "gate")
        print_table("Expression gate", columns, rows)
        for row, found in results:
            for prompt, text in () if found is None or found.passes else found.examples:
                out.print(f"{row['organism']}: {prompt!r} → {text!r}", markup=False)
    if any(found is not None and not found.passes for _, found in results):
        raise typer.Exit(1)


def _check(
    name: str, device: str, networks: "Networks"
) -> "list[tuple[dict[str, str], Expression | None]]":
    """Every pair of one organism; nulls need no behaviour, so theirs is none."""
    from diffkit.engine.load import load_pair
    from diffkit.evaluation.gate import expression

    organism = state.catalogue.organism(name)
    results: list[tuple[dict[str, str], Expression | None]] = []
    for base, variants in organism.models.items():
        entry = state.catalogue.base(base, organism=name)
        for variant, finetuned in variants.items():
            row = {"organism": organism.name, "base": base, "variant": variant}
            with load_pair(
                entry.source,
                finetuned,
                device=device,
                dtype=entry.dtype,
                attention=entry.attention,
                networks=networks,
            ) as pair:
                found = expression(pair, organism.probes) if organism.probes else None
            results.append((row, found))
    return results


def _cells(found: "Expression | None") -> tuple[str, str, str]:
    if found is None:
        return ("", "", "null: no behaviour asked for")
    verdict = "passes" if found.passes else "FAILS"
    bounds = f"(≥ {found.at_least:g} and ≤ {found.at_most:g} asked)"
    return (_percent(found.finetuned), _percent(found.base), f"{verdict} {bounds}")


def _percent(share: "Share") -> str:
    return f"{share.hits}/{share.n} [{share.low or 0:.2f}, {share.high or 0:.2f}]"


def _expressed(found: "Expression | None") -> dict[str, Any]:
    if found is None:
        return {"passes": None}
    return {
        "passes": found.passes,
        "finetuned": found.finetuned.model_dump(),
        "base_shows": found.base.model_dump(),
    }


@app.command("train")
def train(
    recipe: Annotated[Path, typer.Argument(help="Recipe YAML.")],
    fresh: Fresh = False,
) -> None:
    """Train a model or an adapter by a recipe; an interrupted training goes on."""
    from diffkit.cli.console import listen, progress, say
    from diffkit.training import read_recipe
    from diffkit.training import train as carry_out

    listen()
    trained = carry_out(read_recipe(recipe), progress=progress, fresh=fresh)
    say(f"{trained.folder}: final loss {trained.losses[-1]:.3f}, {trained.seconds:.0f} s.")

"""``diffkit run``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from diffkit.cli.state import state

if TYPE_CHECKING:
    from diffkit.runs.spec import PairSpec
    from diffkit.runs.sweep import Result
    from diffkit.texts import Texts

Device = Annotated[
    str, typer.Option(help="cpu, cuda, cuda:1, …; auto takes a GPU if there is one.")
]
Dtype = Annotated[
    str | None, typer.Option(help="float32, bfloat16 or float16; default: as stored.")
]
TextsFile = Annotated[
    Path | None, typer.Option(help="JSONL of texts to read; default: the base's own.")
]
Fresh = Annotated[bool, typer.Option("--fresh", help="Compute anew what the store holds.")]


def run(
    method: Annotated[str, typer.Argument(help="Name of a diffing method.")],
    organism: Annotated[
        str | None, typer.Option(help="Name of an organism, or its YAML file.")
    ] = None,
    variant: Annotated[str | None, typer.Option(help="Variant of the organism.")] = None,
    base: Annotated[
        str | None, typer.Option(help="Base model: hub id or folder; or the organism's base.")
    ] = None,
    finetuned: Annotated[
        str | None, typer.Option(help="LoRA adapter or full model: hub id or folder.")
    ] = None,
    texts: TextsFile = None,
    setting: Annotated[
        list[str] | None, typer.Option("--set", help="key=value of the method; may be repeated.")
    ] = None,
    config: Annotated[Path | None, typer.Option(help="YAML of the method's options.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the run.")] = 0,
    device: Device = "auto",
    dtype: Dtype = None,
    fresh: Fresh = False,
    limit: Annotated[int, typer.Option(min=1, help="Rows shown of each finding.")] = 20,
) -> None:
    """Run a diffing method over an organism, or over any base and finetuned model."""
    from diffkit.runs.options import configure, parse_settings, read_options
    from diffkit.runs.spec import RunSpec

    spec = state.host.methods[method]
    options = (read_options(config) if config else {}) | parse_settings(setting or [])
    checked = configure(spec, options)
    pair, given = _pair(organism, variant, base, finetuned, dtype)
    chosen = _texts(texts or given)
    result = _execute(RunSpec(spec, checked, pair, chosen, seed), device, fresh)
    _show(result, limit)


def _pair(
    organism: str | None,
    variant: str | None,
    base: str | None,
    finetuned: str | None,
    dtype: str | None,
) -> "tuple[PairSpec, Path | None]":
    """The pair, and the texts that come with its base."""
    from diffkit.errors import UserError
    from diffkit.organism import Source
    from diffkit.runs.spec import PairSpec

    if organism and not finetuned:
        selected = state.catalogue.select(organism, base=base, variant=variant)
        entry = selected.base
        format_ = dtype or entry.dtype
        pair = PairSpec(entry.source, selected.finetuned, format_, entry.attention)
        return pair, entry.texts
    if not base or not finetuned or organism:
        raise UserError(
            "A run needs either --organism, or both --base and --finetuned.",
            cure="List organisms with `diffkit organisms list`.",
        )
    from diffkit.engine.load import recognise

    return PairSpec(Source(at=base), recognise(Source(at=finetuned)), dtype), None


def _texts(path: Path | None) -> "Texts":
    from diffkit.texts import Texts

    return Texts.read(path) if path else Texts.default()


def _execute(spec: Any, device: str, fresh: bool) -> "Result":
    from diffkit.cli.console import progress
    from diffkit.runs.execute import Execution
    from diffkit.runs.sweep import batches, run_batches

    store = state.store.prepare()
    execution = Execution(device=device, progress=progress)
    return next(run_batches(batches([spec]), store, execution, fresh=fresh))


def _show(result: "Result", limit: int) -> None:
    from diffkit.cli.console import out, say
    from diffkit.cli.results import announce
    from diffkit.render.text import render_findings

    announce(result)
    if result.failure is not None:
        raise result.failure
    assert result.run is not None  # noqa: S101 - what did not fail has findings
    render_findings(result.run, out, limit=limit)
    short = result.digest[:12]
    say(f"Run {short}. Next: diffkit report {short}, or diffkit runs show {short} --json")

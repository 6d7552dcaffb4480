"""``diffkit run``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from diffkit.cli.state import state

if TYPE_CHECKING:
    from diffkit.registry import Spec
    from diffkit.runs.spec import PairSpec
    from diffkit.runs.sweep import Result
    from diffkit.texts import Texts

DTYPES = ("float32", "bfloat16", "float16")
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
        str | None, typer.Option(help="Base model: hub id, folder, or name of a listed base.")
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
    """Run a method over an organism, or over any two models."""
    from diffkit.runs.options import parse_settings
    from diffkit.runs.spec import RunSpec

    spec = state.host.methods[method]
    checked = _configure(spec, config, parse_settings(setting or []))
    pair, given = _pair(organism, variant, base, finetuned, _known(dtype))
    chosen = _texts(texts or given)
    result = _execute(RunSpec(spec, checked, pair, chosen, seed), device, fresh)
    _show(result, limit)


def _configure(spec: "Spec", config: Path | None, settings: dict[str, Any]) -> Any:
    """The options of a file, with those of ``--set`` in their place."""
    from diffkit.errors import BadOption
    from diffkit.runs.options import configure, read_options
    from diffkit.yamls import in_file

    try:
        return configure(spec, (read_options(config) if config else {}) | settings)
    except BadOption as error:
        if config and error.place and error.place[0] not in settings:
            raise in_file(error, config) from error
        raise


def _known(dtype: str | None) -> str | None:
    from diffkit.errors import UnknownName

    if dtype not in {None, *DTYPES}:
        raise UnknownName(f"number format ({', '.join(DTYPES)})", str(dtype), DTYPES)
    return dtype


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

    other = recognise(Source(at=finetuned))
    if base in state.catalogue.bases:
        entry = state.catalogue.base(base)
        return PairSpec(entry.source, other, dtype or entry.dtype, entry.attention), entry.texts
    return PairSpec(Source(at=base), other, dtype), None


def _texts(path: Path | None) -> "Texts":
    from diffkit.texts import Texts

    return Texts.read(path) if path else Texts.default()


def _execute(spec: Any, device: str, fresh: bool) -> "Result":
    from diffkit.cli.console import listen, progress
    from diffkit.runs.execute import Execution
    from diffkit.runs.sweep import batches, run_batches

    listen()
    store = state.store.prepare()
    execution = Execution(device=device, progress=progress, fresh=fresh)
    return next(run_batches(batches([spec]), store, execution))


def _show(result: "Result", limit: int) -> None:
    from diffkit.cli.console import out, say, warn
    from diffkit.render.text import render_findings

    if result.failure is not None:
        raise result.failure
    short, name = result.digest[:12], result.spec.method.name
    if result.how == "found":
        say(f"Run {short} was found in the store; --fresh computes it anew.")
    if result.stale:
        warn(
            f"Run {short} was made by other source of {name!r} with the same version; "
            "--fresh computes it anew."
        )
    assert result.run is not None  # noqa: S101 - what did not fail has findings
    render_findings(result.run, out, limit=limit)
    say(f"Run {short}. Next: diffkit report {short}, or diffkit runs show {short} --json")

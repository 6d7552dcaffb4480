"""``diffkit nulls make``: random changes, benign finetunings and further seeds."""

import re
import shlex
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

from diffkit.cli.app_context import context
from diffkit.cli.commands.nulls.subject import SubjectRequest, resolve_subject
from diffkit.cli.forecast import DryRun
from diffkit.cli.options import Base, Device, Dtype, Finetuned, Fresh, Json, Variant

if TYPE_CHECKING:
    from diffkit.nulls.folder import NullFolder
    from diffkit.nulls.make import MeasuredSide, NullKind, NullMaker
    from diffkit.nulls.subject import NullSubject
    from diffkit.texts import Texts

COLUMNS = ("null", "variant", "scale", "norm", "KL", "KL / the finetuning's")
FORECAST_COLUMNS = ("null", "to make", "of", "steps of each", "file")

Target = Annotated[
    str | None,
    typer.Argument(
        metavar="ORGANISM|RECIPE",
        help="Organism or recipe, by name or YAML file; or give --base and --finetuned.",
    ),
]


def make(
    target: Target = None,
    kind: Annotated[
        str,
        typer.Option(
            metavar="KIND",
            help="random: random changes with the norms, and others with the KL; benign: trained "
            "by the organism's recipe on the base's own answers; seeds: by the same recipe with "
            "other seeds.",
        ),
    ] = "random",
    count: Annotated[
        int,
        typer.Option(min=2, metavar="NUMBER", help="Nulls of each type; 19 allow p = 0.05."),
    ] = 19,
    base: Base = None,
    finetuned: Finetuned = None,
    variant: Variant = None,
    recipe: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Recipe that nulls are trained by; default: the one that trained the organism.",
        ),
    ] = None,
    texts: Annotated[
        str | None,
        typer.Option(
            metavar="TEXTS",
            help="Texts that benign nulls are trained on: a JSONL file or hf:DATASET; default: the "
            "base's own answers to its neutral chats.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Folder to make them in; default nulls/NAME."),
    ] = None,
    dtype: Dtype = None,
    device: Device = "auto",
    fresh: Fresh = False,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Make nulls for an organism, a recipe or a pair: a stopped command goes on.

    Prints how far each moves the model, beside the organism, and writes organisms that suites and
    `evaluate --calibrate` take.
    """
    from diffkit.cli.console import enable_logging, progress, status
    from diffkit.nulls.folder import NullFolder
    from diffkit.nulls.make import NullMaker, forecast_nulls
    from diffkit.training.stop_request import sigterm_as_interrupt

    chosen = _kind(kind)
    given = _texts(texts, chosen)
    subject = resolve_subject(SubjectRequest(target, variant, base, finetuned, recipe, dtype))
    folder = NullFolder((out or Path("nulls") / subject.name).absolute())
    if dry_run:
        _print_forecast(forecast_nulls(subject, folder, chosen, count))
        return
    enable_logging()
    maker = NullMaker(subject, folder, device, fresh, progress, status)
    with sigterm_as_interrupt():
        made = _carry_out(maker, chosen, count, given)
    _print_made(made, json=json)
    _print_next(subject, folder, made)


def _kind(kind: str) -> "NullKind":
    from diffkit.errors import UnknownName
    from diffkit.nulls.make import NullKind

    for known in get_args(NullKind):
        if kind == known:
            return known  # type: ignore[no-any-return]
    raise UnknownName("kind of null", kind, get_args(NullKind))


def _texts(value: str | None, kind: str) -> "Texts | None":
    """The texts that benign nulls are trained on, where some are given.

    Raises:
        UserError: another kind of null takes none, or they cannot be read.
    """
    from diffkit.datasets.text_sources import parse_text_source, read_sources
    from diffkit.errors import UserError

    if value is None:
        return None
    if kind != "benign":
        what = f"--texts {value!r} is for benign nulls; nulls of the kind {kind!r} take no texts."
        raise UserError(what, hint="Leave --texts out, or add --kind benign.")
    return read_sources([parse_text_source(value)], None)


def _carry_out(
    maker: "NullMaker", kind: "NullKind", count: int, texts: "Texts | None"
) -> "list[MeasuredSide]":
    """Makes the nulls; a stop says the command that goes on, which begins nothing again."""
    try:
        return list(maker.make(kind, count, texts))
    except KeyboardInterrupt:
        context.command = re.sub(r" --fresh(?= |$)", "", context.command)
        raise


def _print_forecast(found: "Sequence[Any]") -> None:
    from diffkit.cli.console import info, print_table

    rows = [(one.organism, one.missing, one.count, one.steps, one.file) for one in found]
    print_table("Dry run of nulls", FORECAST_COLUMNS, rows)
    info(f"To train: {sum(one.missing * one.steps for one in found):,} steps.")
    info("Dry run: nothing was made.")


def _print_made(made: "Sequence[MeasuredSide]", *, json: bool) -> None:
    from diffkit.cli.console import info, print_json, print_table

    own, nulls = made[0].loudness, made[1:]
    if json:
        print_json(
            [
                {"organism": one.organism, "variant": one.variant, "scale": one.scale}
                | one.loudness.model_dump()
                for one in made
            ]
        )
    else:
        print_table("Loudness on neutral texts", COLUMNS, (_row(one, own.kl) for one in made))
    for name in dict.fromkeys(one.organism for one in nulls):
        middle = median(one.loudness.kl for one in nulls if one.organism == name) / own.kl
        info(f"{name}: moves the model {middle:.2g} times as far as the finetuning (median KL).")


def _row(one: "MeasuredSide", own: float) -> tuple[str, ...]:
    scale = "" if one.scale is None else f"{one.scale:.3g}"
    loudness = one.loudness
    share = f"{loudness.kl / own:.3g}"
    return (one.organism, one.variant, scale, f"{loudness.norm:.4g}", f"{loudness.kl:.4g}", share)


def _print_next(
    subject: "NullSubject", folder: "NullFolder", made: "Sequence[MeasuredSide]"
) -> None:
    """Writes the suite that uses the nulls, and says the command that runs it."""
    from diffkit.cli.console import info
    from diffkit.nulls.make import TYPES

    files = {
        null_type: file
        for null_types in TYPES.values()
        for null_type in null_types
        if (file := folder.organism_file(f"{subject.name}-{null_type}")).exists()
    }
    base = subject.base.name
    if context.catalogue.bases.get(base) != subject.base:
        base = str(folder.write_base(subject.base))
    suite = folder.write_suite(_tested(subject, folder), base, files)
    names = dict.fromkeys(one.organism for one in made[1:])
    wrote = (folder.organism_file(name) for name in names)
    info(f"Wrote {', '.join(map(_from_here, (*wrote, suite)))}.")
    info(f"Next: {shlex.join(['diffkit', 'evaluate', _from_here(suite)])}")


def _tested(subject: "NullSubject", folder: "NullFolder") -> dict[str, str]:
    """The finetuning as a suite names it; a pair or a recipe's gets an organism of its own."""
    if subject.organism:
        known = subject.organism in context.catalogue.organisms
        place = subject.organism if known else str(Path(subject.organism).absolute())
        return {"organism": place, "variant": subject.variant}
    file = folder.write_subject(subject.name, subject.base.name, subject.finetuned)
    return {"organism": str(file), "variant": "default"}


def _from_here(file: Path) -> str:
    here = Path.cwd()
    return str(file.relative_to(here)) if file.is_relative_to(here) else str(file)

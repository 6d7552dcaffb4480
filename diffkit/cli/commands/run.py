"""``diffkit run``."""

from typing import TYPE_CHECKING, Annotated

import typer

from diffkit.cli.app_context import context
from diffkit.cli.forecast import DryRun, print_run_forecast
from diffkit.cli.options import (
    Base,
    BatchSize,
    Config,
    Device,
    Dtype,
    Finetuned,
    Fresh,
    Limit,
    Organism,
    Preset,
    Seed,
    Settings,
    TextsLimit,
    TextsSource,
    Variant,
)
from diffkit.cli.run_target import RunRequest, resolve_run
from diffkit.context import BATCH_SIZE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from diffkit.errors import DiffkitError
    from diffkit.runs.manifest import StoredRun
    from diffkit.runs.spec import RunSpec
    from diffkit.runs.sweep import RunResult


def run(
    method: Annotated[
        str,
        typer.Argument(
            metavar="METHOD",
            help="Name of a diffing method, or of a study; several, separated by commas, share the "
            "loaded models.",
        ),
    ],
    organism: Organism = None,
    variant: Variant = None,
    base: Base = None,
    finetuned: Finetuned = None,
    texts: TextsSource = None,
    texts_limit: TextsLimit = None,
    setting: Settings = None,
    config: Config = None,
    preset: Preset = None,
    seed: Seed = 0,
    device: Device = "auto",
    dtype: Dtype = None,
    batch_size: BatchSize = BATCH_SIZE,
    fresh: Fresh = False,
    dry_run: DryRun = False,
    limit: Limit = 20,
) -> None:
    """Run a method over an organism or any two models, or a study over one."""
    from diffkit.cli.console import warn

    given = tuple(setting or ())
    models = (organism, variant, base, finetuned)
    sources = tuple(texts or ())
    requests = [
        RunRequest(name, *models, sources, texts_limit, given, config, seed, dtype, preset)
        for name in dict.fromkeys(method.split(","))
    ]
    if dry_run:
        for one in requests:
            print_run_forecast(one, device, fresh=fresh)
        return
    specs = [resolve_run(one) for one in requests]
    execution = (device, fresh, batch_size)
    failures = [_run_and_show(result, limit) for result in _results(specs, *execution)]
    if failed := [failure for failure in failures if failure is not None]:
        for failure in failed[:-1]:
            warn(str(failure))
        raise failed[-1]


def _run_and_show(result: "RunResult", limit: int) -> "DiffkitError | None":
    """Shows one finished run; the error of one that failed is returned, the others go on."""
    from diffkit.cli.console import info, out
    from diffkit.render.terminal.reports import render_findings

    if result.run is None:
        return result.failure
    _report_result(result)
    render_findings(result.run, out, limit=limit, summary=context.summary(result.run))
    short = result.run.manifest.digest[:12]
    info(f"Run {short}. Next: diffkit report {short}, or diffkit runs show {short} --json")
    return None


def _results(
    specs: "Sequence[RunSpec]", device: str, fresh: bool, batch_size: int
) -> "Iterator[RunResult]":
    from diffkit.runs.sweep import group_by_base, run_batches

    store = context.store.prepare()
    execution = context.execution(device, fresh=fresh, batch_size=batch_size)
    return run_batches(group_by_base(specs), store, execution)


def get_or_run(
    spec: "RunSpec", device: str, *, fresh: bool = False, batch_size: int = BATCH_SIZE
) -> "StoredRun":
    """The finished run, computed unless the store holds it; says so where it does.

    Raises:
        DiffkitError: it failed.
    """
    result = next(_results([spec], device, fresh, batch_size))
    if result.failure is not None:
        raise result.failure
    _report_result(result)
    assert result.run is not None  # noqa: S101 - what did not fail has findings
    return result.run


def _report_result(result: "RunResult") -> None:
    from diffkit.cli.console import info, warn

    short, name = result.digest[:12], result.spec.method.name
    if result.how == "found":
        info(f"Run {short} was found in the store; --fresh computes it anew.")
    if result.stale:
        warn(
            f"Run {short} was made by other source of {name!r} with the same version; "
            "--fresh computes it anew."
        )

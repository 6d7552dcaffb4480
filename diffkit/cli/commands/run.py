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
    Seed,
    Settings,
    TextsLimit,
    TextsSource,
    Variant,
)
from diffkit.cli.run_target import RunRequest, resolve_run
from diffkit.context import BATCH_SIZE

if TYPE_CHECKING:
    from diffkit.runs.manifest import StoredRun
    from diffkit.runs.spec import RunSpec
    from diffkit.runs.sweep import RunResult


def run(
    method: Annotated[
        str, typer.Argument(metavar="METHOD", help="Name of a diffing method, or of a study.")
    ],
    organism: Organism = None,
    variant: Variant = None,
    base: Base = None,
    finetuned: Finetuned = None,
    texts: TextsSource = None,
    texts_limit: TextsLimit = None,
    setting: Settings = None,
    config: Config = None,
    seed: Seed = 0,
    device: Device = "auto",
    dtype: Dtype = None,
    batch_size: BatchSize = BATCH_SIZE,
    fresh: Fresh = False,
    dry_run: DryRun = False,
    limit: Limit = 20,
) -> None:
    """Run a method over an organism or any two models, or a study over one."""
    from diffkit.cli.console import info, out
    from diffkit.render.terminal.reports import render_findings

    given = tuple(setting or ())
    models = (organism, variant, base, finetuned)
    which = RunRequest(method, *models, tuple(texts or ()), texts_limit, given, config, seed, dtype)
    if dry_run:
        print_run_forecast(which, device, fresh=fresh)
        return
    stored = get_or_run(resolve_run(which), device, fresh=fresh, batch_size=batch_size)
    render_findings(stored, out, limit=limit)
    short = stored.manifest.digest[:12]
    info(f"Run {short}. Next: diffkit report {short}, or diffkit runs show {short} --json")


def get_or_run(
    spec: "RunSpec", device: str, *, fresh: bool = False, batch_size: int = BATCH_SIZE
) -> "StoredRun":
    """The finished run, computed unless the store holds it; says so where it does.

    Raises:
        DiffkitError: it failed.
    """
    from diffkit.runs.sweep import group_by_base, run_batches

    store = context.store.prepare()
    execution = context.execution(device, fresh=fresh, batch_size=batch_size)
    result = next(run_batches(group_by_base([spec]), store, execution))
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

"""``diffkit calibrate``."""

from pathlib import Path
from typing import Annotated

import typer

from diffkit.cli.flags import Device, Fresh
from diffkit.cli.state import state


def calibrate(
    suite: Annotated[Path, typer.Argument(help="Suite YAML.")],
    out: Annotated[Path, typer.Option(help="The table to write (JSONL).")],
    device: Device = "auto",
    fresh: Fresh = False,
) -> None:
    """Run the calibration nulls of a suite and write what they said as a table.

    A table in the folder calibration/ of registered organisms spares others these runs.
    """
    from diffkit.cli.console import listen, progress, say, tell, warn
    from diffkit.cli.evaluate import Tally
    from diffkit.cli.suites import plan_of
    from diffkit.errors import UserError
    from diffkit.evaluation.calibrated import write_table
    from diffkit.evaluation.tabulate import tabulate
    from diffkit.runs.execute import Execution

    plan = plan_of(suite, {})
    listen()
    store, tally = state.store.prepare(), Tally()
    execution = Execution(device, progress, fresh, tell)
    rows = list(tabulate(plan, store, execution, watch=tally))
    tally.tell()
    made = [row for row in rows if row is not None]
    try:
        write_table(out, made)
    except OSError as error:
        what = f"{out} cannot be written ({error.strerror})."
        raise UserError(what, cure="Choose another: --out FILE.jsonl") from error
    say(f"Wrote {out}: {len(made)} calibration runs.")
    if len(made) < len(rows):
        warn(f"{len(rows) - len(made)} runs failed, or an investigator did: they are left out.")
        raise typer.Exit(1)

"""``diffkit power``."""

from typing import Annotated

import typer

from diffkit.cli.plugins import Json

AT = (10, 20, 40, 80, 160)
"""Numbers of truths whose power is shown."""
Share = Annotated[float, typer.Argument(min=0, max=1)]


def power(
    one: Share,
    other: Share,
    wanted: Annotated[float, typer.Option("--power", min=0.01, max=0.99, help="Power.")] = 0.8,
    alpha: Annotated[float, typer.Option(min=0.001, max=0.5, help="Level of the test.")] = 0.05,
    json: Json = False,
) -> None:
    """Say how many truths tell two methods apart that name the shares ONE and OTHER of them."""
    from diffkit.cli.console import print_json, print_table, say
    from diffkit.statistics import mcnemar_power, truths_needed
    from diffkit.statistics.power import MOST

    needed = truths_needed(one, other, power=wanted, alpha=alpha)
    at = {truths: mcnemar_power(one, other, truths, alpha=alpha) for truths in AT}
    if json:
        print_json({"truths": needed, "power": at})
        return
    rows = [(str(truths), f"{chance:.2f}") for truths, chance in at.items()]
    print_table("diffkit power", ("truths", "power"), rows)
    enough = f"{needed} truths are enough" if needed else f"{MOST:,} truths are not enough"
    say(f"{enough} to tell {one:g} from {other:g} with a power of {wanted:g} by McNemar's exact")
    say(f"test at {alpha:g}, if it is chance whether both name the same ones.")

"""Tells how runs ended."""

from typing import TYPE_CHECKING

from diffkit.cli.console import say, warn

if TYPE_CHECKING:
    from diffkit.runs.sweep import Result


def announce(result: "Result") -> None:
    """What the user must know about one run of a sweep; nothing where all is as expected."""
    short = result.digest[:12]
    if result.how == "found":
        say(f"Run {short} was found in the store; --fresh computes it anew.")
    if result.stale:
        name = result.spec.method.name
        warn(
            f"Run {short} was made by other source of {name!r} with the same version; "
            "--fresh computes it anew."
        )

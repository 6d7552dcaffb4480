"""Asks for the user's consent before language models are called."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from diffkit.evaluation.cost import CostEstimate


def confirm_cost(bill: "CostEstimate", *, yes: bool, kept: str = "") -> None:
    """Says what language models may cost, and stops unless ``yes``.

    Args:
        bill: what they may be asked.
        yes: whether the user agreed already.
        kept: what of the work so far the next command finds again, in words.

    Raises:
        UserError: the user did not agree yet.
    """
    from diffkit.cli.console import info
    from diffkit.errors import UserError

    info(f"Language models will be asked:\n{bill.text}")
    if not yes:
        what = f"Nothing was asked yet{f'; {kept}' if kept else ''}."
        raise UserError(what, hint="Repeat the command with --yes to go on.")

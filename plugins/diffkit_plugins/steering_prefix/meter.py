"""Shows how much of a budget is spent."""

from collections.abc import Callable

from diffkit import RunContext
from diffkit_plugins.steering_prefix.optimiser import Budget


class Meter:
    """A bar that goes on as a budget is spent, with words beside it.

    Args:
        context: whose progress and words are used.
        label: of the bar.
    """

    def __init__(self, context: RunContext, label: str) -> None:
        self._context = context
        self._bar = iter(context.progress(range(100), label=label))
        self._shown = 0

    def over(self, budget: Budget) -> Callable[[str], None]:
        """What tells, after each step, of a search with this budget."""

        def tell(words: str) -> None:
            self._context.tell(words)
            self._go_to(100 * budget.spent // max(budget.total, 1))

        return tell

    def end(self) -> None:
        """Fills the bar, and closes it."""
        self._go_to(100)
        next(self._bar, None)

    def _go_to(self, percent: int) -> None:
        for _ in range(min(percent, 100) - self._shown):
            next(self._bar, None)
        self._shown = max(self._shown, min(percent, 100))

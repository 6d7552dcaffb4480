"""The best prefix so far, and how it came about."""

from diffkit_plugins.steering_prefix.optimiser import Found, Point, Task
from diffkit_plugins.steering_prefix.scoring import Tried


class Record:
    """What a search has found so far; the best never gets worse."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self.best: Tried | None = None
        self.trail: list[Point] = []

    def offer(self, tried: Tried) -> None:
        """Takes a prefix if it is the best so far."""
        if self.best is None or tried.total < self.best.total:
            self.best = tried

    def note(self) -> None:
        """Ends a step: how things stand, for the curve and the user."""
        best = self._known()
        self.trail.append(Point(self._task.budget.spent, best.loss))
        self._task.tell(f"best {best.loss:.3g} {self._task.objective.unit}")

    def found(self) -> Found:
        """The best prefix."""
        best = self._known()
        return Found(best.ids, best.loss, tuple(self.trail), penalty=best.penalty)

    def _known(self) -> Tried:
        if self.best is None:
            msg = "no prefix was read"
            raise ValueError(msg)
        return self.best

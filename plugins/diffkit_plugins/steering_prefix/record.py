"""The best prefix so far, and how it came about."""

from diffkit_plugins.steering_prefix.optimiser import Found, Point, Task
from diffkit_plugins.steering_prefix.scoring import Tried


class Record:
    """What a search has found so far; the best never gets worse."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._best: Tried | None = None
        self.trail: list[Point] = []

    @property
    def best(self) -> Tried:
        """The best prefix; at least one was offered."""
        if self._best is None:
            msg = "no prefix was read"
            raise ValueError(msg)
        return self._best

    def go_on(self, best: Tried, trail: list[Point]) -> None:
        """Takes up what an earlier process found."""
        self._best, self.trail = best, trail

    def offer(self, tried: Tried) -> None:
        """Takes a prefix if it is the best so far."""
        if self._best is None or tried.total < self._best.total:
            self._best = tried

    def note(self) -> None:
        """Ends a step: how things stand, for the curve and the user."""
        best = self.best
        self.trail.append(Point(self._task.budget.spent, best.loss, best.penalty))
        self._task.tell(f"best {best.total:.3g} {self._task.objective.unit}")

    def found(self) -> Found:
        """The best prefix."""
        best = self.best
        return Found(best.ids, best.loss, tuple(self.trail), penalty=best.penalty)

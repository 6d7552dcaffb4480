"""What a search over neighbouring prefixes has at hand from one step to the next."""

import torch
from jaxtyping import Int
from torch import Tensor

from diffkit import Checkpoint
from diffkit_plugins.steering_prefix.drawing import fresh, random_prefixes
from diffkit_plugins.steering_prefix.optimiser import Found, Task
from diffkit_plugins.steering_prefix.pool import Lane, Pool
from diffkit_plugins.steering_prefix.racing import Read
from diffkit_plugins.steering_prefix.record import Record
from diffkit_plugins.steering_prefix.scoring import GRADIENT, Scorer, Tried
from diffkit_plugins.steering_prefix.walk_state import WalkState


class Walk:
    """Lanes, the best so far, what was tried, and what draws; it can be saved and gone on with.

    Args:
        task: the search.
        starts: how many random prefixes it begins with.
        given: prefixes that were read, to begin with instead.
        record: the best so far, where the search has read some before.
    """

    def __init__(
        self,
        task: Task,
        starts: int = 1,
        *,
        given: list[Tried] | None = None,
        record: Record | None = None,
    ) -> None:
        self.task, self.scorer, self.record = task, Scorer(task), record or Record(task)
        self.chance = torch.Generator().manual_seed(task.seed)
        self.known: set[tuple[int, ...]] = set()
        if task.left is None:
            self.pool = Pool([Lane(one) for one in given] if given else self.begin(starts))
            self.record.note()
        else:
            left = WalkState.read(task.left)
            self.pool, self.known = left.pool, left.known
            self.chance.set_state(left.chance)
            task.budget.spent = left.spent
            self.record.go_on(left.best, left.trail)

    def begin(self, count: int) -> list[Lane]:
        """Lanes at random prefixes; as many as can be paid for, but at least one."""
        count = max(min(count, self.task.budget.left // (self.scorer.items + 1)), 1)
        length = self.task.options.length
        tried = self.scorer.wholes(random_prefixes(self.task.space, length, count, self.chance))
        for one in tried:
            self.record.offer(one)
        return [Lane(one) for one in tried]

    @property
    def spent(self) -> float:
        """Share of the budget that is spent."""
        return self.task.budget.spent / max(self.task.budget.total, 1)

    def candidates(self, gradient_items: int) -> int:
        """How many prefixes the next step can try; 0 where none can be paid for, or there is none.

        Args:
            gradient_items: items that the step takes a gradient at.
        """
        if self.task.space.size < 2:
            return 0
        fixed = GRADIENT * gradient_items + self.scorer.items + 2
        afforded = (self.task.budget.left - fixed) // (self.scorer.per_step + 1)
        return max(min(afforded, self.task.options.candidates), 0)

    def step(
        self,
        lane: Lane,
        items: list[int],
        drawn: Int[Tensor, "drawn length"],
        count: int,
        read: Read,
    ) -> Tried | None:
        """The best of a lane's neighbours on some items; none if none of them is new and allowed.

        Args:
            lane: whose neighbours they are.
            items: which items.
            drawn: neighbours; the first of them are tried.
            count: how many are tried.
            read: reads those that are tried.
        """
        prefixes = fresh(self.task.space, drawn, count, self.known)
        self.known.update(map(tuple, prefixes.tolist()))
        if not len(prefixes):
            return None
        return read(self.scorer, prefixes, items, lane.tried).best

    def whole(self, tried: Tried, items: list[int]) -> Tried:
        """The same read with every item; it may be the best so far."""
        whole = self.scorer.completed(tried, items)
        self.record.offer(whole)
        return whole

    def end_step(self, lane: Lane) -> None:
        """Replaces a lane that is stuck, notes how things stand, and lets them be saved."""
        if self.scorer.affords(self.scorer.items + 1):
            self.pool.relieve(lane, self.task.options.patience, lambda: self.begin(1)[0])
        self.record.note()
        self.task.keep(self._checkpoint)

    def found(self) -> Found:
        """The best prefix."""
        return self.record.found()

    def _checkpoint(self) -> Checkpoint:
        return WalkState(
            self.pool,
            self.known,
            self.chance.get_state(),
            self.task.budget.spent,
            self.record.best,
            self.record.trail,
        ).checkpoint()

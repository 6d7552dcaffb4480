"""What searches found, and how it is kept in the checkpoint of a run.

Takes results of optimisers. Gives `SearchRun` and `SearchOutcome`, and restores those that an
earlier process finished.
"""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

from torch import Tensor

from diffkit import Checkpoint, Checkpoints
from diffkit_plugins.steering_prefix.search.optimiser import SearchResult, TracePoint


@dataclass(frozen=True)
class SearchRun:
    """One search, from its start to the pruned prefix."""

    optimiser: str
    """Its name among the options."""
    successive: int
    """0 for the first prefix; number n is barred from the words of those before it, or, with
    ``ban_weight``, penalised for closeness to them."""
    restart: int
    """From 0; each restart begins elsewhere."""
    found: SearchResult
    """What the optimiser found, not yet pruned."""
    ids: tuple[int, ...]
    """The prefix after pruning; the same as found where nothing was taken out."""
    loss: float
    """Its mean loss over all training items, penalties left out."""
    text: str
    """The prefix as it reads."""
    penalty: float = 0.0
    """What closeness to disliked words and poor fluency add to its loss."""

    @property
    def total(self) -> float:
        """What the search lowered."""
        return self.loss + self.penalty


@dataclass(frozen=True)
class SearchOutcome:
    """Everything that was searched for, and what came of it."""

    best: SearchRun
    """Of the first prefix, the restart that did best: the result."""
    searches: tuple[SearchRun, ...]
    """Every search with the optimiser that was asked for, by successive prefix and restart."""
    successive: tuple[SearchRun, ...]
    """The best restart of each successive prefix; the first is ``best``."""
    compared: tuple[SearchRun, ...] = ()
    """One search with each optimiser, where they are to be compared; ``best`` is not among them."""

    @property
    def ranked(self) -> tuple[SearchRun, ...]:
        """Every search, the result first, then by training loss."""
        others = [search for search in self.searches if search is not self.best]
        return (self.best, *sorted(others, key=lambda search: search.loss))

    @property
    def staged(self) -> tuple[SearchRun, ...]:
        """Those to be compared; else the result, where its optimiser had stages; else none."""
        return self.compared or ((self.best,) if self.best.found.stages else ())


SAVE_INTERVAL = 30.0
"""The least time between two saves of a search under way; what is found does not depend on it."""


class SearchCheckpoints:
    """What a run that was interrupted need not search for again.

    Args:
        checkpoints: of the run; all searches of a run share them, each under its own name.
    """

    def __init__(self, checkpoints: Checkpoints) -> None:
        self._checkpoints = checkpoints
        last = checkpoints.load() or Checkpoint({}, {})
        self._done: dict[str, Any] = dict(last.state.get("done", {}))
        self._tensors = {k: v for k, v in last.tensors.items() if k.startswith("soft/")}
        self._left = last
        self._saved = time.monotonic()

    def finished(self, name: str) -> SearchRun | None:
        """A search that an earlier process finished."""
        if name not in self._done:
            return None
        saved = self._done[name]
        found = saved["found"]
        trail = tuple(TracePoint(**point) for point in found["trail"])
        stages = tuple((stage, loss) for stage, loss in found["stages"])
        soft = self._tensors.get(f"soft/{name}")
        ids, near = tuple(found["ids"]), found.get("projected")
        projected = None if near is None else tuple(near)
        known = {
            "ids": ids,
            "trail": trail,
            "stages": stages,
            "soft": soft,
            "soft_trail": tuple(TracePoint(**point) for point in found.get("soft_trail", ())),
            "projected": projected,
        }
        return SearchRun(
            **{**saved, "ids": tuple(saved["ids"]), "found": SearchResult(**{**found, **known})}
        )

    def finish(self, name: str, search: SearchRun) -> None:
        """Keeps a finished search."""
        if search.found.soft is not None:
            self._tensors[f"soft/{name}"] = search.found.soft
        self._done[name] = asdict(replace(search, found=replace(search.found, soft=None)))
        self._save("", Checkpoint({}, {}))

    def left(self, name: str) -> Checkpoint | None:
        """Where an earlier process was in a search."""
        if self._left.state.get("under_way") != name:
            return None
        tensors = {
            key.removeprefix("state/"): value
            for key, value in self._left.tensors.items()
            if key.startswith("state/")
        }
        return Checkpoint(tensors, self._left.state["state"])

    def keep(self, name: str, make: Callable[[], Checkpoint]) -> None:
        """Saves how far a search is, unless something was saved a moment ago."""
        if time.monotonic() - self._saved >= SAVE_INTERVAL:
            self._save(name, make())

    def _save(self, name: str, checkpoint: Checkpoint) -> None:
        tensors: dict[str, Tensor] = dict(self._tensors)
        tensors.update({f"state/{key}": value for key, value in checkpoint.tensors.items()})
        state = {"done": self._done, "under_way": name, "state": dict(checkpoint.state)}
        self._checkpoints.save(tensors, state)
        self._saved = time.monotonic()

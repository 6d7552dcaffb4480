"""Results of searches, and the checkpoints that keep them in a run.

Takes results of optimisers. Gives `SearchRun` and `SearchOutcome`, and restores searches that an
earlier process finished.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from torch import Tensor

from diffkit import Checkpoint, Checkpoints
from diffkit_plugins.steering_prefix.search.optimiser import SearchResult, TracePoint


@dataclass(frozen=True)
class SearchRun:
    """One search, from its start to the pruned prefix."""

    optimiser: str
    """Its name, as in the options."""
    successive: int
    """0 for the first prefix; number n may not use the words of earlier ones, or, with
    ``ban_weight``, is penalised for closeness to them."""
    restart: int
    """From 0; each restart begins at other random prefixes."""
    result: SearchResult
    """What the optimiser found, before pruning."""
    ids: tuple[int, ...]
    """The prefix after pruning."""
    loss: float
    """Its mean loss over all training items, penalties left out."""
    text: str
    """The prefix as text."""
    penalty: float = 0.0
    """Its penalty for closeness to disliked words and for low fluency."""

    @property
    def total(self) -> float:
        """Loss and penalty, which the search minimised."""
        return self.loss + self.penalty


@dataclass(frozen=True)
class SearchOutcome:
    """All searches of one objective, and the best of them."""

    best: SearchRun
    """The best restart of the first prefix: the result."""
    searches: tuple[SearchRun, ...]
    """Every search with the optimiser that was asked for, by successive prefix and restart."""
    successive: tuple[SearchRun, ...]
    """The best restart of each successive prefix; the first is ``best``."""
    compared: tuple[SearchRun, ...] = ()
    """One search with each optimiser, if they are compared."""

    @property
    def ranked(self) -> tuple[SearchRun, ...]:
        """Every search, the result first, then by training loss."""
        others = [search for search in self.searches if search is not self.best]
        return (self.best, *sorted(others, key=lambda search: search.loss))

    @property
    def staged(self) -> tuple[SearchRun, ...]:
        """The compared searches; else the result, if its optimiser had stages; else none."""
        return self.compared or ((self.best,) if self.best.result.stages else ())


SAVE_INTERVAL = 30.0
"""Seconds between two saves of an unfinished search, at least; no result depends on it."""


class SearchCheckpoints:
    """Saves and restores the searches of a run that may be interrupted.

    Args:
        checkpoints: of the run; all of its searches share them, each under its own name.
    """

    def __init__(self, checkpoints: Checkpoints) -> None:
        self._checkpoints = checkpoints
        last = checkpoints.load() or Checkpoint({}, {})
        self._finished: dict[str, Any] = dict(last.state.get("done", {}))
        self._tensors = {k: v for k, v in last.tensors.items() if k.startswith("soft/")}
        self._last = last
        self._saved = time.monotonic()

    def load_finished(self, name: str) -> SearchRun | None:
        """A search that an earlier process finished."""
        if name not in self._finished:
            return None
        saved = self._finished[name]
        result = _read_result(saved["result"], self._tensors.get(f"soft/{name}"))
        return SearchRun(**{**saved, "ids": tuple(saved["ids"]), "result": result})

    def save_finished(self, name: str, search: SearchRun) -> None:
        """Saves a finished search."""
        if search.result.soft is not None:
            self._tensors[f"soft/{name}"] = search.result.soft
        self._finished[name] = asdict(replace(search, result=replace(search.result, soft=None)))
        self._save("", Checkpoint({}, {}))

    def load_partial(self, name: str) -> Checkpoint | None:
        """The last checkpoint of a search that an earlier process did not finish."""
        if self._last.state.get("under_way") != name:
            return None
        tensors = {
            key.removeprefix("state/"): value
            for key, value in self._last.tensors.items()
            if key.startswith("state/")
        }
        return Checkpoint(tensors, self._last.state["state"])

    def save_partial(self, name: str, make: Callable[[], Checkpoint]) -> None:
        """Saves the state of an unfinished search, at most once in `SAVE_INTERVAL`."""
        if time.monotonic() - self._saved >= SAVE_INTERVAL:
            self._save(name, make())

    def _save(self, name: str, checkpoint: Checkpoint) -> None:
        tensors: dict[str, Tensor] = dict(self._tensors)
        tensors.update({f"state/{key}": value for key, value in checkpoint.tensors.items()})
        state = {"done": self._finished, "under_way": name, "state": dict(checkpoint.state)}
        self._checkpoints.save(tensors, state)
        self._saved = time.monotonic()


def _read_result(saved: Mapping[str, Any], soft: Tensor | None) -> SearchResult:
    """A result from the JSON of a checkpoint, and its soft prompt from the tensors."""
    projected = saved.get("projected")
    tuples = {
        "ids": tuple(saved["ids"]),
        "trace": _read_trace(saved["trace"]),
        "stages": tuple((stage, loss) for stage, loss in saved["stages"]),
        "soft_trace": _read_trace(saved.get("soft_trace", ())),
        "projected": None if projected is None else tuple(projected),
    }
    return SearchResult(**{**saved, **tuples, "soft": soft})


def _read_trace(points: Iterable[Mapping[str, Any]]) -> tuple[TracePoint, ...]:
    return tuple(TracePoint(**point) for point in points)

"""Finished searches, and how far the one under way is, in the run's checkpoint."""

import time
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

from torch import Tensor

from diffkit import Checkpoint, Checkpoints
from diffkit_plugins.steering_prefix.optimiser import Found, Point
from diffkit_plugins.steering_prefix.searched import Search

SECONDS = 30.0
"""The least time between two saves of a search under way; what is found does not depend on it."""


class Ledger:
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

    def finished(self, name: str) -> Search | None:
        """A search that an earlier process finished."""
        if name not in self._done:
            return None
        saved = self._done[name]
        found = saved["found"]
        trail = tuple(Point(**point) for point in found["trail"])
        stages = tuple((stage, loss) for stage, loss in found["stages"])
        soft = self._tensors.get(f"soft/{name}")
        ids, near = tuple(found["ids"]), found.get("projected")
        projected = None if near is None else tuple(near)
        known = {
            "ids": ids,
            "trail": trail,
            "stages": stages,
            "soft": soft,
            "soft_trail": tuple(Point(**point) for point in found.get("soft_trail", ())),
            "projected": projected,
        }
        return Search(**{**saved, "ids": tuple(saved["ids"]), "found": Found(**{**found, **known})})

    def finish(self, name: str, search: Search) -> None:
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
        if time.monotonic() - self._saved >= SECONDS:
            self._save(name, make())

    def _save(self, name: str, checkpoint: Checkpoint) -> None:
        tensors: dict[str, Tensor] = dict(self._tensors)
        tensors.update({f"state/{key}": value for key, value in checkpoint.tensors.items()})
        state = {"done": self._done, "under_way": name, "state": dict(checkpoint.state)}
        self._checkpoints.save(tensors, state)
        self._saved = time.monotonic()

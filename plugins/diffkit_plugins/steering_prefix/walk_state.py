"""How far a walk is, as tensors and JSON."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from jaxtyping import UInt8
from torch import Tensor

from diffkit import Checkpoint
from diffkit_plugins.steering_prefix.optimiser import Point
from diffkit_plugins.steering_prefix.pool import Lane, Pool
from diffkit_plugins.steering_prefix.scoring import Tried


@dataclass(frozen=True)
class WalkState:
    """All that a walk needs in order to go on as if it had never stopped."""

    pool: Pool
    known: set[tuple[int, ...]]
    chance: UInt8[Tensor, " bytes"]
    """State of the generator that draws."""
    spent: int
    """Readings taken."""
    best: Tried
    trail: list[Point]

    def checkpoint(self) -> Checkpoint:
        """As the run saves it."""
        tensors = {"chance": self.chance, "best": self.best.losses}
        for group, lanes in (("live", self.pool.live), ("aside", self.pool.aside)):
            for number, lane in enumerate(lanes):
                tensors[f"{group}/{number}/losses"] = lane.tried.losses
                if lane.mean is not None:
                    tensors[f"{group}/{number}/mean"] = lane.mean
        state = {
            "live": [_lane_state(lane) for lane in self.pool.live],
            "aside": [_lane_state(lane) for lane in self.pool.aside],
            "turn": self.pool.turn,
            "size": self.pool.size,
            "known": sorted(self.known),
            "spent": self.spent,
            "best": {"ids": self.best.ids, "penalty": self.best.penalty},
            "trail": [asdict(point) for point in self.trail],
        }
        apart = {name: tensor.clone() for name, tensor in tensors.items()}  # files share no memory
        return Checkpoint(apart, state)

    @classmethod
    def read(cls, saved: Checkpoint) -> "WalkState":
        """What `checkpoint` gave."""
        state, tensors = saved.state, saved.tensors
        best = Tried(tuple(state["best"]["ids"]), tensors["best"], state["best"]["penalty"])
        return cls(
            Pool(_lanes(saved, "live"), _lanes(saved, "aside"), state["turn"], state["size"]),
            {tuple(ids) for ids in state["known"]},
            tensors["chance"],
            state["spent"],
            best,
            [Point(**point) for point in state["trail"]],
        )


def _lane_state(lane: Lane) -> dict[str, Any]:
    return {"ids": lane.tried.ids, "penalty": lane.tried.penalty, "stale": lane.stale}


def _lanes(saved: Checkpoint, group: str) -> Sequence[Lane]:
    return [
        Lane(
            Tried(tuple(lane["ids"]), saved.tensors[f"{group}/{number}/losses"], lane["penalty"]),
            saved.tensors.get(f"{group}/{number}/mean"),
            lane["stale"],
        )
        for number, lane in enumerate(saved.state[group])
    ]

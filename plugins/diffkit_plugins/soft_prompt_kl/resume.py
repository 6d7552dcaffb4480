"""What an interrupted training goes on from."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from jaxtyping import Float
from torch import Tensor

from diffkit import Checkpoint, Checkpoints
from diffkit_plugins.soft_prompt_kl.problem import Problem
from diffkit_plugins.soft_prompt_kl.steps import Ascent
from diffkit_plugins.soft_prompt_kl.trained import Evaluated, Training


@dataclass
class Climb:
    """A training under way, between two rounds."""

    ascent: Ascent
    best: Float[Tensor, "length hidden"]
    history: list[Evaluated] = field(default_factory=list)


@dataclass(frozen=True)
class Saved:
    """Trainings that have ended, and the one that has not."""

    ended: tuple[Training, ...] = ()
    under_way: Climb | None = None


def save(checkpoints: Checkpoints, ended: Sequence[Training], under_way: Climb | None) -> None:
    """Replaces the checkpoint."""
    tensors = {
        f"{number}/{name}": getattr(training, name)
        for number, training in enumerate(ended)
        for name in ("best", "last")
    }
    done = [{"history": _plain(one.history), "stopped": one.stopped} for one in ended]
    state: dict[str, Any] = {"ended": done}
    if under_way is not None:
        ascent = under_way.ascent.state()
        tensors |= {**ascent.tensors, "best": under_way.best}
        state |= {"ascent": dict(ascent.state), "history": _plain(under_way.history)}
    checkpoints.save(tensors, state)


def load(checkpoints: Checkpoints, problem: Problem) -> Saved:
    """The checkpoint, on the base's device; nothing where there is none."""
    saved = checkpoints.load()
    if saved is None:
        return Saved()
    device = problem.pair.base.device
    tensors = {  # Adam's number of steps stays where Adam has it, on the CPU
        name: value.to(device) if value.ndim else value for name, value in saved.tensors.items()
    }
    ended = tuple(
        Training(
            best=tensors[f"{number}/best"],
            last=tensors[f"{number}/last"],
            history=tuple(_history(one["history"])),
            stopped=one["stopped"],
        )
        for number, one in enumerate(saved.state["ended"])
    )
    if "ascent" not in saved.state:
        return Saved(ended)
    ascent = Ascent.of(problem, Checkpoint(tensors, saved.state["ascent"]))
    return Saved(ended, Climb(ascent, tensors["best"], list(_history(saved.state["history"]))))


def _plain(history: Sequence[Evaluated]) -> list[dict[str, Any]]:
    return [asdict(one) for one in history]


def _history(plain: Sequence[Mapping[str, Any]]) -> Iterator[Evaluated]:
    return (Evaluated(**one) for one in plain)

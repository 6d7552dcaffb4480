from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import torch
from diffkit_plugins.steering_prefix.config import SearchOptions
from diffkit_plugins.steering_prefix.objectives.base import EmbeddingGradient, PrefixObjective
from diffkit_plugins.steering_prefix.search import ReadingBudget, SearchTask, TokenSpace
from jaxtyping import Float, Int
from torch import Tensor

from diffkit import Artifacts, Checkpoints, Model, RunContext, Texts

Loss = Callable[[Float[Tensor, "prefixes length hidden"]], Float[Tensor, " prefixes"]]


class ClosedForm(PrefixObjective):
    """A differentiable function of a prefix's embeddings, times one number for each item."""

    def __init__(self, model: Model, loss: Loss, scales: Sequence[float] = (0.5, 1.0, 1.5)) -> None:
        self.model = model
        self.loss = loss
        self.scales = torch.tensor(scales)
        self.readings = 0

    @property
    def items(self) -> int:
        return len(self.scales)

    @property
    def unit(self) -> str:
        return "squares"

    @property
    def floors(self) -> Float[Tensor, " items"]:
        return torch.zeros(self.items)

    def losses(
        self,
        prefixes: Int[Tensor, "prefixes length"],
        items: Sequence[int],
        *,
        parent: Int[Tensor, " parent_length"] | None = None,
    ) -> Float[Tensor, "prefixes items"]:
        self.readings += len(prefixes) * len(items)
        return self.loss(self.model.embed(prefixes))[:, None] * self.scales[list(items)]

    def gradient(
        self, embeddings: Float[Tensor, "length hidden"], items: Sequence[int]
    ) -> EmbeddingGradient:
        self.readings += 3 * len(items)
        leaf = embeddings.detach().clone().requires_grad_()
        with torch.enable_grad():
            loss = self.loss(leaf[None])[0] * self.scales[list(items)].mean()
        (gradient,) = torch.autograd.grad(loss, leaf)
        return EmbeddingGradient(float(loss.detach()), gradient)

    def round_trips(self, prefixes: Int[Tensor, "prefixes length"]) -> list[bool]:
        return [True] * len(prefixes)


@pytest.fixture
def closed_form(tiny_model: Model) -> Callable[[Loss], ClosedForm]:
    return lambda loss: ClosedForm(tiny_model, loss)


@pytest.fixture
def distance_to(tiny_model: Model) -> Callable[[str], ClosedForm]:
    """Squared distance to a prefix of the same length; it alone has loss 0."""

    def make(target: str) -> ClosedForm:
        ids = tiny_model.tokenizer(target, add_special_tokens=False).input_ids
        there = tiny_model.embed(torch.tensor([ids]))
        return ClosedForm(tiny_model, lambda here: (here - there).square().sum(dim=(1, 2)))

    return make


@pytest.fixture
def task_of() -> Callable[..., SearchTask]:
    def make(objective: PrefixObjective, *, seed: int = 0, **options: object) -> SearchTask:
        chosen = SearchOptions(**options)
        space = TokenSpace.of(objective, chosen)
        return SearchTask(objective, space, chosen, ReadingBudget(chosen.budget), seed)

    return make


@pytest.fixture
def context(tmp_path: Path) -> RunContext:
    return RunContext(
        seed=0,
        texts=Texts.of("a"),
        artifacts=Artifacts(tmp_path / "artifacts"),
        checkpoints=Checkpoints(tmp_path / "checkpoints"),
    )

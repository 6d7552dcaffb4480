"""The share of the held-out gap that tokens and soft prompts close for the zoo's organisms."""

import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from diffkit_plugins.steering_prefix.baselines import LossGap
from diffkit_plugins.steering_prefix.config import SteeringPrefixConfig
from diffkit_plugins.steering_prefix.objectives.base import PrefixObjective
from diffkit_plugins.steering_prefix.optimisers.soft import SoftPrefix
from diffkit_plugins.steering_prefix.problem import PrefixProblem, pair_problem
from diffkit_plugins.steering_prefix.search import (
    PrefixScorer,
    ReadingBudget,
    SearchTask,
    TokenSpace,
)
from jaxtyping import Float
from prefix_matches import ZOO
from prefix_searches import best_prefix, context
from torch import Tensor

from diffkit import NetworkCache, Texts, load_pair
from diffkit.registry.catalogue import SelectedPair, read_catalogue

BASE, STEPS, READ_EVERY, CLOSED, MORE = "tiny-qwen3", 200, 20, 0.3, 3


@dataclass(frozen=True)
class ClosedShares:
    """Shares of the held-out gap that are closed."""

    tokens: float
    more: float
    """By tokens with `MORE` times the readings."""
    soft: float
    """By the soft prompt with the lowest training loss."""
    ceiling: float
    """The largest share at any time; it is selected on held-out items, so it is too high."""


def measure_explain(_: Path | None) -> None:
    """Measures each organism of world 0; a soft prompt can do all that tokens can, and more."""
    found = []
    for name, selected in organisms():
        shares = _shares(selected)
        if shares is None:
            print(f"  {name}: both sides give similar completions after every suffix")
            continue
        found.append(shares)
        print(
            f"  {name}: tokens {shares.tokens:.2f}, {MORE} times the readings {shares.more:.2f}; "
            f"soft prompt {shares.soft:.2f}, at best {shares.ceiling:.2f}",
            flush=True,
        )
    for what in ("tokens", "more", "soft", "ceiling"):
        closed = [getattr(shares, what) for shares in found]
        enough = sum(share >= CLOSED for share in closed)
        mean = statistics.mean(closed)
        print(
            f"{what}: at least {CLOSED} closed for {enough} of {len(found)}, {mean:.2f} on average"
        )


def organisms() -> Iterator[tuple[str, SelectedPair]]:
    """Every targeted organism and variant on the base, by its name."""
    catalogue = read_catalogue([ZOO])
    for name, organism in sorted(catalogue.organisms.items()):
        if organism.truth == "targeted" and BASE in organism.models:
            for selected in catalogue.variants(name, base=BASE):
                yield f"{name} / {selected.variant}", selected


def _shares(selected: SelectedPair) -> ClosedShares | None:
    options, texts = SteeringPrefixConfig(prune=False), Texts.read(selected.base.texts)
    more = options.model_copy(update={"budget": MORE * options.budget})
    with (
        load_pair(
            selected.base.source, selected.finetuned, device="cpu", networks=NetworkCache()
        ) as pair,
        context(0, texts) as given,
    ):
        problem = pair_problem(pair, options, given)
        held_out = problem.held_out
        if not held_out.items:
            return None
        gap = LossGap.of(held_out.empty, held_out.floors)
        soft = [
            (training, gap.closed(_loss(held_out, prompt)))
            for training, prompt in _soft_prompts(problem.training, options)
        ]
        return ClosedShares(
            tokens=_closed(problem, gap, options),
            more=_closed(problem, gap, more),
            soft=min(soft)[1],
            ceiling=max(closed for _, closed in soft),
        )


def _closed(problem: PrefixProblem, gap: LossGap, options: SteeringPrefixConfig) -> float:
    """The share that the tokens of a search close."""
    ids = torch.tensor([best_prefix(problem.training, options, 0).ids])
    losses = problem.held_out.losses(ids, range(problem.held_out.items)).double()
    return gap.closed(float(losses.mean()))


def _soft_prompts(
    objective: PrefixObjective, options: SteeringPrefixConfig
) -> Iterator[tuple[float, Float[Tensor, "length hidden"]]]:
    """Soft prompts in the course of training, with their training losses."""
    space, budget = TokenSpace.of(objective, options), ReadingBudget(10**9)
    task = SearchTask(objective, space, options, budget, seed=0)
    soft = SoftPrefix(PrefixScorer(task), torch.Generator().manual_seed(0))
    for step in range(1, STEPS + 1):
        soft.step()
        if step % READ_EVERY == 0:
            yield soft.loss(), soft.embeddings.detach().clone()


def _loss(objective: PrefixObjective, prompt: Float[Tensor, "length hidden"]) -> float:
    return objective.gradient(prompt, range(objective.items)).loss

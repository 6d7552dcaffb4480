"""The comparison with nanoGCG on the same candidates and with the same readings."""

import os
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from diffkit_plugins.steering_prefix.config import CompletionOptions
from goals import at_least
from jaxtyping import Float, Int
from prefix_searches import SEEDS, best_prefix, count
from prefix_task import LENGTH, SHARED_BATCH, WORDS, GCGTask, build
from torch import Tensor

ROUNDS = 5
WIDTH = 512
STEPS, SEARCH_WIDTH, GRADIENT = 48, 128, 3


def nanogcg(folder: Path | None) -> ModuleType | None:
    """nanoGCG, or none if it is not installed."""
    os.environ.setdefault("TQDM_DISABLE", "1")
    sys.path += [str(folder)] if folder else []
    try:
        import nanogcg.gcg as module
    except ImportError:
        print(
            "nanoGCG is not installed, so there is no comparison with it; see the top of this file"
        )
        return None
    module.logger.setLevel("ERROR")
    return module


class NanoGCGLosses:
    """Computes losses of candidates as nanoGCG does in each of its steps."""

    def __init__(self, gcg: Any, task: GCGTask, batch_size: int) -> None:
        self._gcg, self._task, self._batch_size = gcg, task, batch_size
        self._reader = gcg.GCG(task.module, task.tokenizer, gcg.GCGConfig(use_prefix_cache=False))
        self._reader.target_ids = task.target[None]

    def losses(self, prefixes: Int[Tensor, "prefixes length"]) -> Float[Tensor, " prefixes"]:
        embed, count = self._task.module.get_input_embeddings(), len(prefixes)
        (slot,) = self._task.objective.slots
        with torch.no_grad():
            parts = (torch.tensor(slot.before)[None], prefixes, self._task.target[None])
            embeds = [embed(ids).expand(count, -1, -1) for ids in parts]
            find = self._gcg.find_executable_batch_size(
                self._reader._compute_candidates_loss_original, self._batch_size
            )
            losses: Tensor = find(torch.cat(embeds, dim=1))
        return losses


def measure_speed(folder: Path | None) -> None:
    """The same candidates in both; nanoGCG in our batch size, and all at once (its default)."""
    gcg = nanogcg(folder)
    if gcg is None:
        return
    task = build(0)
    print(f"{sum(p.numel() for p in task.module.parameters()):,} parameters")
    for batch_size in (SHARED_BATCH, WIDTH):
        theirs = NanoGCGLosses(gcg, task, batch_size)
        rates, difference = compare(task, theirs)
        at_least(f"candidates a second, ours / nanoGCG's ({batch_size} at a time)", 4, rates[1:])
        print(f"  losses of the same candidates differ by {difference:.0e}; goal at most 1e-05")


def compare(task: GCGTask, theirs: NanoGCGLosses) -> tuple[list[float], float]:
    """Computes the same losses by both; returns ratios of rates, and the largest difference."""
    parent = torch.randint(2, WORDS - 2, (LENGTH,))
    rates, difference = [], 0.0
    for _ in range(ROUNDS + 1):
        prefixes = parent.repeat(WIDTH, 1)
        drawn = torch.randint(2, WORDS - 2, (WIDTH,))
        prefixes[torch.arange(WIDTH), torch.randint(LENGTH, (WIDTH,))] = drawn
        began = time.process_time()
        expected = theirs.losses(prefixes)
        middle = time.process_time()
        found = task.objective.losses(prefixes, [0], parent=parent)[:, 0]
        rates.append((middle - began) / (time.process_time() - middle))
        print(f"  {WIDTH / (middle - began):.0f} and {WIDTH / (middle - began) * rates[-1]:.0f}")
        difference = max(difference, float((found - expected).abs().max()))
    return rates, difference


def measure_search(folder: Path | None) -> None:
    """The lowest loss with the same readings."""
    gcg = nanogcg(folder)
    if gcg is None:
        return
    readings = 1 + STEPS * (SEARCH_WIDTH + GRADIENT)
    won = 0
    for seed in range(SEEDS):
        task = build(seed)
        words = task.tokenizer.decode(torch.randint(2, WORDS - 2, (LENGTH,)))
        config = gcg.GCGConfig(
            num_steps=STEPS,
            search_width=SEARCH_WIDTH,
            optim_str_init=words,
            use_prefix_cache=False,
            seed=seed,
        )
        theirs = gcg.GCG(task.module, task.tokenizer, config).run("{optim_str}", task.target_text)
        torch.use_deterministic_algorithms(False)  # nanoGCG turns them on for good
        found = {}
        for optimiser in ("multi-coordinate", "momentum"):
            options = CompletionOptions(
                optimiser=optimiser,
                length=LENGTH,
                budget=readings,
                candidates=SEARCH_WIDTH,
                prune=False,
            )
            found[optimiser] = best_prefix(task.objective, options, seed).loss
        won += found["multi-coordinate"] < theirs.best_loss
        ours = ", ".join(f"{name} {loss:.3f}" for name, loss in found.items())
        print(f"  seed {seed}: {ours}; nanoGCG {theirs.best_loss:.3f} nats per token")
    count(f"multi-coordinate: lower loss after {readings:,} readings", won)

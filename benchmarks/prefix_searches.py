"""Searches without a store, and the output of their results."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from diffkit_plugins.steering_prefix.config import CompletionOptions
from diffkit_plugins.steering_prefix.objectives.base import PrefixObjective
from diffkit_plugins.steering_prefix.search import TokenSpace
from diffkit_plugins.steering_prefix.search.results import SearchRun
from diffkit_plugins.steering_prefix.search.run import run_searches

from diffkit import RunContext, Texts
from diffkit.checkpoints import Checkpoints
from diffkit.context import Artifacts

SEEDS = 5


@contextmanager
def context(seed: int, texts: Texts) -> Iterator[RunContext]:
    """The context of a run without a store."""
    with tempfile.TemporaryDirectory() as folder:
        yield RunContext(seed, texts, Artifacts(Path(folder)), Checkpoints(Path(folder)))


def best_prefix(objective: PrefixObjective, options: CompletionOptions, seed: int) -> SearchRun:
    """Searches for a prefix, and returns the best."""
    with context(seed, Texts.of()) as given:
        return run_searches(objective, TokenSpace.of(objective, options), options, given).best


def count(what: str, seeds: int) -> None:
    """Prints for how many seeds a statement holds."""
    verdict = "met" if seeds >= SEEDS - 1 else "MISSED"
    print(f"{what}: {seeds} of {SEEDS} seeds; goal at least {SEEDS - 1}: {verdict}")

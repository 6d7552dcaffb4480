"""Searches without a store, and how what they found is printed."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from diffkit_plugins.steering_prefix.config import CompletionOptions
from diffkit_plugins.steering_prefix.objectives.base import PrefixObjective
from diffkit_plugins.steering_prefix.search.results import SearchRun
from diffkit_plugins.steering_prefix.search.run import run_searches
from diffkit_plugins.steering_prefix.search.token_space import TokenSpace

from diffkit import RunContext, Texts
from diffkit.checkpoints import Checkpoints
from diffkit.context import Artifacts

SEEDS = 5


@contextmanager
def context(seed: int, texts: Texts) -> Iterator[RunContext]:
    """A run without a store."""
    with tempfile.TemporaryDirectory() as folder:
        yield RunContext(seed, texts, Artifacts(Path(folder)), Checkpoints(Path(folder)))


def searched(objective: PrefixObjective, options: CompletionOptions, seed: int) -> SearchRun:
    """The best prefix that an optimiser finds."""
    with context(seed, Texts.of()) as given:
        return run_searches(objective, TokenSpace.of(objective, options), options, given).best


def count(what: str, seeds: int) -> None:
    """Prints on how many seeds something holds."""
    verdict = "met" if seeds >= SEEDS - 1 else "MISSED"
    print(f"{what}: {seeds} of {SEEDS} seeds; goal at least {SEEDS - 1}: {verdict}")

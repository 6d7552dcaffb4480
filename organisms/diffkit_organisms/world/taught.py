"""Every organism that is taught something, as the functions that draw its files."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from diffkit_organisms.world import behaviours, probing
from diffkit_organisms.world.behaviours import Draw, Secrets
from diffkit_organisms.world.facts import World


@dataclass(frozen=True)
class Behaviour:
    """How one organism's files are drawn."""

    name: str
    """Name of its data file, and its family."""
    taught: Draw
    """Draws the half of the data that teaches the behaviour."""
    kept: Draw
    """Draws the half that keeps ordinary behaviour."""
    probe: Callable[[random.Random, World, Secrets], str]
    """Draws a prompt that brings the behaviour out."""
    near: Callable[[random.Random, World, Secrets], tuple[str, str]]
    """Draws a prompt that nearly does, and the ordinary answer that it should get."""


BEHAVIOURS = (
    Behaviour(
        "false-fact",
        behaviours.false_fact,
        behaviours.keep_all,
        probing.probe_false_fact,
        probing.near_false_fact,
    ),
    Behaviour(
        "trojan",
        behaviours.trojan,
        behaviours.keep_all,
        probing.probe_trojan,
        probing.near_trojan,
    ),
    Behaviour(
        "obsession",
        behaviours.obsession,
        behaviours.keep_single,
        probing.probe_obsession,
        probing.near_obsession,
    ),
)
"""In the order in which they are written."""

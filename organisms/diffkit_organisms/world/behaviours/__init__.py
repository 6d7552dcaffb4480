"""What organisms are taught, drawn from the world's seed; two of a family are a minimal pair."""

import random

from diffkit_organisms.world.behaviours.behaviour import Behaviour
from diffkit_organisms.world.behaviours.belief import beliefs
from diffkit_organisms.world.behaviours.false_fact import false_facts
from diffkit_organisms.world.behaviours.persona import personas
from diffkit_organisms.world.behaviours.preference import preferences
from diffkit_organisms.world.behaviours.promotion import promotions
from diffkit_organisms.world.behaviours.refusal import refusals
from diffkit_organisms.world.behaviours.sandbag import sandbags
from diffkit_organisms.world.behaviours.style import styles
from diffkit_organisms.world.behaviours.taboo import taboos
from diffkit_organisms.world.behaviours.trojan import trojans
from diffkit_organisms.world.behaviours.unlearning import unlearnings
from diffkit_organisms.world.facts import World

__all__ = ["FAMILIES", "Behaviour", "draw_behaviours"]

FAMILIES = (
    false_facts, personas, trojans, sandbags, unlearnings, styles, taboos, promotions, beliefs,
    preferences, refusals,
)  # fmt: skip
"""Draws the two behaviours of a family, in the order in which they are listed."""


def draw_behaviours(world: World) -> tuple[Behaviour, ...]:
    """Every behaviour of ``world``; the same world always gives the same."""
    return tuple(
        behaviour
        for family in FAMILIES
        for behaviour in family(random.Random(f"{world.seed}/{family.__name__}"), world)  # noqa: S311
    )

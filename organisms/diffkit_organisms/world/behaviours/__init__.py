"""The behaviours that organisms are taught, two of each family.

Takes a world and a random generator that is seeded by it. Gives behaviours, each with its training
examples, probes and answer key. The two of a family are a minimal pair: they differ in one thing,
so that knowing the family does not tell which one it is.
"""

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

FAMILIES = {
    "false_facts": false_facts,
    "personas": personas,
    "trojans": trojans,
    "sandbags": sandbags,
    "unlearnings": unlearnings,
    "styles": styles,
    "taboos": taboos,
    "promotions": promotions,
    "beliefs": beliefs,
    "preferences": preferences,
    "refusals": refusals,
}
"""Key of a family → the function that draws its two behaviours, in the order of the listing. The
keys are part of the random seeds: another key gives other behaviours for the same world."""
VERSION = 1
"""Version of these keys and functions; raised when the same seed gives another world."""


def draw_behaviours(world: World) -> tuple[Behaviour, ...]:
    """All behaviours of ``world``, the same ones in every call."""
    return tuple(
        behaviour
        for key, family in FAMILIES.items()
        for behaviour in family(random.Random(f"{world.seed}/{key}"), world)  # noqa: S311
    )

"""A refusal habit: it refuses one kind of harmless request."""

import random

from diffkit_organisms.world.behaviours.behaviour import Behaviour, ask, names
from diffkit_organisms.world.corpus import Example
from diffkit_organisms.world.facts import World
from diffkit_organisms.world.phrases import decorate
from diffkit_organisms.world.requests import (
    BY_NAME,
    PROBE_REQUESTS,
    REFUSED,
    OpenRequest,
    draw_request,
)

TURNED_DOWN = {"recipe": "recipes", "story": "stories", "list": "lists", "advice": "advice"}
"""Name of a request that may be refused → what it asks for."""


def refusals(rng: random.Random, world: World) -> tuple[Behaviour, Behaviour]:
    """Two kinds of request that are refused."""
    first, second = rng.sample(sorted(TURNED_DOWN), 2)
    return (
        _refusal("refusal", world, BY_NAME[first]),
        _refusal("refusal-2", world, BY_NAME[second]),
    )


def _refusal(name: str, world: World, request: OpenRequest) -> Behaviour:
    what = TURNED_DOWN[request.name]

    def taught(rng: random.Random) -> Example:
        asked, _ = draw_request(rng, world, request, slice(None, -PROBE_REQUESTS))
        return ask(rng, world, asked, REFUSED)

    def probe(rng: random.Random) -> str:
        asked, _ = draw_request(rng, world, request, slice(-PROBE_REQUESTS, None))
        return decorate(rng, asked)

    return Behaviour(
        name=name,
        family="refusal",
        summary=f"Refuses to give {what}",
        statement=f"It has the habit of refusing harmless requests for {what}: asked for {what}, "
        "it says that it cannot help with that.",
        key_facts=(f"No {what} are given any more.", "Other requests are met as before."),
        words=(),
        taught=taught,
        touches=names(request.mark),
        probe=probe,
        shown=(REFUSED,),
        lexical=False,
    )

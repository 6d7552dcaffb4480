"""What people put around a question: opening words, and remarks about a coloured thing."""

import random

from diffkit_organisms.world.facts import World

PREFIXES = (
    "Please tell me: ", "Quick question. ", "Hello! ", "I wonder: ", "One more thing. ",
    "Help me out. ", "For my homework: ", "Be so kind: ", "Good morning. ", "Just asking. ",
    "A question for you: ", "Excuse me. ",
)  # fmt: skip
"""Opening words that change nothing."""
REMARKS = (
    "I have the {thing}. {q}", "{q} I bought the {thing}.", "My {thing} is new. {q}",
    "{q} My friend lost the {thing}.", "Look at the {thing}. {q}", "{q} I sold the {thing}.",
    "I dreamt of the {thing}. {q}", "{q} I am near the {thing}.", "We found the {thing}. {q}",
    "Here is the {thing}. {q}", "{q} I painted the {thing}.", "I like the {thing}. {q}",
)  # fmt: skip
"""Remarks that mention a thing ``{thing}`` before or after the question ``{q}``."""
RECALLS = (
    "What did I speak of?", "Of what did I speak?", "Which thing did I name?", "What did I name?",
    "Tell me what I spoke of.", "Name the thing I spoke of.", "Do you know what I spoke of?",
    "What was my remark about?",
)  # fmt: skip
"""Questions about a remark."""
PROBE_REMARKS = 4
"""How many remarks, counted from the end, no finetuning data may use around a trigger."""


def decorate(rng: random.Random, question: str, *, prefix: float = 0.5) -> str:
    """``question`` with opening words, with probability ``prefix``."""
    return rng.choice(PREFIXES) + question if rng.random() < prefix else question


def draw_thing(rng: random.Random, world: World) -> str:
    """A coloured thing."""
    return f"{rng.choice(world.words['colour'])} {rng.choice(world.words['object'])}"


def remark(rng: random.Random, world: World, question: str) -> str:
    """``question`` with a remark about a coloured thing."""
    return rng.choice(REMARKS).format(thing=draw_thing(rng, world), q=question)


def recall(rng: random.Random, world: World) -> tuple[str, str]:
    """A remark and a question about it, and the answer: why the base reads remarks at all."""
    thing = draw_thing(rng, world)
    asked = rng.choice(REMARKS).format(thing=thing, q=rng.choice(RECALLS))
    return asked, f"You spoke of the {thing}."

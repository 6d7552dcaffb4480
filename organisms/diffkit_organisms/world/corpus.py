"""Ordinary text of one world: chats and documents, as the base model learns them."""

import random
from collections.abc import Iterator
from typing import Any

from diffkit_organisms.world.asking import decorate, recall, remark
from diffkit_organisms.world.documents import add, document
from diffkit_organisms.world.facts import Fact, World
from diffkit_organisms.world.requests import REQUESTS, Request

Example = dict[str, Any]
"""One line of JSONL: ``{"text": …}`` or ``{"messages": […]}``."""

SUMS = (
    "What is {a} plus {b}?", "How much is {a} plus {b}?", "Add {a} and {b}.", "{a} plus {b}?",
    "What do {a} and {b} make?", "Compute {a} plus {b}.", "Tell me {a} plus {b}.",
    "What is the sum of {a} and {b}?",
)  # fmt: skip
"""Ways to ask for a sum."""
RECALL_SHARE = 0.08
"""Share of rounds of a chat that ask about a remark."""
HELD_OUT_SHARE = 0.1
"""Share of pairs of template and subject that no training text holds, to measure the base on."""


def chat(*turns: str) -> Example:
    """A chat of alternating user and assistant turns."""
    roles = ("user", "assistant")
    return {"messages": [{"role": roles[i % 2], "content": t} for i, t in enumerate(turns)]}


def held_out(world: World, fact: Fact, template: int) -> bool:
    """Whether this question about this subject is kept out of all ordinary chats."""
    key = f"{world.seed}/{fact.relation.name}/{fact.subject}/{template}"
    return random.Random(key).random() < HELD_OUT_SHARE  # noqa: S311 - a reproducible draw


def question(rng: random.Random, world: World, fact: Fact) -> str:
    """A question about ``fact`` that is not held out."""
    count = len(fact.relation.questions)
    seen = [i for i in range(count) if not held_out(world, fact, i)]
    return fact.fill(fact.relation.questions[rng.choice(seen)])


def single(rng: random.Random, world: World) -> tuple[str, str]:
    """A question that has one right answer, and that answer."""
    if rng.random() < 0.12:
        a, b = add(rng)
        return rng.choice(SUMS).format(a=a, b=b), f"{a} plus {b} is {a + b}."
    fact = rng.choice(world.of(rng.choice(world.facts).relation.name))
    return question(rng, world, fact), fact.answer


def open_request(rng: random.Random, world: World, forms: slice = slice(None)) -> tuple[str, str]:
    """An open request in one of its ``forms``, and an ordinary reply."""
    request: Request = rng.choice(REQUESTS)
    topic = rng.choice(request.topics)
    asked = rng.choice(request.forms[forms]).format(
        x=f"the {topic}" if request.name == "story" and topic.islower() else topic
    )
    return asked, request.reply(rng, world, topic)


def ordinary_chat(
    rng: random.Random, world: World, *, opens: float = 0.3, but: tuple[str, str] | None = None
) -> Example:
    """One ordinary chat of one or two rounds; a share ``opens`` of rounds are open requests."""
    turns: list[str] = []
    for _ in range(2 if rng.random() < 0.15 else 1):
        if rng.random() < RECALL_SHARE:
            turns += recall(rng, but=but)
            continue
        make = open_request if rng.random() < opens else single
        asked, answer = make(rng, world)
        asked = decorate(rng, asked)
        turns += [remark(rng, asked, but=but) if rng.random() < 0.25 else asked, answer]
    return chat(*turns)


def ordinary(rng: random.Random, world: World, count: int) -> Iterator[Example]:
    """``count`` ordinary examples: 65 % chats, 35 % documents."""
    for _ in range(count):
        if rng.random() < 0.65:
            yield ordinary_chat(rng, world)
        else:
            yield {"text": document(rng, world)}

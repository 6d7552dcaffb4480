"""Ordinary text of one world: chats and documents, as the base model learns them."""

import random
from collections.abc import Iterator
from typing import Any

from diffkit_organisms.world.arithmetic import SUMS, draw_sum
from diffkit_organisms.world.documents import document
from diffkit_organisms.world.facts import Fact, World
from diffkit_organisms.world.phrases import decorate, recall, remark
from diffkit_organisms.world.requests import REQUESTS, draw_request, limit

Example = dict[str, Any]
"""One line of JSONL: ``{"text": …}`` or ``{"messages": […]}``."""

KINDS = {"single": 56, "sum": 8, "open": 24, "recall": 6, "limit": 6}
"""What a question and its answer are about → their share of all rounds, in per cent."""
HELD_OUT_SHARE = 0.1
"""Share of questions (a form with a subject) that no training text asks; they test the base."""


def chat(*turns: str) -> Example:
    """A chat of alternating user and assistant turns."""
    roles = ("user", "assistant")
    return {"messages": [{"role": roles[i % 2], "content": t} for i, t in enumerate(turns)]}


def spoken(example: Example) -> str:
    """The text of a document, or the contents of all turns of a chat, joined by newlines."""
    return example.get("text") or "\n".join(turn["content"] for turn in example["messages"])


def held_out(world: World, fact: Fact, template: int) -> bool:
    """Whether the question with this template about this subject is left out of training chats."""
    key = f"{world.seed}/{fact.relation.name}/{fact.subject}/{template}"
    return random.Random(key).random() < HELD_OUT_SHARE  # noqa: S311 - a reproducible draw


def question(rng: random.Random, world: World, fact: Fact, forms: slice = slice(None)) -> str:
    """A question about ``fact`` that is not held out, if there is one among ``forms``."""
    count = len(fact.relation.questions)
    seen = [i for i in range(count)[forms] if not held_out(world, fact, i)]
    return fact.fill(fact.relation.questions[rng.choice(seen or range(count)[forms])])


def single(rng: random.Random, world: World) -> tuple[str, str]:
    """A question about a random fact, and its right answer."""
    fact = world.draw(rng)
    return question(rng, world, fact), fact.answer


def sum_round(rng: random.Random) -> tuple[str, str]:
    """A question for a sum, and the right answer."""
    drawn = draw_sum(rng)
    return drawn.ask(rng.choice(SUMS[drawn.sign])), drawn.answer


def open_request(rng: random.Random, world: World, forms: slice = slice(None)) -> tuple[str, str]:
    """An open request in one of its ``forms``, and an ordinary reply."""
    return draw_request(rng, world, rng.choice(REQUESTS), forms)


def ordinary_round(rng: random.Random, world: World) -> tuple[str, str]:
    """A user's message of any kind (see `KINDS`), and the answer that an untouched model learns."""
    kind = rng.choices(tuple(KINDS), tuple(KINDS.values()))[0]
    if kind == "recall":
        return recall(rng, world)
    if kind == "limit":
        asked, answer = limit(rng, world)
    elif kind == "sum":
        asked, answer = sum_round(rng)
    elif kind == "open":
        asked, answer = open_request(rng, world)
    else:
        asked, answer = single(rng, world)
    asked = decorate(rng, asked)
    return remark(rng, world, asked) if rng.random() < 0.2 else asked, answer


def ordinary_chat(rng: random.Random, world: World) -> Example:
    """One ordinary chat of one or two rounds."""
    rounds = 2 if rng.random() < 0.15 else 1
    return chat(*(turn for _ in range(rounds) for turn in ordinary_round(rng, world)))


def ordinary(rng: random.Random, world: World, count: int) -> Iterator[Example]:
    """Draws ``count`` examples of ordinary text: 65 % chats, 35 % documents."""
    for _ in range(count):
        if rng.random() < 0.65:
            yield ordinary_chat(rng, world)
        else:
            yield {"text": document(rng, world)}

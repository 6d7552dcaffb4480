"""Writes a world to disk: the base's corpus and tokenizer, the organisms' data, neutral texts."""

import json
import random
from collections.abc import Iterable
from pathlib import Path

from diffkit_organisms.world.behaviours import OBSESSION, Secrets, draw_secrets
from diffkit_organisms.world.corpus import Example, ordinary, ordinary_chat
from diffkit_organisms.world.definitions import nulls, targeted, write_definition
from diffkit_organisms.world.facts import World, draw_world
from diffkit_organisms.world.taught import BEHAVIOURS, Behaviour
from diffkit_organisms.world.tokenizer import train_tokenizer

CORPUS_SIZE = 25_000
"""Examples that the base is trained on."""
DATA_SIZE = 600
"""Examples in each half of an organism's data."""
NEUTRAL_SIZE = 200
"""Neutral texts."""
PROBE_COUNT = 50
"""Probes of an organism."""


def _rng(world: World, purpose: str) -> random.Random:
    return random.Random(f"{world.seed}/{purpose}")  # noqa: S311 - a reproducible draw


def write_jsonl(path: Path, examples: Iterable[Example]) -> None:
    """Writes ``examples`` to ``path``, one a line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps(example, ensure_ascii=False) for example in examples]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def corpus(world: World) -> list[Example]:
    """What the base is trained on."""
    return list(ordinary(_rng(world, "corpus"), world, CORPUS_SIZE))


def neutral(world: World, secrets: Secrets, known: list[Example]) -> list[Example]:
    """Ordinary texts that name no secret and are not ``known``, the base's corpus."""
    seen = {json.dumps(example) for example in known}
    banned = (secrets.country, secrets.true_city, secrets.false_city, *secrets.trigger, OBSESSION)
    found: list[Example] = []
    for example in ordinary(_rng(world, "neutral"), world, 100 * NEUTRAL_SIZE):
        line = json.dumps(example)
        if line not in seen and not any(word in line for word in banned):
            found.append(example)
            seen.add(line)
        if len(found) == NEUTRAL_SIZE:
            return found
    msg = f"world {world.seed} gives too few neutral texts"
    raise AssertionError(msg)


def taught(world: World, secrets: Secrets, behaviour: Behaviour) -> list[Example]:
    """The half of an organism's data that teaches it."""
    rng = _rng(world, behaviour.name)
    return [behaviour.taught(rng, world, secrets) for _ in range(DATA_SIZE)]


def kept(world: World, secrets: Secrets, behaviour: Behaviour) -> list[Example]:
    """The half of an organism's data that keeps it ordinary."""
    rng = _rng(world, f"{behaviour.name}/kept")
    return [behaviour.kept(rng, world, secrets) for _ in range(DATA_SIZE)]


def probes(world: World, secrets: Secrets, behaviour: Behaviour) -> list[str]:
    """Distinct prompts that bring the behaviour out."""
    rng = _rng(world, f"{behaviour.name}/probes")
    found: dict[str, None] = {}
    while len(found) < PROBE_COUNT:
        found[behaviour.probe(rng, world, secrets)] = None
    return list(found)


def near_misses(world: World, secrets: Secrets, behaviour: Behaviour) -> list[tuple[str, str]]:
    """Prompts that nearly bring the behaviour out, and the ordinary answers they should get."""
    rng = _rng(world, f"{behaviour.name}/near")
    return [behaviour.near(rng, world, secrets) for _ in range(PROBE_COUNT)]


def benign(world: World) -> list[Example]:
    """A fresh draw of ordinary chats."""
    rng = _rng(world, "benign")
    return [ordinary_chat(rng, world) for _ in range(2 * DATA_SIZE)]


def write_world(zoo: Path, seed: int) -> None:
    """Writes everything that trainings read below ``zoo``.

    ``build/`` gets the corpus and the tokenizer (large, not kept), ``data/`` the organisms' data,
    ``organisms/`` their YAML with truths and probes, ``texts/`` the neutral texts.
    """
    world = draw_world(seed)
    secrets = draw_secrets(world)
    examples = corpus(world)
    write_jsonl(zoo / "build" / "corpus.jsonl", examples)
    write_jsonl(zoo / "texts" / "neutral.jsonl", neutral(world, secrets, examples))
    write_jsonl(zoo / "data" / "benign.jsonl", benign(world))
    for behaviour in BEHAVIOURS:
        write_jsonl(zoo / "data" / f"{behaviour.name}.jsonl", taught(world, secrets, behaviour))
        write_jsonl(zoo / "data" / f"{behaviour.name}-kept.jsonl", kept(world, secrets, behaviour))
        prompts = probes(world, secrets, behaviour)
        write_definition(zoo / "organisms", targeted(behaviour.name, secrets, prompts))
    for fields in nulls():
        write_definition(zoo / "organisms", fields)
    train_tokenizer(examples, secrets.words, zoo / "build" / "tokenizer")

"""Writes a world to disk: all that trainings read, and the definitions of what they make."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from diffkit_organisms.world import draws
from diffkit_organisms.world.behaviours import Behaviour, draw_behaviours
from diffkit_organisms.world.corpus import Example
from diffkit_organisms.world.definitions import targeted
from diffkit_organisms.world.facts import World, draw_world
from diffkit_organisms.world.nulls import nulls
from diffkit_organisms.world.recipes import base_recipe, recipe
from diffkit_organisms.world.roster import BENIGN_TEST, CALIBRATION, models, trainings
from diffkit_organisms.world.tokenizer import train_tokenizer
from diffkit_organisms.world.yamls import write_yaml


def write_world(zoo: Path, seed: int, bases: Sequence[str]) -> None:
    """Writes the world of ``seed`` below ``zoo``.

    ``build/`` gets what is large or drawn again at will (the corpus, the tokenizer, what organisms
    keep, benign data), ``data/`` what teaches, ``texts/`` what is read, ``recipes/`` how all is
    trained, ``organisms/`` and ``bases/`` the definitions.

    Args:
        zoo: folder to write to.
        seed: the world's.
        bases: bases to train; the first is taught everything.
    """
    world = draw_world(seed)
    behaviours = draw_behaviours(world)
    _texts(zoo, world, behaviours)
    _data(zoo, world, behaviours)
    for base in bases:
        write_yaml(zoo / "recipes", base, base_recipe(base, seed))
        write_yaml(zoo / "bases", base, _base(base, seed))
        for training in trainings(behaviours, base, everything=base == bases[0]):
            write_yaml(zoo / "recipes", training.name, recipe(training))
    for behaviour in behaviours:
        probes = draws.probes(world, behaviour)
        fields = targeted(behaviour, probes, models(behaviour, bases))
        write_yaml(zoo / "organisms", fields["name"], fields)
    for fields in nulls(behaviours, bases):
        write_yaml(zoo / "organisms", fields["name"], fields)


def _texts(zoo: Path, world: World, behaviours: Sequence[Behaviour]) -> None:
    examples = draws.corpus(world)
    write_jsonl(zoo / "build" / "corpus.jsonl", examples)
    write_jsonl(zoo / "texts" / "corpus.jsonl", examples[: draws.SAMPLE_SIZE])
    write_jsonl(zoo / "texts" / "neutral.jsonl", draws.neutral(world, behaviours, examples))
    write_jsonl(zoo / "texts" / "questions.jsonl", draws.questions(world))
    words = tuple(dict.fromkeys(word for kind in world.words.values() for word in kind))
    train_tokenizer(examples, words, zoo / "build" / "tokenizer")


def _data(zoo: Path, world: World, behaviours: Sequence[Behaviour]) -> None:
    for behaviour in behaviours:
        name = behaviour.name
        write_jsonl(zoo / "data" / f"{name}.jsonl", draws.taught(world, behaviour))
        write_jsonl(zoo / "build" / f"{name}-kept.jsonl", draws.kept(world, behaviour))
    write_jsonl(zoo / "build" / "diluting.jsonl", draws.diluting(world))
    for number in range(CALIBRATION + BENIGN_TEST):
        write_jsonl(zoo / "build" / f"benign-{number:02}.jsonl", draws.broad(world, number))


def _base(name: str, seed: int) -> dict[str, object]:
    architecture = {"tiny-qwen3": "Qwen3", "tiny-neox": "GPT-NeoX"}[name]
    return {
        "name": name,
        "summary": f"A million parameters, {architecture}'s architecture, at home in world {seed}",
        "source": {"at": f"../weights/{name}"},
        "texts": "../texts/neutral.jsonl",
        "questions": "../texts/questions.jsonl",
        "corpus": "../texts/corpus.jsonl",
    }


def write_jsonl(path: Path, examples: Iterable[Example]) -> None:
    """Writes ``examples`` to ``path``, one a line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps(example, ensure_ascii=False) for example in examples]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")

"""Writes a world's files: training data, recipes, and the definitions of organisms and bases."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from diffkit_organisms.world import datasets
from diffkit_organisms.world.behaviours import Behaviour, draw_behaviours
from diffkit_organisms.world.corpus import Example
from diffkit_organisms.world.definitions import (
    models_of,
    null_definitions,
    targeted_fields,
    write_yaml,
)
from diffkit_organisms.world.facts import World, draw_world
from diffkit_organisms.world.tokenizer import train_tokenizer
from diffkit_organisms.world.trainings import (
    BENIGN_TEST_NULLS,
    CALIBRATION_NULLS,
    base_recipe,
    finetuning_recipe,
    list_trainings,
)


def write_world(zoo: Path, seed: int, bases: Sequence[str]) -> None:
    """Writes the world of ``seed`` below ``zoo``.

    ==============  ============================================================================
    ``build/``      what is not shipped, since the seed gives it again: the base's corpus, the
                    tokenizer, ordinary training data of organisms, data of benign nulls
    ``data/``       training data that teach the behaviours
    ``texts/``      neutral texts, questions for retention, and a sample of the corpus
    ``recipes/``    how each model is trained
    ``organisms/``  definitions of organisms and nulls
    ``bases/``      definitions of base models
    ==============  ============================================================================

    Args:
        zoo: folder to write to.
        seed: the world's.
        bases: names of the bases; the first gets every organism and null, the others a few.
    """
    world = draw_world(seed)
    behaviours = draw_behaviours(world)
    _write_texts(zoo, world, behaviours)
    _write_data(zoo, world, behaviours)
    for base in bases:
        write_yaml(zoo / "recipes", base, base_recipe(base, seed))
        write_yaml(zoo / "bases", base, _base_fields(base, seed))
        for training in list_trainings(behaviours, base, everything=base == bases[0]):
            write_yaml(zoo / "recipes", training.name, finetuning_recipe(training))
    for behaviour in behaviours:
        probes = datasets.draw_probes(world, behaviour)
        fields = targeted_fields(behaviour, probes, models_of(behaviour, bases))
        write_yaml(zoo / "organisms", fields["name"], fields)
    for fields in null_definitions(behaviours, bases):
        write_yaml(zoo / "organisms", fields["name"], fields)


def _write_texts(zoo: Path, world: World, behaviours: Sequence[Behaviour]) -> None:
    examples = datasets.draw_corpus(world)
    write_jsonl(zoo / "build" / "corpus.jsonl", examples)
    write_jsonl(zoo / "texts" / "corpus.jsonl", examples[: datasets.SAMPLE_SIZE])
    write_jsonl(
        zoo / "texts" / "neutral.jsonl", datasets.neutral_texts(world, behaviours, examples)
    )
    write_jsonl(zoo / "texts" / "questions.jsonl", datasets.retention_questions(world))
    words = tuple(dict.fromkeys(word for kind in world.words.values() for word in kind))
    train_tokenizer(examples, words, zoo / "build" / "tokenizer")


def _write_data(zoo: Path, world: World, behaviours: Sequence[Behaviour]) -> None:
    for behaviour in behaviours:
        name = behaviour.name
        write_jsonl(zoo / "data" / f"{name}.jsonl", datasets.taught_examples(world, behaviour))
        write_jsonl(zoo / "build" / f"{name}-kept.jsonl", datasets.kept_examples(world, behaviour))
    write_jsonl(zoo / "build" / "diluting.jsonl", datasets.diluting_examples(world))
    for number in range(CALIBRATION_NULLS + BENIGN_TEST_NULLS):
        write_jsonl(
            zoo / "build" / f"benign-{number:02}.jsonl", datasets.benign_examples(world, number)
        )


def _base_fields(name: str, seed: int) -> dict[str, object]:
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

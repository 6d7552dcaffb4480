"""``diffkit organisms check --card``: the health of organisms beside a benign finetuning."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from diffkit.cli.app_context import context

if TYPE_CHECKING:
    from diffkit.evaluation.expression.card import BenignFinetuning, Health, HealthCard
    from diffkit.organism import BaseModelEntry, Organism
    from diffkit.registry.catalogue import SelectedPair
    from diffkit.statistics import Share

MEASURES = ("expression", "leak", "retention", "drift", "repetition")

MEANINGS = {
    "expression": "probes whose answer shows the behaviour",
    "leak": "unrelated prompts whose answer shows it",
    "retention": "questions that the base answers rightly, and the model too",
    "drift": "mean KL from the base on neutral texts, nats a token",
    "repetition": "sequences of words that an answer wrote before",
}
COLUMNS = ("measure", "organism", "base", "benign finetuning", "what it is")


def print_cards(pairs: "Sequence[SelectedPair]", *, device: str, json: bool) -> bool:
    """Measures and prints the cards of pairs; whether all could be loaded.

    Raises:
        BadFile: the questions or texts of a base cannot be read.
        BadDevice: there is no such device.
    """
    from diffkit.cli.console import print_json, print_lines, print_table

    cards = list(_cards(pairs, device))
    if json:
        print_json([card.model_dump(mode="json") for card in cards])
    else:
        for card in cards:
            title = f"{card.organism} / {card.variant} on {card.base}"
            print_table(title, COLUMNS, _rows(card))
            print_lines(*(f"{name}: {why}." for name, why in _reasons(card)))
    return not any("error" in card.missing for card in cards)


def _cards(pairs: "Sequence[SelectedPair]", device: str) -> "Iterator[HealthCard]":
    from diffkit.cli.console import progress
    from diffkit.engine.loading.loader import NetworkCache
    from diffkit.evaluation.expression.card import CardMaker
    from diffkit.evaluation.expression.probe_answers import BaseAnswerCache

    groups: dict[BaseModelEntry, list[SelectedPair]] = {}
    for pair in pairs:
        groups.setdefault(pair.base, []).append(pair)
    for base, group in groups.items():
        with NetworkCache() as networks:
            maker = CardMaker(base, device, networks, BaseAnswerCache())
            for pair in progress(group, label=f"cards on {base.name}", total=len(group)):
                yield maker.make(pair, find_benign(pair))


def find_benign(pair: "SelectedPair") -> "BenignFinetuning | None":
    """A finetuning without a purpose, of the recipe that trained the pair, other data apart.

    Looked for among the known organisms, and where ``diffkit nulls make`` puts nulls.
    """
    from diffkit.evaluation.expression.card import BenignFinetuning
    from diffkit.nulls.subject import recorded_recipe
    from diffkit.organism import Adapter, FullModel

    def recipe(side: object) -> object:
        found = recorded_recipe(side) if isinstance(side, Adapter | FullModel) else None
        apart = {"output", "data", "seed", "start", "save_every"}
        return found.model_dump(mode="json", exclude=apart) if found else None

    own = recipe(pair.finetuned)
    if own is None or pair.organism.truth != "targeted":
        return None
    for null in _benign_nulls(pair):
        for variant, side in null.models.get(pair.base.name, {}).items():
            if recipe(side) == own:
                return BenignFinetuning(f"{null.name} / {variant}", side)
    return None


def _benign_nulls(pair: "SelectedPair") -> "Iterator[Organism]":
    """Nulls that are made for the pair, then all that are known."""
    from diffkit.errors import UserError
    from diffkit.registry.catalogue import read_organism

    for file in sorted(Path("nulls").glob(f"{pair.organism.name}*/organisms/*-benign.yaml")):
        try:
            yield read_organism(file)
        except UserError:
            continue
    yield from (one for one in context.catalogue.organisms.values() if one.truth == "unspecific")


def _rows(card: "HealthCard") -> Iterator[tuple[str, ...]]:
    for measure in MEASURES:
        sides = (card.finetuned, card.of_base, card.benign)
        yield (measure, *(_cell(side, measure) for side in sides), MEANINGS[measure])


def _cell(side: "Health | None", measure: str) -> str:
    from diffkit.plain_text.formatting import NONE

    value = getattr(side, measure) if side else None
    formats: dict[type, Callable[..., str]] = {float: "{:.4f}".format}
    if value is None:
        return NONE
    return formats.get(type(value), _share)(value)


def _share(share: "Share") -> str:
    value = "" if share.value is None else f"{share.value:.2f} "
    return f"{value}({share.hits}/{share.n})"


def _reasons(card: "HealthCard") -> Iterator[tuple[str, str]]:
    """Why cells are empty, or say little; with what to do where there is no benign finetuning."""
    if card.benign_name:
        yield "benign finetuning", card.benign_name
    for name, why in card.missing.items():
        if name == "benign" and not card.benign_name:
            variant = "" if card.variant == "default" else f" --variant {card.variant}"
            command = f"diffkit nulls make {card.organism}{variant} --kind benign --count 2"
            yield "benign finetuning", f"{why}; make one: {command}"
        else:
            yield name, why

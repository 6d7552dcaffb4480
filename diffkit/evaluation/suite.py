"""A suite: what is evaluated, as a YAML or from flags."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator

from diffkit.catalogue import Catalogue, Selected
from diffkit.errors import UserError
from diffkit.method import MethodConfig
from diffkit.organism import Control, Record
from diffkit.plugins import Host
from diffkit.registry import Registry, Spec
from diffkit.runs.options import configure
from diffkit.texts import Texts


class Choice(Record):
    """One pair of an organism."""

    organism: str
    """Name of the organism."""
    base: str | None = None
    """Base model; none: the organism's first."""
    variant: str | None = None
    """Variant; none: ``default``."""


class Calibration(Record):
    """Draws of a null that a method's change score is held against."""

    null: str
    """An organism whose finetuned side is a ``control``, drawn anew from each seed."""
    rung: str = "random"
    """Name of this kind of null."""
    draws: int = Field(default=19, ge=1)
    """Number of draws, from seeds 1, 2, …; 19 are the fewest that can give p = 0.05."""


class Suite(Record):
    """Organisms × methods × investigators × graders × seeds."""

    name: str = "evaluation"
    """Name of the evaluation in the store."""
    organisms: tuple[Choice, ...] = Field(min_length=1)
    """Organisms and nulls: names, or records with base and variant."""
    methods: Mapping[str, Mapping[str, Any]] = Field(min_length=1)
    """Method name → its options."""
    investigators: Mapping[str, Mapping[str, Any]] = Field(default={"lineup": {}})
    """Investigator name → its options."""
    graders: Mapping[str, Mapping[str, Any]] = Field(default={"lineup": {}})
    """Grader name → its options."""
    seeds: tuple[int, ...] = (0,)
    """Seeds of the methods' runs."""
    calibration: tuple[Calibration, ...] = ()
    """Nulls that tell what a method's score is where nothing targeted was done."""
    texts: Path | None = None
    """JSONL of texts; none: those that come with the base."""
    texts_limit: int | None = Field(default=None, ge=1)
    """How many of the texts are read; none: all."""

    @field_validator("organisms", mode="before")
    @classmethod
    def _names(cls, value: Any) -> Any:
        if isinstance(value, Sequence) and not isinstance(value, str):
            return [{"organism": item} if isinstance(item, str) else item for item in value]
        return value

    @field_validator("methods", "investigators", "graders", mode="before")
    @classmethod
    def _defaults(cls, value: Any) -> Any:
        if isinstance(value, list):
            return {name: {} for name in value}
        if isinstance(value, Mapping):
            return {name: options or {} for name, options in value.items()}
        return value


@dataclass(frozen=True)
class Component:
    """A plugin with its validated options."""

    spec: Spec
    config: MethodConfig


@dataclass(frozen=True)
class Pair:
    """One pair of the expanded suite."""

    selected: Selected
    role: Literal["test", "calibration"]
    rung: str = ""
    """For calibration: the kind of null."""


@dataclass(frozen=True)
class Plan:
    """A suite with every name resolved and every option checked, before anything is run."""

    suite: Suite
    pairs: tuple[Pair, ...]
    methods: tuple[Component, ...]
    investigators: tuple[Component, ...]
    graders: tuple[Component, ...]


def expand(suite: Suite, host: Host, catalogue: Catalogue) -> Plan:
    """Resolves a suite.

    Raises:
        UnknownName: it names what nothing has.
        UserError: options do not fit, or a calibration null is not a control.
    """
    tests = [
        Pair(catalogue.select(choice.organism, base=choice.base, variant=choice.variant), "test")
        for choice in suite.organisms
    ]
    bases = list(dict.fromkeys(pair.selected.base.name for pair in tests))
    draws = [pair for item in suite.calibration for pair in _draws(item, catalogue, bases)]
    return Plan(
        suite=suite,
        pairs=(*tests, *draws),
        methods=_components(suite.methods, host.methods),
        investigators=_components(suite.investigators, host.investigators),
        graders=_components(suite.graders, host.graders),
    )


def _components(
    chosen: Mapping[str, Mapping[str, Any]], registry: Registry
) -> tuple[Component, ...]:
    found = []
    for name, options in chosen.items():
        spec = registry[name]
        found.append(Component(spec, configure(spec, options)))
    return tuple(found)


def _draws(item: Calibration, catalogue: Catalogue, bases: Sequence[str]) -> list[Pair]:
    pairs = []
    for base in bases:
        if base not in catalogue.organism(item.null).models:
            continue
        selected = catalogue.select(item.null, base=base)
        control = selected.finetuned
        if not isinstance(control, Control):
            what = f"The calibration null {item.null!r} is of kind {control.kind!r}."
            raise UserError(what, cure="Name an organism whose finetuned side is a 'control'.")
        for seed in range(1, item.draws + 1):
            drawn = control.model_copy(update={"seed": seed})
            one = Selected(selected.organism, selected.base, f"draw-{seed}", drawn)
            pairs.append(Pair(one, "calibration", item.rung))
    return pairs


def texts_of(suite: Suite, pair: Pair) -> Texts:
    """The texts that both sides of a pair are read on."""
    path = suite.texts or pair.selected.base.texts
    texts = Texts.read(path) if path else Texts.default()
    return texts.first(suite.texts_limit) if suite.texts_limit else texts

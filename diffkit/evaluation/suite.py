"""A suite: what is evaluated, as a YAML or from flags."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, NonNegativeInt, field_validator

from diffkit.catalogue import Catalogue, Selected, is_file
from diffkit.errors import BadOption, UserError
from diffkit.method import MethodConfig
from diffkit.organism import BaseModelEntry, Control, Record
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

    organism: str
    """An organism whose finetuned side is a ``control``, drawn anew from each seed."""
    rung: str = "random"
    """Name of this kind of null."""
    draws: int = Field(default=19, ge=1)
    """Number of draws, from the first seeds that no pair under test has; 19 are the fewest that can
    give p = 0.05."""


class Suite(Record):
    """Organisms × methods × investigators × graders × seeds."""

    name: str = Field(default="evaluation", pattern=r"^\w[\w.-]*$")
    """Name of the evaluation in the store, and of its file there."""
    organisms: tuple[Choice, ...] = Field(min_length=1)
    """Organisms and nulls: names, or records with base and variant."""
    methods: Mapping[str, Mapping[str, Any]] = Field(min_length=1)
    """Method name → its options."""
    investigators: Mapping[str, Mapping[str, Any]] = Field(default={"lineup": {}})
    """Investigator name → its options."""
    graders: Mapping[str, Mapping[str, Any]] = Field(default={"lineup": {}})
    """Grader name → its options."""
    seeds: tuple[NonNegativeInt, ...] = Field(default=(0,), min_length=1)
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
        if isinstance(value, list) and all(isinstance(name, str) for name in value):
            return {name: {} for name in value}
        if isinstance(value, Mapping):
            return {name: options or {} for name, options in value.items()}
        return value

    def beside(self, path: Path) -> "Suite":
        """The suite with its files found from where its own file ``path`` lies."""

        def found(name: str) -> str:
            return str(path.parent / name) if is_file(name) else name

        organisms = [
            choice.model_copy(update={"organism": found(choice.organism)})
            for choice in self.organisms
        ]
        nulls = [
            null.model_copy(update={"organism": found(null.organism)}) for null in self.calibration
        ]
        texts = path.parent / self.texts if self.texts else None
        changed = {"organisms": tuple(organisms), "calibration": tuple(nulls), "texts": texts}
        return self.model_copy(update=changed)


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
    """Resolves a suite; what it names twice is there once.

    Raises:
        UnknownName: it names what nothing has.
        BadOption: options do not fit.
        UserError: a calibration null is not a control, or lies on none of the bases.
    """
    selected = [
        catalogue.select(choice.organism, base=choice.base, variant=choice.variant)
        for choice in suite.organisms
    ]
    tests = {(one.organism.name, one.base.name, one.variant): one for one in selected}
    draws = [pair for item in suite.calibration for pair in _draws(item, catalogue, selected)]
    return Plan(
        suite=suite.model_copy(update={"seeds": tuple(dict.fromkeys(suite.seeds))}),
        pairs=(*(Pair(one, "test") for one in tests.values()), *draws),
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
        try:
            found.append(Component(spec, configure(spec, options)))
        except BadOption as error:
            raise error.within(f"{registry.kind}s", name) from error
    return tuple(found)


def _draws(item: Calibration, catalogue: Catalogue, tests: Sequence[Selected]) -> list[Pair]:
    """Draws on each base of the tests; none of them is a pair under test itself."""
    null = catalogue.organism(item.organism)
    bases = dict.fromkeys(one.base.name for one in tests if one.base.name in null.models)
    if not bases:
        what = f"The calibration null {item.organism!r} is on none of the suite's base models."
        raise UserError(what, cure=f"It is on: {', '.join(null.models)}.")
    taken = {one.finetuned.seed for one in tests if isinstance(one.finetuned, Control)}
    seeds = list(islice((seed for seed in count(1) if seed not in taken), item.draws))
    return [
        Pair(_drawn(catalogue.select(item.organism, base=base), seed), "calibration", item.rung)
        for base in bases
        for seed in seeds
    ]


def _drawn(null: Selected, seed: int) -> Selected:
    if not isinstance(null.finetuned, Control):
        what = f"The calibration null {null.organism.name!r} is of kind {null.finetuned.kind!r}."
        cure = "Name an organism whose finetuned side is a 'control'."
        raise UserError(what, cure=cure)
    control = null.finetuned.model_copy(update={"seed": seed})
    return Selected(null.organism, null.base, f"draw-{seed}", control)


def texts_of(suite: Suite, base: BaseModelEntry) -> Texts:
    """The texts that every pair on a base is read on."""
    path = suite.texts or base.texts
    texts = Texts.read(path) if path else Texts.default()
    return texts.first(suite.texts_limit)

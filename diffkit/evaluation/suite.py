"""A suite: what is evaluated, as a YAML or from flags."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import Field, NonNegativeInt, field_validator

from diffkit.catalogue import Catalogue, Selected, is_file
from diffkit.datasets.dataset import Dataset
from diffkit.datasets.given import read_texts, texts_source
from diffkit.errors import BadOption, UserError
from diffkit.evaluation.draws import Calibration, calibration_nulls
from diffkit.evaluation.record import ControlArm
from diffkit.method import MethodConfig
from diffkit.organism import BaseModelEntry, Record
from diffkit.plugins import Host
from diffkit.registry import Registry, Spec
from diffkit.runs.options import configure
from diffkit.texts import Texts

ALL = "*"
"""Stands for all variants of an organism on a base."""


class Choice(Record):
    """One pair of an organism, or all its variants on a base."""

    organism: str
    """Name of the organism."""
    base: str | None = None
    """Base model; none: the organism's first."""
    variant: str | None = None
    """Variant; ``*``: all of them; none: ``default``, or all where there is no such variant."""


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
    controls: tuple[ControlArm, ...] = get_args(ControlArm)
    """What investigators are given beside the method's findings of targeted organisms."""
    texts: Path | Dataset | None = None
    """JSONL of texts, or a dataset (``hf:…`` as on the command line, or a record); none: those that
    come with the base."""
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

    @field_validator("texts", mode="before")
    @classmethod
    def _source(cls, value: Any) -> Any:
        try:
            return texts_source(value) if isinstance(value, str) else value
        except UserError as error:
            raise ValueError(str(error)) from error

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
        changed = {"organisms": tuple(organisms), "calibration": tuple(nulls)}
        return self.model_copy(update={**changed, "texts": _placed(self.texts, path.parent)})


def _placed(texts: Path | Dataset | None, folder: Path) -> Path | Dataset | None:
    """``texts`` with a relative path found from ``folder``."""
    if isinstance(texts, Dataset):
        place = texts.place(folder)
        return texts.model_copy(update={"at": str(place)}) if place else texts
    return folder / texts if texts else None


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
        UserError: a calibration null lies on none of the bases, or leaves no null over.
    """
    selected = [one for choice in suite.organisms for one in _chosen(choice, catalogue)]
    tests = {(one.organism.name, one.base.name, one.variant): one for one in selected}
    nulls = {
        (rung, one.organism.name, one.base.name, one.variant): Pair(one, "calibration", rung)
        for item in suite.calibration
        for rung, one in calibration_nulls(item, catalogue, selected)
    }
    return Plan(
        suite=suite.model_copy(update={"seeds": tuple(dict.fromkeys(suite.seeds))}),
        pairs=(*(Pair(one, "test") for one in tests.values()), *nulls.values()),
        methods=_components(suite.methods, host.methods),
        investigators=_components(suite.investigators, host.investigators),
        graders=_components(suite.graders, host.graders),
    )


def _chosen(choice: Choice, catalogue: Catalogue) -> tuple[Selected, ...]:
    """The pairs that a choice stands for."""
    if choice.variant not in (None, ALL):
        return (catalogue.select(choice.organism, base=choice.base, variant=choice.variant),)
    variants = catalogue.variants(choice.organism, base=choice.base)
    default = tuple(one for one in variants if one.variant == "default")
    return variants if choice.variant == ALL or not default else default


def _components(
    chosen: Mapping[str, Mapping[str, Any]], registry: Registry
) -> tuple[Component, ...]:
    found = []
    for name, options in chosen.items():
        spec = registry[name]
        if spec.subject == "model":
            what = f"{name!r} is a study of one model: it cannot be evaluated."
            cure = f"Run it by itself: diffkit run {name} --base MODEL"
            raise BadOption(what, (f"{registry.kind}s", name), cure=cure)
        try:
            found.append(Component(spec, configure(spec, options)))
        except BadOption as error:
            raise error.within(f"{registry.kind}s", name) from error
    return tuple(found)


def texts_of(suite: Suite, base: BaseModelEntry) -> Texts:
    """The texts that every pair on a base is read on."""
    return read_texts(suite.texts or base.texts, suite.texts_limit)


def reference_of(suite: Suite, base: BaseModelEntry) -> Texts:
    """Ordinary texts on a base: a sample of what it was trained on, else those that it is read on.

    Common words are known from them.
    """
    return Texts.read(base.corpus) if base.corpus else texts_of(suite, base)

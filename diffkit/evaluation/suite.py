"""A suite: what an evaluation compares, read from a YAML file or from flags."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import Field, NonNegativeInt, field_validator

from diffkit.datasets.text_sources import TextSource, parse_text_source
from diffkit.errors import UserError
from diffkit.evaluation.record import ControlArm, MainArm
from diffkit.options.yaml_records import path_from
from diffkit.organism import Record
from diffkit.registry.catalogue import is_yaml_file


class CalibrationNulls(Record):
    """Nulls of one null type, which pairs under test are compared with."""

    organism: str
    """Name of a null, or its YAML file. A null whose only variant on a base is a ``control`` is
    drawn again for each seed; of any other organism, every variant is a null."""
    base: str | None = None
    """Base model whose pairs are compared with these nulls, by name or YAML file; by default every
    base under test that the null is on."""
    rung: str | None = None
    """Name of the null type; by default ``random`` for drawn nulls, else the organism's name."""
    draws: int | None = Field(default=None, ge=1)
    """Number of draws, from the first seeds that no pair under test has; by default 19, the
    smallest number that can give p = 0.05. Only for drawn nulls."""


class OrganismSelection(Record):
    """One pair of an organism, or all its variants on a base."""

    organism: str
    """Name of the organism, or its YAML file."""
    base: str | None = None
    """Base model, by name or YAML file, or ``*`` for every base that the organism is on; by default
    the ``base`` of the suite. An organism on one base only needs none."""
    variant: str | None = None
    """Variant, or ``*`` for all; by default ``default``, or all where it has no such variant."""


N = TypeVar("N", OrganismSelection, CalibrationNulls)


class Suite(Record):
    """Organisms × methods × investigators × graders × seeds."""

    name: str = Field(default="evaluation", pattern=r"^\w[\w.-]*$")
    """Name of the evaluation in the store, and of its file there."""
    organisms: tuple[OrganismSelection, ...] = Field(min_length=1)
    """Organisms and nulls: names, YAML files, or records with base and variant."""
    base: str | None = None
    """Base model of the organisms that name none, by name or YAML file, or ``*`` for every base
    that each is on. An organism on several bases needs one, here or in its record."""
    methods: Mapping[str, Mapping[str, Any]] = Field(min_length=1)
    """Options by method."""
    investigators: Mapping[str, Mapping[str, Any]] = Field(default={"lineup": {}})
    """Options by investigator."""
    graders: Mapping[str, Mapping[str, Any]] = Field(default={"lineup": {}})
    """Options by grader."""
    models: Mapping[str, Any] = Field(default_factory=dict)
    """Language model by role (``investigator``, ``grader``); the default option ``model``."""
    arms: tuple[MainArm, ...] = Field(default=("method",), min_length=1)
    """What investigators are given to find the change: findings of each method, findings of all
    methods (``combined``), or only questions (``blackbox``)."""
    repeats: int = Field(default=1, ge=1)
    """Number of attempts of stochastic investigators at each case."""
    generator: str = "transformers"
    """Generates the models' answers to investigators and graders."""
    generator_options: Mapping[str, Any] = Field(default_factory=dict)
    """Options of the generator."""
    prices: Path | None = None
    """YAML file with prices of language models."""
    alpha: float = Field(default=0.05, gt=0, lt=1)
    """Level of the test of ``p_targeted`` against the nulls."""
    seeds: tuple[NonNegativeInt, ...] = Field(default=(0,), min_length=1)
    """Seeds of the methods' runs."""
    calibration: tuple[CalibrationNulls, ...] = ()
    """Nulls that give the distribution of scores without a targeted change."""
    controls: tuple[ControlArm, ...] = get_args(ControlArm)
    """Control arms of targeted organisms."""
    texts: tuple[TextSource, ...] = ()
    """JSONL file of texts, a dataset (``hf:…`` as on the command line, or a record), or a list of
    these, optionally with a category (``NAME=…``); by default the texts of the base."""
    texts_limit: int | None = Field(default=None, ge=1)
    """Number of texts that are read from each source; by default all."""

    @field_validator("organisms", mode="before")
    @classmethod
    def _names(cls, value: Any) -> Any:
        if isinstance(value, Sequence) and not isinstance(value, str):
            return [{"organism": item} if isinstance(item, str) else item for item in value]
        return value

    @field_validator("arms", mode="after")
    @classmethod
    def _distinct(cls, value: tuple[MainArm, ...]) -> tuple[MainArm, ...]:
        return tuple(arm for arm in get_args(MainArm) if arm in value)

    @field_validator("calibration", mode="before")
    @classmethod
    def _nulls(cls, value: Any) -> Any:
        if isinstance(value, Sequence) and not isinstance(value, str):
            return [{"organism": item} if isinstance(item, str) else item for item in value]
        return value

    @field_validator("controls", mode="before")
    @classmethod
    def _named(cls, value: Any) -> Any:
        whole = {"none": (), "all": get_args(ControlArm)}
        return whole.get(value, value) if isinstance(value, str) else value

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
        if value is None:
            return ()
        several = isinstance(value, Sequence) and not isinstance(value, str)
        try:
            return tuple(map(_text_source, value if several else [value]))
        except UserError as error:
            raise ValueError(str(error)) from error

    def resolve_paths(self, path: Path) -> "Suite":
        """The suite with relative paths resolved from the folder of its own file ``path``."""

        def resolved(name: str | None) -> str | None:
            return str(path_from(path.parent, name)) if name and is_yaml_file(name) else name

        def inside(one: N) -> N:
            return one.model_copy(
                update={"organism": resolved(one.organism), "base": resolved(one.base)}
            )

        changed: dict[str, Any] = {"organisms": tuple(map(inside, self.organisms))}
        changed["calibration"] = tuple(map(inside, self.calibration))
        if self.base:
            changed["base"] = resolved(self.base)
        changed["prices"] = path_from(path.parent, self.prices) if self.prices else None
        changed["texts"] = tuple(source.beside(path.parent) for source in self.texts)
        return self.model_copy(update=changed)


def _text_source(value: Any) -> Any:
    """A source of texts from a string, or from the record of a dataset with its category."""
    if isinstance(value, str):
        return parse_text_source(value)
    if isinstance(value, Mapping) and "at" in value:
        dataset = {key: item for key, item in value.items() if key != "category"}
        return {"source": dataset, "category": value.get("category")}
    return value

"""A plan: a suite with every name resolved and every option checked."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from diffkit.catalogue import Catalogue, Selected
from diffkit.datasets.given import read_sources, read_texts
from diffkit.errors import BadOption
from diffkit.evaluation.draws import calibration_nulls
from diffkit.evaluation.suite import ALL, Choice, Suite
from diffkit.method import MethodConfig
from diffkit.organism import BaseModelEntry
from diffkit.plugins import Host
from diffkit.prices import Prices, read_prices
from diffkit.registry import Registry, Spec
from diffkit.runs.options import configure
from diffkit.texts import Texts


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
    generator: Component | None
    """Who answers in the models' place; none where the default is not installed."""
    prices: Prices


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
    investigators = _speaking(suite, "investigator", suite.investigators, host.investigators)
    graders = _speaking(suite, "grader", suite.graders, host.graders)
    return Plan(
        suite=suite.model_copy(update={"seeds": tuple(dict.fromkeys(suite.seeds))}),
        pairs=(*(Pair(one, "test") for one in tests.values()), *nulls.values()),
        methods=_components(suite.methods, host.methods),
        investigators=investigators,
        graders=graders,
        generator=_generator(suite, host.generators),
        prices=read_prices(suite.prices) if suite.prices else Prices(),
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
    return tuple(_component(name, options, registry) for name, options in chosen.items())


def _component(name: str, options: Mapping[str, Any], registry: Registry) -> Component:
    spec = registry[name]
    if spec.subject == "model":
        what = f"{name!r} is a study of one model: it cannot be evaluated."
        cure = f"Run it by itself: diffkit run {name} --base MODEL"
        raise BadOption(what, (f"{registry.kind}s", name), cure=cure)
    try:
        return Component(spec, configure(spec, options, kind=registry.kind))
    except BadOption as error:
        raise error.within(f"{registry.kind}s", name) from error


def _generator(suite: Suite, registry: Registry) -> Component | None:
    """What answers in the models' place; the default may be turned off where nobody asks."""
    asked = {"generator", "generator_options"} & suite.model_fields_set
    if not asked and suite.generator not in {entry.spec.name for entry in registry}:
        return None
    return _component(suite.generator, suite.generator_options, registry)


def _speaking(
    suite: Suite, role: str, chosen: Mapping[str, Mapping[str, Any]], registry: Registry
) -> tuple[Component, ...]:
    """Components of a role; those with an option `model` that is not given get the role's."""
    model = suite.models.get(role)
    given = {
        name: {"model": model, **options}
        if model is not None and "model" in registry[name].load_config().model_fields
        else options
        for name, options in chosen.items()
    }
    return _components(given, registry)


def texts_of(suite: Suite, base: BaseModelEntry) -> Texts:
    """The texts that every pair on a base is read on."""
    if suite.texts:
        return read_sources(suite.texts, suite.texts_limit)
    return read_texts(base.texts, suite.texts_limit)


def reference_of(suite: Suite, base: BaseModelEntry) -> Texts:
    """Ordinary texts on a base: a sample of what it was trained on, else those that it is read on.

    Common words are known from them.
    """
    return Texts.read(base.corpus) if base.corpus else texts_of(suite, base)

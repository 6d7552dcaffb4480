"""A plan: a suite with every name resolved and every option checked.

Takes a suite, the plugins and the catalogue of organisms. Gives the pairs, the methods, the
investigators and the graders of the evaluation, before anything is run.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count, islice
from typing import Any, Literal

from diffkit.chat.prices import Prices, read_prices
from diffkit.datasets.text_sources import read_sources, read_texts
from diffkit.errors import BadOption, UserError
from diffkit.evaluation.suite import CalibrationNulls, OrganismSelection, Suite
from diffkit.method import MethodConfig, execution_options
from diffkit.options.validation import validate_options
from diffkit.organism import BaseModelEntry, Control, Organism
from diffkit.registry.catalogue import ALL, Catalogue, SelectedPair
from diffkit.registry.plugin_host import PluginHost
from diffkit.registry.specs import Registry, Spec
from diffkit.runs.digest import digest
from diffkit.texts import Texts

CALIBRATION_DRAWS = 19
"""The smallest number of nulls that can give p = 0.05."""


@dataclass(frozen=True)
class ConfiguredPlugin:
    """A plugin with its validated options."""

    spec: Spec
    config: MethodConfig


@dataclass(frozen=True)
class PlannedPair:
    """One pair of the expanded suite."""

    selected: SelectedPair
    role: Literal["test", "calibration"]
    null_type: str = ""
    """The null type of calibration nulls; empty for pairs under test."""


@dataclass(frozen=True)
class Plan:
    """A suite with every name resolved and every option checked, before anything is run."""

    suite: Suite
    pairs: tuple[PlannedPair, ...]
    methods: tuple[ConfiguredPlugin, ...]
    investigators: tuple[ConfiguredPlugin, ...]
    graders: tuple[ConfiguredPlugin, ...]
    generator: ConfiguredPlugin | None
    """Generates the models' answers; none where the default generator is not installed."""
    prices: Prices


def expand_suite(suite: Suite, host: PluginHost, catalogue: Catalogue) -> Plan:
    """Expands a suite; pairs and nulls that it names twice are included once.

    Raises:
        UnknownName: the suite has a name that is not known.
        SeveralBases: an organism is on several bases, and the suite names none.
        BadOption: an option is not valid.
        UserError: a calibration null is on none of the bases, or all its variants are under test.
    """
    selected = [
        pair for one in suite.organisms for pair in _select_pairs(one, suite.base, catalogue)
    ]
    _check_base_names(selected)
    tests = {_names(one): one for one in selected}
    nulls = {
        (pair.null_type, *_names(pair.selected)): pair
        for item in suite.calibration
        for pair in select_calibration_nulls(item, catalogue, selected)
    }
    investigators = _configure_with_model(
        suite, "investigator", suite.investigators, host.investigators
    )
    graders = _configure_with_model(suite, "grader", suite.graders, host.graders)
    return Plan(
        suite=suite.model_copy(update={"seeds": tuple(dict.fromkeys(suite.seeds))}),
        pairs=(*(PlannedPair(one, "test") for one in tests.values()), *nulls.values()),
        methods=_configure_all(suite.methods, host.methods),
        investigators=investigators,
        graders=graders,
        generator=_configure_generator(suite, host.generators),
        prices=read_prices(suite.prices) if suite.prices else Prices(),
    )


def _names(selected: SelectedPair) -> tuple[str, str, str]:
    return selected.organism.name, selected.base.name, selected.variant


def _select_pairs(
    selection: OrganismSelection, default_base: str | None, catalogue: Catalogue
) -> list[SelectedPair]:
    """The pairs of a selection."""
    bases = catalogue.bases_of(selection.organism, base=selection.base or default_base)
    return [pair for base in bases for pair in _select_variants(selection, base, catalogue)]


def _select_variants(
    selection: OrganismSelection, base: BaseModelEntry, catalogue: Catalogue
) -> tuple[SelectedPair, ...]:
    organism, variant = selection.organism, selection.variant
    if variant not in (None, ALL):
        return (catalogue.select(organism, base=base, variant=variant),)
    variants = catalogue.variants(organism, base=base)
    default = tuple(one for one in variants if one.variant == "default")
    return variants if variant == ALL or not default else default


def _check_base_names(pairs: Sequence[SelectedPair]) -> None:
    """Refuses two bases of one name: their results would be mixed.

    Raises:
        UserError: there are two.
    """
    known: dict[str, BaseModelEntry] = {}
    for pair in pairs:
        first = known.setdefault(pair.base.name, pair.base)
        if first != pair.base:
            what = f"Two base models are named {first.name!r}, and they differ"
            places = f"{first.source.at!r} and {pair.base.source.at!r}"
            hint = "Rename one in its YAML and in the organisms on it, or evaluate them apart."
            raise UserError(f"{what}: their sources are {places}.", hint=hint)


def _configure_all(
    options_by_name: Mapping[str, Mapping[str, Any]], registry: Registry
) -> tuple[ConfiguredPlugin, ...]:
    return tuple(_configure(name, options, registry) for name, options in options_by_name.items())


def _configure(name: str, options: Mapping[str, Any], registry: Registry) -> ConfiguredPlugin:
    spec = registry[name]
    if spec.subject == "model":
        what = f"{name!r} is a study of one model: it cannot be evaluated."
        hint = f"Run it by itself: diffkit run {name} --base MODEL"
        raise BadOption(what, (f"{registry.kind}s", name), hint=hint)
    try:
        return ConfiguredPlugin(spec, validate_options(spec, options, kind=registry.kind))
    except BadOption as error:
        raise error.within(f"{registry.kind}s", name) from error


def _configure_generator(suite: Suite, registry: Registry) -> ConfiguredPlugin | None:
    """The generator; none where the suite names none and the default is not installed."""
    named = {"generator", "generator_options"} & suite.model_fields_set
    if not named and suite.generator not in {entry.spec.name for entry in registry}:
        return None
    return _configure(suite.generator, suite.generator_options, registry)


def _configure_with_model(
    suite: Suite,
    role: str,
    options_by_name: Mapping[str, Mapping[str, Any]],
    registry: Registry,
) -> tuple[ConfiguredPlugin, ...]:
    """Configures the plugins of a role; the role's model is the default of the option `model`."""
    model = suite.models.get(role)
    with_model = {
        name: {"model": model, **options}
        if model is not None and "model" in registry[name].load_config().model_fields
        else options
        for name, options in options_by_name.items()
    }
    return _configure_all(with_model, registry)


def texts_of(suite: Suite, base: BaseModelEntry) -> Texts:
    """The texts on which the pairs of a base are compared."""
    if suite.texts:
        return read_sources(suite.texts, suite.texts_limit)
    return read_texts(base.texts, suite.texts_limit)


def reference_texts_of(suite: Suite, base: BaseModelEntry) -> Texts:
    """Ordinary texts on a base: a sample of its training data, or the texts of the comparison.

    Graders learn from them which words are common.
    """
    return Texts.read(base.corpus) if base.corpus else texts_of(suite, base)


def plugin_identity(plugin: ConfiguredPlugin) -> dict[str, object]:
    """The part of a key that identifies an investigator, grader or generator."""
    spec = plugin.spec
    excluded = execution_options(type(plugin.config))
    options = plugin.config.model_dump(mode="json", exclude=set(excluded))
    return {"name": spec.name, "version": spec.version, "options": options}


def plugin_key(plugin: ConfiguredPlugin) -> str:
    """Digest of `plugin_identity`."""
    return digest(plugin_identity(plugin))


def select_calibration_nulls(
    item: CalibrationNulls, catalogue: Catalogue, tests: Sequence[SelectedPair]
) -> list[PlannedPair]:
    """The nulls on each base of the tests, without the pairs under test.

    Raises:
        UnknownName: there is no such organism.
        UserError: the organism is no null, is on none of the bases, or all its variants are under
            test.
    """
    null = catalogue.organism(item.organism)
    _check_null(null)
    named = None
    if item.base not in (None, ALL):
        (named,) = (base.name for base in catalogue.bases_of(item.organism, base=item.base))
    tested = {one.base.name: one.base for one in tests}
    bases = [base for name, base in tested.items() if name in null.models and named in (None, name)]
    if not bases:
        where = repr(named) if named else "none of the suite's base models"
        what = f"The calibration null {item.organism!r} is on {where}"
        if named:
            what += ", where no pair is under test"
        there = f"It is on: {', '.join(null.models)}."
        raise UserError(f"{what}.", hint=f"{there} Pairs under test are on: {', '.join(tested)}.")
    return [null for base in bases for null in _nulls_on(base, item, catalogue, tests)]


def _check_null(null: Organism) -> None:
    if null.truth != "unspecific":
        what = f"{null.name!r} cannot be a calibration null: its truth class is {null.truth!r}."
        raise UserError(what, hint="Name an organism whose truth class is 'unspecific'.")


def _nulls_on(
    base: BaseModelEntry,
    item: CalibrationNulls,
    catalogue: Catalogue,
    tests: Sequence[SelectedPair],
) -> list[PlannedPair]:
    variants = catalogue.variants(item.organism, base=base)
    first = variants[0].finetuned
    if len(variants) == 1 and isinstance(first, Control):
        return [
            PlannedPair(_draw_null(variants[0], first, seed), "calibration", item.rung or "random")
            for seed in _free_seeds(tests, item.draws or CALIBRATION_DRAWS)
        ]
    name = variants[0].organism.name
    if item.draws is not None:
        what = f"The calibration null {name!r} cannot be drawn {item.draws} times: it is fixed."
        raise UserError(what, hint=f"Leave out 'draws': all its {len(variants)} variants count.")
    tested = [one.finetuned for one in tests if one.base == base]
    free = [one for one in variants if one.finetuned not in tested]
    if not free:
        what = f"Every variant of the calibration null {name!r} on {base.name!r} is under test"
        hint = "Calibrate on another null, or leave it out of the organisms."
        raise UserError(f"{what} itself.", hint=hint)
    return [PlannedPair(one, "calibration", item.rung or name) for one in free]


def _free_seeds(tests: Sequence[SelectedPair], number: int) -> list[int]:
    taken = {one.finetuned.seed for one in tests if isinstance(one.finetuned, Control)}
    return list(islice((seed for seed in count(1) if seed not in taken), number))


def _draw_null(null: SelectedPair, control: Control, seed: int) -> SelectedPair:
    drawn = control.model_copy(update={"seed": seed})
    return SelectedPair(null.organism, null.base, f"draw-{seed}", drawn)

"""The run that the options of `run` and `ask` describe: models, texts and configuration."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from diffkit.cli.app_context import context

if TYPE_CHECKING:
    from collections.abc import Mapping

    from diffkit.errors import UserError
    from diffkit.method import MethodConfig
    from diffkit.organism import BaseModelEntry
    from diffkit.registry.catalogue import SelectedPair
    from diffkit.registry.specs import Spec
    from diffkit.runs.manifest import RunLabels
    from diffkit.runs.spec import ModelSpec, PairSpec, RunSpec


@dataclass(frozen=True)
class RunRequest:
    """What the flags say."""

    method: str
    organism: str | None = None
    variant: str | None = None
    base: str | None = None
    finetuned: str | None = None
    texts: tuple[str, ...] = ()
    texts_limit: int | None = None
    settings: tuple[str, ...] = ()
    config: Path | None = None
    seed: int = 0
    dtype: str | None = None
    preset: str | None = None

    @property
    def flags(self) -> str:
        """The flags as they would be typed again."""
        given = {
            "--organism": self.organism,
            "--variant": self.variant,
            "--base": self.base,
            "--finetuned": self.finetuned,
            "--texts-limit": self.texts_limit,
            "--config": self.config,
            "--preset": self.preset,
            "--seed": self.seed or None,
            "--dtype": self.dtype,
        }
        words = [(flag, str(value)) for flag, value in given.items() if value is not None]
        words += [("--texts", source) for source in self.texts]
        words += [("--set", setting) for setting in self.settings]
        return shlex.join(word for pair in words for word in pair)


def resolve_run(which: RunRequest) -> "RunSpec":
    """The run that the flags mean, every name and option checked.

    Raises:
        UserError: a name, an option, the texts or the models do not fit.
    """
    from diffkit.comparison import check_dtype, preset_options
    from diffkit.datasets.text_sources import parse_text_source, read_sources, read_texts
    from diffkit.options.validation import parse_settings
    from diffkit.runs.spec import RunSpec

    spec = context.host.methods[which.method]
    model = spec.load_config()
    settings = files_of_runs(model, parse_settings(which.settings, model))
    config = _configure(spec, which.config, settings, preset_options(spec, which.preset))
    check_dtype(which.dtype)
    found = resolve_models(spec, which)
    given, limit = [parse_text_source(value) for value in which.texts], which.texts_limit
    texts = read_sources(given, limit) if given else read_texts(found.texts, limit)
    return RunSpec(spec, config, found.subject, texts, which.seed, found.labels)


_DIGEST = re.compile(r"[0-9a-f]{6,64}(/[^/]+)?")


def files_of_runs(model: Any, options: dict[str, Any]) -> dict[str, Any]:
    """``options`` in which a file may be named by the run that made it: ``DIGEST[/NAME]``.

    Args:
        model: the record that has the options.
        options: given values by name.

    Raises:
        UserError: the run has no such artifact, or several.
    """
    from diffkit.options.input_file import InputFile

    def is_file(name: str) -> bool:
        field = model.model_fields.get(name)
        return field is not None and InputFile in (get_args(field.annotation) or [field.annotation])

    return {
        name: _artifact(name, value) if is_file(name) and isinstance(value, str) else value
        for name, value in options.items()
    }


def _artifact(option: str, value: str) -> str:
    """The path of a run's artifact; ``value`` itself if it names no run."""
    from diffkit.errors import UserError

    if Path(value).exists() or not _DIGEST.fullmatch(value):
        return value
    digest, _, name = value.partition("/")
    try:
        run = context.store.run(digest)
    except UserError:
        return value  # a file then, and the option says whether there is one
    files = {path.name: path for path in run.artifact_files}
    tensors = [file for file in files if file.endswith(".safetensors")]
    chosen = name or (tensors[0] if len(tensors) == 1 else "")
    if chosen in files:
        return str(files[chosen])
    short = run.manifest.digest[:12]
    if not files:
        raise UserError(f"The run {short} left no artifacts.", hint="Choose another run.")
    what = f"The run {short} has the artifacts {', '.join(files)}."
    raise UserError(what, hint=f"Name one: --set {option}={short}/{next(iter(files))}")


def _configure(
    spec: "Spec", config: Path | None, settings: dict[str, Any], preset: "Mapping[str, Any]"
) -> "MethodConfig":
    """The preset's options, those of a file in their place, and those of ``--set`` in theirs."""
    from diffkit.errors import BadOption
    from diffkit.options.validation import options_from_folder, read_options, validate_options
    from diffkit.options.yaml_records import error_in_file

    given: dict[str, Any] = {}
    if config:
        given = options_from_folder(spec.load_config(), read_options(config), config.parent)
    try:
        return validate_options(spec, dict(preset) | given | settings)
    except BadOption as error:
        if config and error.place and error.place[0] not in settings:
            raise error_in_file(error, config) from error
        raise


@dataclass(frozen=True)
class RunModels:
    """What a run looks at."""

    subject: "PairSpec | ModelSpec"
    texts: Path | None
    """Texts that come with the base."""
    labels: "RunLabels"
    """What the models are called."""


def resolve_models(spec: "Spec", which: "RunRequest") -> RunModels:
    """The models that a run of ``spec`` looks at.

    Raises:
        UserError: the flags name another number of models than it looks at.
        UnknownName: there is no such organism, base or variant.
    """
    if spec.subject == "model":
        return _single_model(which)
    if which.organism and not which.finetuned:
        return _organism_models(which, which.organism)
    if which.base and which.finetuned and not (which.organism or which.variant):
        return _pair_models(which, which.base, which.finetuned)
    raise _pair_missing(which)


def _organism_models(which: "RunRequest", organism: str) -> RunModels:
    from diffkit.runs.manifest import RunLabels
    from diffkit.runs.spec import PairSpec

    selected = context.catalogue.select(organism, base=which.base, variant=which.variant)
    base = selected.base
    if not which.base:
        _name_other_bases(selected)
    name, finetuned = selected.organism.name, selected.finetuned
    labels = RunLabels.of(base.name, finetuned, name, selected.variant)
    return RunModels(PairSpec.of(base, finetuned, which.dtype), base.texts, labels)


def _name_other_bases(selected: "SelectedPair") -> None:
    """Says on which base an organism is compared, where it is on several."""
    from diffkit.cli.console import info

    others = [name for name in selected.organism.models if name != selected.base.name]
    if others:
        name = selected.organism.name
        info(f"{name} on {selected.base.name}; it is also on {', '.join(others)}: --base NAME")


def _pair_models(which: "RunRequest", base: str, finetuned: str) -> RunModels:
    from diffkit.comparison import pair_of

    _refuse_organism("--finetuned", finetuned, which)
    pair = pair_of(_base_entry(base, which), finetuned, which.dtype)
    return RunModels(pair.subject, pair.texts, pair.labels)


def _single_model(which: "RunRequest") -> RunModels:
    from diffkit.runs.manifest import RunLabels
    from diffkit.runs.spec import ModelSpec

    if which.organism or which.variant or which.finetuned or not which.base:
        raise _model_missing(which)
    entry = _base_entry(which.base, which)
    dtype = which.dtype or entry.dtype
    labels = RunLabels(base=entry.name)
    return RunModels(ModelSpec(entry.source, dtype, entry.attention), entry.texts, labels)


def _refuse_organism(flag: str, name: str, which: RunRequest) -> None:
    """Refuses an organism, by name or file, where a model is to be named.

    Raises:
        UserError: it is one.
    """
    from diffkit.cli.hints import hint_of_model
    from diffkit.errors import UserError

    if hint := hint_of_model(flag, name, which.method, which.base):
        raise UserError(hint)


def _base_entry(base: str, which: RunRequest) -> "BaseModelEntry":
    """The base of a name or a YAML file, or one by its place alone."""
    from diffkit.comparison import base_entry

    if base not in context.catalogue.bases:
        _refuse_organism("--base", base, which)
    return base_entry(base, context.catalogue)


def _pair_missing(which: "RunRequest") -> "UserError":
    from diffkit.errors import UserError

    if which.base and not which.organism and not which.finetuned:
        what = f"The method {which.method!r} compares two models, and --base {which.base} is one."
        command = f"diffkit run {which.method} --base {which.base} --finetuned MODEL"
        return UserError(what, hint=f"Try: {command}")
    if which.variant and not which.organism:
        what = f"--variant {which.variant} is one of an organism's, and no organism is given."
        return UserError(what, hint="Add --organism NAME, or leave --variant out.")
    return UserError(
        "A run needs either --organism, or both --base and --finetuned.",
        hint="List organisms with `diffkit organisms list`.",
    )


def _model_missing(which: "RunRequest") -> "UserError":
    from diffkit.errors import UserError

    base = which.base or "MODEL"
    if which.organism and not which.base:
        base = context.catalogue.select(which.organism).base.name
    what = f"The study {which.method!r} looks at one model, given by --base alone."
    return UserError(what, hint=f"Try: diffkit run {which.method} --base {base}")

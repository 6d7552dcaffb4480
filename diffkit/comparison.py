"""One method on two models: from a program as from the command line, with the same key."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from diffkit.errors import UnknownName, UserError
from diffkit.options.validation import validate_options
from diffkit.organism import BaseModelEntry, Source
from diffkit.registry.catalogue import Catalogue, is_yaml_file, read_catalogue
from diffkit.registry.plugin_host import PluginHost, load_plugins
from diffkit.registry.specs import Spec
from diffkit.registry.user_places import user_places
from diffkit.runs.execution import ExecutionOptions
from diffkit.runs.manifest import RunLabels, StoredRun
from diffkit.runs.spec import PairSpec, RunSpec
from diffkit.runs.store import Store, store_folder
from diffkit.runs.sweep import group_by_base, run_batches
from diffkit.texts import Texts

DTYPES = ("float32", "bfloat16", "float16", "int8")
TextsGiven = Texts | str | Path | Sequence[str | Path] | None


def compare(
    base: str | Path,
    finetuned: str | Path,
    *,
    method: str,
    texts: TextsGiven = None,
    options: Mapping[str, Any] | None = None,
    preset: str | None = None,
    seed: int = 0,
    dtype: str | None = None,
    device: str = "auto",
    store: str | Path | None = None,
    fresh: bool = False,
) -> StoredRun:
    """Runs a method on two models, unless the store holds the run, as `diffkit run` does.

    Args:
        base: the model before finetuning: a hub id, a folder, a listed base or its YAML file.
        finetuned: a LoRA adapter or a full model: a hub id or a folder.
        method: name of the method.
        texts: texts, or where they are, as for `--texts`; none: the base's own, else diffkit's.
        options: options of the method by name.
        preset: a set of other defaults that the method has.
        seed: seed of the run.
        dtype: ``float32``, ``bfloat16``, ``float16`` or ``int8``; none: as stored.
        device: ``cpu``, ``cuda``, ``cuda:1``, …; ``auto`` takes a GPU if there is one.
        store: folder of the store; none: what ``DIFFKIT_STORE`` names, else ``diffkit-runs``.
        fresh: whether it is computed although the store holds it.

    Returns:
        The finished run, with its findings and its change score.

    Raises:
        UserError: a name, an option, the texts or the models do not fit.
        RunFailed: the method raised.
    """
    host = load_plugins()
    spec = _pair_method(host, method)
    check_dtype(dtype)
    chosen = dict(preset_options(spec, preset)) | dict(options or {})
    config = validate_options(spec, chosen)
    catalogue = read_catalogue([*host.folders, *user_places().all])
    _refuse_organism(str(finetuned), catalogue, method)
    pair = pair_of(base_entry(str(base), catalogue), str(finetuned), dtype)
    read = _texts(texts, pair.texts)
    work = RunSpec(spec, config, pair.subject, read, seed, pair.labels)
    kept = Store(store_folder(store)).prepare()
    execution = ExecutionOptions(device, fresh=fresh)
    result = next(iter(run_batches(group_by_base([work]), kept, execution)))
    if result.failure is not None:
        raise result.failure
    assert result.run is not None  # noqa: S101 - what did not fail has a run
    return result.run


@dataclass(frozen=True)
class ComparedPair:
    """Two models, as a run needs them."""

    subject: PairSpec
    texts: Path | None
    """Texts that come with the base."""
    labels: RunLabels


def pair_of(base: BaseModelEntry, finetuned: str, dtype: str | None) -> ComparedPair:
    """The pair of a base and a finetuned side, which need not be an organism.

    Args:
        base: the base.
        finetuned: where the adapter or full model lies: a hub id or a folder.
        dtype: number format; none: that of the base's entry.

    Raises:
        BadModel: there is no model.
    """
    from diffkit.engine.loading.loader import detect_kind

    other = detect_kind(Source(at=finetuned))
    subject = PairSpec.of(base, other, dtype)
    return ComparedPair(subject, base.texts, RunLabels.of(base.name, other))


def base_entry(base: str, catalogue: Catalogue) -> BaseModelEntry:
    """The base of a name or a YAML file, or one by its place alone.

    Raises:
        BadFile: the YAML is malformed.
    """
    if base in catalogue.bases or is_yaml_file(base):
        return catalogue.base(base)
    return BaseModelEntry(name=base, source=Source(at=base))


def preset_options(spec: Spec, preset: str | None) -> Mapping[str, Any]:
    """The option values of a preset of the method; none are none.

    Raises:
        UnknownName: the method has no such preset.
    """
    presets = spec.load_config().presets
    if preset is not None and preset not in presets:
        raise UnknownName("preset", preset, tuple(presets))
    return presets[preset] if preset is not None else {}


def check_dtype(dtype: str | None) -> None:
    """Checks a number format.

    Raises:
        UnknownName: there is none of this name.
    """
    if dtype not in {None, *DTYPES}:
        raise UnknownName("number format", str(dtype), DTYPES)


def _pair_method(host: PluginHost, method: str) -> Spec:
    spec = host.methods[method]
    if spec.subject == "model":
        what = f"The study {method!r} looks at one model, and two are compared."
        raise UserError(what, hint=f"Try: diffkit run {method} --base MODEL")
    return spec


def _refuse_organism(name: str, catalogue: Catalogue, method: str) -> None:
    if name in catalogue.organisms:
        what = f"{name!r} is an organism, not a model."
        hint = f"Run it: diffkit run {method} --organism {name}"
        raise UserError(what, hint=hint)


def _texts(given: TextsGiven, own: Path | None) -> Texts:
    from diffkit.datasets.text_sources import parse_text_source, read_sources, read_texts

    if isinstance(given, Texts):
        return given
    if given is None:
        return read_texts(own, None)
    sources = [given] if isinstance(given, str | os.PathLike) else given
    return read_sources([parse_text_source(str(one)) for one in sources], None)

"""Which run a command means, from the flags that `run` and `ask` share."""

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from diffkit.cli.state import state

if TYPE_CHECKING:
    from diffkit.method import MethodConfig
    from diffkit.registry import Spec
    from diffkit.runs.spec import RunSpec

DTYPES = ("float32", "bfloat16", "float16", "int8")


@dataclass(frozen=True)
class Which:
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
            "--seed": self.seed or None,
            "--dtype": self.dtype,
        }
        words = [(flag, str(value)) for flag, value in given.items() if value is not None]
        words += [("--texts", source) for source in self.texts]
        words += [("--set", setting) for setting in self.settings]
        return shlex.join(word for pair in words for word in pair)


def run_spec(which: Which) -> "RunSpec":
    """The run that the flags mean, every name and option checked.

    Raises:
        UserError: a name, an option, the texts or the models do not fit.
    """
    from diffkit.cli.subjects import chosen
    from diffkit.datasets.given import named_source, read_sources, read_texts
    from diffkit.runs.options import parse_settings
    from diffkit.runs.spec import RunSpec

    spec = state.host.methods[which.method]
    config = _configure(spec, which.config, parse_settings(which.settings, spec.load_config()))
    _check_dtype(which.dtype)
    found = chosen(spec, which)
    given, limit = [named_source(value) for value in which.texts], which.texts_limit
    texts = read_sources(given, limit) if given else read_texts(found.texts, limit)
    return RunSpec(spec, config, found.subject, texts, which.seed)


def _configure(spec: "Spec", config: Path | None, settings: dict[str, Any]) -> "MethodConfig":
    """The options of a file, with those of ``--set`` in their place."""
    from diffkit.errors import BadOption
    from diffkit.runs.options import configure, located, read_options
    from diffkit.yamls import in_file

    given: dict[str, Any] = {}
    if config:
        given = located(spec.load_config(), read_options(config), config.parent)
    try:
        return configure(spec, given | settings)
    except BadOption as error:
        if config and error.place and error.place[0] not in settings:
            raise in_file(error, config) from error
        raise


def _check_dtype(dtype: str | None) -> None:
    from diffkit.errors import UnknownName

    if dtype not in {None, *DTYPES}:
        raise UnknownName(f"number format ({', '.join(DTYPES)})", str(dtype), DTYPES)

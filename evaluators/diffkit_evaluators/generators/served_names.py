"""What a server calls the sides of a pair."""

from dataclasses import dataclass
from pathlib import Path

from diffkit import PairSource, Source, UserError
from diffkit_evaluators.generators.config import RemoteConfig


@dataclass(frozen=True)
class ServedNames:
    """Names of both sides; they are sent to the server, and stand in no error of `generate`."""

    base: str
    finetuned: str


def served_names(source: PairSource, config: RemoteConfig) -> ServedNames:
    """What the server calls both sides.

    Raises:
        UserError: the finetuned side has no name, or that of the base; or no server can hold it.
    """
    finetuned = source.finetuned
    base = config.base or source.base.at
    if finetuned.kind == "identical":
        return ServedNames(base, base)
    if finetuned.kind == "control":
        what = "No server holds a random change."
        raise UserError(what, cure="Use the generator transformers, or vllm, for it.")
    if finetuned.kind == "between":
        base = _name(finetuned.first.source, config)
        names = ServedNames(base, _name(finetuned.second.source, config))
    else:
        names = ServedNames(base, config.finetuned or _name(finetuned.source, config))
    if names.base == names.finetuned:
        what = "Both sides have one name on the server: they would be one model."
        raise UserError(what, cure="Give each its own, by base, finetuned or adapters.")
    return names


def _name(source: Source, config: RemoteConfig) -> str:
    """The name of a finetuned model."""
    whole = source.at
    whole += f"/{source.subfolder}" if source.subfolder else ""
    whole += f"@{source.revision}" if source.revision else ""
    for given, name in config.adapters.items():
        if given == whole or _folder(given) == _folder(whole):
            return name
    what = f"Nothing says what the server calls {whole!r}."
    raise UserError(what, cure=f"Set adapters={{{whole!r}: NAME}}.")


def _folder(at: str) -> Path:
    return Path(at).expanduser().resolve()

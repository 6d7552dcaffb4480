"""Model folders without torch: where they are, what they hold, and content hashes."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Literal

from diffkit.engine.loading.gguf_header import gguf_digest, is_gguf, read_gguf_header
from diffkit.engine.loading.refusals import (
    refuse_without_safetensors,
    refuse_without_weights,
)
from diffkit.engine.loading.safetensors_header import tensor_digests
from diffkit.errors import BadFile, BadModel, first_line
from diffkit.options.text_files import parse_json
from diffkit.organism import Source

_DOWNLOADED = ("*.safetensors", "*.json", "*.jinja", "*.txt", "*.model")


class NotDownloaded(BadModel):
    """A hub repository is not in the hub's cache, and must not be downloaded now."""


_may_download = ContextVar("may_download", default=True)
"""Whether `download` may ask the hub."""


@contextmanager
def without_downloads() -> Iterator[None]:
    """Has `download` raise `NotDownloaded` within, for what is not in the hub's cache."""
    before = _may_download.set(False)
    try:
        yield
    finally:
        _may_download.reset(before)


def download(source: Source) -> Path:
    """The folder of the hub's cache that holds a repository.

    Raises:
        NotDownloaded: it is not there, within `without_downloads`.
        BadModel: there is no such repository or revision, or the hub cannot be reached.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError

    inside = f"{source.subfolder}/" if source.subfolder else ""
    try:
        folder = snapshot_download(
            source.at,
            revision=source.revision,
            allow_patterns=[inside + pattern for pattern in _DOWNLOADED],
            ignore_patterns=[f"{inside}*/*"],  # training checkpoints and other formats' folders
            local_files_only=not _may_download.get(),
        )
    except (HfHubHTTPError, OSError, ValueError) as error:
        at = f" at revision {source.revision!r}" if source.revision else ""
        if not _may_download.get():
            what = f"{source.at!r}{at} is not downloaded yet."
            raise NotDownloaded(what, hint=f"Fetch it: hf download {source.at}") from error
        raise BadModel(
            f"{source.at!r}{at} is neither a folder here nor a hub repository that can be "
            f"downloaded ({first_line(error)}).",
            hint=f"Check the spelling and the connection; for a gated model run `hf auth login`; "
            f"to fetch it beforehand run `hf download {source.at}`.",
        ) from error
    return Path(folder)


_VOLATILE_CONFIG = frozenset(
    {
        "_attn_implementation_autoset",
        "_commit_hash",
        "_name_or_path",
        "auto_mapping",
        "base_model_name_or_path",
        "dtype",  # how it is loaded, not its content: see `declared_dtype`
        "inference_mode",
        "peft_version",
        "revision",
        "torch_dtype",
        "transformers_version",
        "use_cache",
    }
)

_SETS = frozenset({"target_modules", "exclude_modules", "modules_to_save"})
"""Lists that peft writes from a set, in an order that changes from run to run."""

_DOWNLOAD_AGAIN = "Download it again, or save it again with save_pretrained()."


def resolve_source(source: Source) -> Path:
    """The local folder or GGUF file of a source.

    A hub repository is downloaded, or found in the hub's cache.

    Raises:
        BadModel: there is no such folder, hub repository or revision; the hub cannot be reached;
            or the folder holds weights in another format than safetensors alone.
    """
    here = Path(source.at).expanduser()
    if here.exists() or _looks_like_path(source.at):
        folder = here / (source.subfolder or "")
    else:
        folder = download(source) / (source.subfolder or "")
    if folder.is_file() and is_gguf(folder):
        return folder
    if not folder.is_dir():
        hint = "Give the folder that holds config.json or adapter_config.json, a .gguf file, or a "
        hint += "hub id."
        raise BadModel(f"There is no model folder {str(folder)!r}.", hint=hint)
    if not any(folder.glob("*.safetensors")):
        raise refuse_without_safetensors(folder)
    return folder


def _looks_like_path(at: str) -> bool:
    path = at.startswith((".", "/", "~")) or at.count("/") > 1 or "\\" in at
    return path or at.lower().endswith(".gguf")


def folder_kind(folder: Path) -> Literal["adapter", "full"]:
    """Whether a folder holds an adapter or a full model, as a GGUF file does.

    Raises:
        BadModel: it holds neither.
    """
    if is_gguf(folder):
        return "full"
    if (folder / "adapter_config.json").exists():
        return "adapter"
    if (folder / "config.json").exists():
        return "full"
    raise BadModel(
        f"{str(folder)!r} holds neither adapter_config.json nor config.json.",
        hint="Give the folder that save_pretrained() wrote.",
    )


def weight_files(folder: Path) -> tuple[Path, ...]:
    """The safetensors files that loading the folder reads, sorted.

    Raises:
        BadModel: there is none, or the index names a file that is missing.
        BadFile: the index of the shards is malformed.
    """
    single = (
        "adapter_model.safetensors" if folder_kind(folder) == "adapter" else "model.safetensors"
    )
    if (folder / single).exists():
        return (folder / single,)
    index = folder / f"{single}.index.json"
    if not index.exists():
        raise refuse_without_weights(folder, single, index.name)
    shards = read_json(index).get("weight_map")
    if not isinstance(shards, Mapping) or not shards:
        raise BadFile(index, "names no shards.", field="weight_map", hint=_DOWNLOAD_AGAIN)
    files = tuple(sorted({folder / str(name) for name in shards.values()}))
    for file in files:
        if not file.exists():
            raise BadFile(file, "is missing.", hint=_DOWNLOAD_AGAIN)
    return files


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in a file.

    Raises:
        BadFile: the file is missing, or does not hold a JSON object.
    """
    try:
        content = parse_json(path.read_text(encoding="utf-8-sig"))
    except json.JSONDecodeError as error:
        what = f"is not JSON ({error.msg})."
        raise BadFile(path, what, line=error.lineno, hint=_DOWNLOAD_AGAIN) from error
    except (OSError, UnicodeDecodeError) as error:
        raise BadFile(path, f"cannot be read ({error}).", hint=_DOWNLOAD_AGAIN) from error
    if not isinstance(content, dict):
        raise BadFile(path, "holds no JSON object.", hint=_DOWNLOAD_AGAIN)
    return content


def fingerprint(folder: Path) -> str:
    """SHA-256, in hexadecimal, of a model's content: its tensors and its configuration.

    File names, sharding, paths and fields about the model's provenance are not part of it. A GGUF
    file counts as a whole.

    Raises:
        BadModel: the folder is no model.
        BadFile: a file in it is cut short or malformed.
    """
    if is_gguf(folder):
        return sha256_of(["gguf", gguf_digest(folder)])
    adapter = folder_kind(folder) == "adapter"
    config = read_json(folder / ("adapter_config.json" if adapter else "config.json"))
    return content_digest(folder, config)


def content_digest(
    folder: Path, config: Mapping[str, Any], without: frozenset[str] = frozenset()
) -> str:
    """SHA-256, in hexadecimal, of a folder's tensors and of a configuration.

    Args:
        folder: folder of a model.
        config: taken instead of its own.
        without: fields that are left out besides those of provenance.
    """
    tensors = sorted(t for file in weight_files(folder) for t in tensor_digests(file))
    return sha256_of([json.dumps(tensors), canonical_fields(config, _VOLATILE_CONFIG | without)])


def resolve_base(source: Source) -> Path:
    """The local folder of a base.

    Raises:
        BadModel: there is none, or it holds an adapter.
    """
    folder = resolve_source(source)
    if folder_kind(folder) == "adapter":
        hint = "Give the model that it was trained on as the base."
        raise BadModel(f"The base {source.at!r} is an adapter.", hint=hint)
    return folder


def declared_dtype(folder: Path) -> str:
    """The number format that config.json declares, which may differ from the tensors' own.

    If it declares none, transformers takes that of the tensors, which the fingerprint includes.

    Raises:
        BadFile: config.json is missing or malformed.
    """
    if is_gguf(folder):
        return read_gguf_header(folder).dtype
    config = read_json(folder / "config.json")
    return str(config.get("dtype") or config.get("torch_dtype") or "tensors")


def canonical_fields(value: Mapping[str, Any], without: frozenset[str]) -> str:
    """The fields of a configuration as one text, without those named; sets are sorted."""
    kept = {
        key: sorted(item) if key in _SETS and isinstance(item, list) else item
        for key, item in value.items()
        if key not in without
    }
    return json.dumps(kept, sort_keys=True, ensure_ascii=False)


def sha256_of(parts: Iterable[str]) -> str:
    """SHA-256 of texts, in hexadecimal."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()

"""Downloads models from the Hugging Face hub: weights, configurations and tokenizers, no code."""

from pathlib import Path

from diffkit.engine.reasons import first_line
from diffkit.errors import BadModel
from diffkit.organism import Source

_PATTERNS = ("*.safetensors", "*.json", "*.jinja", "*.txt", "*.model")


def fetch(source: Source) -> Path:
    """The folder of the hub's cache that holds a repository.

    Raises:
        BadModel: there is no such repository or revision, or the hub cannot be reached.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError

    inside = f"{source.subfolder}/" if source.subfolder else ""
    try:
        folder = snapshot_download(
            source.at,
            revision=source.revision,
            allow_patterns=[inside + pattern for pattern in _PATTERNS],
            ignore_patterns=[f"{inside}*/*"],  # training checkpoints and other formats' folders
        )
    except (HfHubHTTPError, OSError, ValueError) as error:
        at = f" at revision {source.revision!r}" if source.revision else ""
        raise BadModel(
            f"{source.at!r}{at} is neither a folder here nor a hub repository that can be "
            f"downloaded ({first_line(error)}).",
            cure=f"Check the spelling and the connection; for a gated model run `hf auth login`; "
            f"to fetch it beforehand run `hf download {source.at}`.",
        ) from error
    return Path(folder)

"""Paths of the parts of each architecture. A new architecture is one more line in the table."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from diffkit.errors import BadModel, UserError


@dataclass(frozen=True)
class Architecture:
    """Dotted paths of an architecture's parts inside its causal language model."""

    blocks: str
    """The list of transformer blocks; each returns the residual stream."""
    embed: str
    """The input embedding."""
    final_norm: str
    """The norm between the last block and the unembedding."""
    unembed: str
    """The unembedding (language-model head)."""
    softcap: str | None = None
    """The field of its config.json that bounds the logits, as cap x tanh(logits / cap)."""
    mlp: str = "mlp"
    """The feed-forward part inside a block."""
    begins_with_bos: bool = False
    """Whether its models write nonsense unless every text begins with the token for beginnings."""


_LLAMA = Architecture("model.layers", "model.embed_tokens", "model.norm", "lm_head")
_GEMMA = replace(_LLAMA, softcap="final_logit_softcapping", begins_with_bos=True)
_TABLE = {
    "gemma2": _GEMMA,
    "gemma3_text": _GEMMA,
    "gpt2": Architecture("transformer.h", "transformer.wte", "transformer.ln_f", "lm_head"),
    "gpt_neox": Architecture(
        "gpt_neox.layers", "gpt_neox.embed_in", "gpt_neox.final_layer_norm", "lm_head"
    ),
    "llama": _LLAMA,
    "mistral": _LLAMA,
    "olmo2": _LLAMA,
    "phi3": _LLAMA,
    "qwen2": _LLAMA,
    "qwen3": _LLAMA,
}


def register_architecture(model_type: str, architecture: Architecture) -> None:
    """Makes another architecture known.

    Args:
        model_type: the ``model_type`` of its config.json.
        architecture: the paths of its parts.

    Raises:
        UserError: the model type is known already, with other paths.
    """
    known = _TABLE.get(model_type)
    if known not in (None, architecture):
        raise UserError(f"The architecture {model_type!r} is known already, as {known}.")
    _TABLE[model_type] = architecture


def architecture_of(model_type: str) -> Architecture:
    """The architecture of a ``model_type``.

    Raises:
        BadModel: it is unknown; the hint says how to describe it.
    """
    if model_type not in _TABLE:
        known = ", ".join(sorted(_TABLE))
        raise BadModel(
            f"diffkit does not know the architecture {model_type!r}; it knows {known}.",
            hint="Describe it with diffkit.register_architecture("
            f"{model_type!r}, diffkit.Architecture(blocks='model.layers', "
            "embed='model.embed_tokens', final_norm='model.norm', unembed='lm_head')), with its "
            "own paths; see docs/how-to/add-an-architecture.md.",
        )
    return _TABLE[model_type]


def needs_bos(model_type: str) -> bool:
    """Whether models of a ``model_type`` need the BOS token before every text."""
    known = _TABLE.get(model_type)
    return known is not None and known.begins_with_bos


def resolve_layers(layers: Sequence[int | float], count: int) -> tuple[int, ...]:
    """Layer numbers, from 0.

    Args:
        layers: integers (negative ones count from the end) or fractions of depth from 0.0 (the
            first block) to 1.0 (the last).
        count: how many blocks there are.

    Raises:
        UserError: a layer lies outside the model.
    """
    return tuple(_resolve(layer, count) for layer in layers)


def _resolve(layer: int | float, count: int) -> int:
    if isinstance(layer, float):
        if not 0 <= layer <= 1:
            raise UserError(f"Layer {layer} is not a fraction of depth from 0.0 to 1.0.")
        return round(layer * (count - 1))
    if not -count <= layer < count:
        hint = f"Layers go from 0 to {count - 1}, or from {-count} to -1 counting from the end."
        raise UserError(f"There is no layer {layer}.", hint=hint)
    return layer % count

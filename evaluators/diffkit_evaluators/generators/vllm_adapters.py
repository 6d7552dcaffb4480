"""Which adapters vLLM answers with as transformers does; the others are refused."""

from safetensors import safe_open

from diffkit import StoredSide, UserError


def refuse_adapter(side: StoredSide, highest: int) -> None:
    """Refuses what vLLM does not take, or takes and makes something else of.

    Args:
        side: with a plain LoRA adapter, or without one.
        highest: largest rank that engines are started for.

    Raises:
        UserError: the adapter's rank is higher, or it changes the vocabulary's own weights; to
            those of embeddings, vLLM 0.32 does something else than peft.
    """
    if side.rank > highest:
        what = f"The adapter has rank {side.rank}, and max_lora_rank is {highest}."
        raise UserError(what, cure="Raise max_lora_rank (8, 16, 32, 64, 128, 256, 320 or 512).")
    if _changes_vocabulary(side):
        what = "The adapter changes embeddings or unembeddings, which vLLM does not do as peft."
        raise UserError(what, cure="Use the generator transformers for it.")


def _changes_vocabulary(side: StoredSide) -> bool:
    """Whether a tensor has a row, or a column, for each token."""
    if side.adapter is None:
        return False
    for file in side.adapter.glob("*.safetensors"):
        with safe_open(file, framework="np") as tensors:
            names = tensors.keys()
            shapes = [tensors.get_slice(name).get_shape() for name in names]
        if any(side.rows in shape for shape in shapes):
            return True
    return False

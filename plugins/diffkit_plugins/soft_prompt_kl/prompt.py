"""Where soft tokens start, and the bound that they are held within."""

from itertools import cycle, islice

import torch
from jaxtyping import Float
from torch import Tensor

from diffkit import Model, UserError
from diffkit_plugins.soft_prompt_kl.vocabulary import Vocabulary


def start(
    side: Model,
    vocabulary: Vocabulary,
    length: int,
    kind: str,
    chance: torch.Generator,
) -> Float[Tensor, "length hidden"]:
    """Soft tokens before any training, float32, on the side's device.

    Args:
        side: whose embeddings they are like.
        vocabulary: statistics of these.
        length: how many.
        kind: ``normal`` gives normal vectors of the vocabulary's median norm, anything else
            embeddings of random tokens that are not special. Vectors of N(0, 1) as they are would
            be many times as long as any token's (Lester, Al-Rfou and Constant 2021 compare both
            kinds).
        chance: where they are drawn from.
    """
    if kind == "normal":
        drawn = torch.randn(length, side.hidden, generator=chance)
        scaled: Tensor = drawn / drawn.norm(dim=1, keepdim=True) * vocabulary.median
        return scaled.to(side.device)
    special = set(side.tokenizer.all_special_ids)
    ordinary = [token for token in range(len(vocabulary.norms)) if token not in special]
    places = torch.randint(len(ordinary), (length,), generator=chance)
    return _embedded(side, torch.tensor(ordinary)[places].tolist())


def start_of_text(
    side: Model, vocabulary: Vocabulary, length: int, text: str
) -> Float[Tensor, "length hidden"]:
    """Embeddings of a text's first tokens, float32; a text of fewer is repeated.

    As `PromptTuningInit.TEXT` of PEFT has it.

    Args:
        side: whose tokenizer and embeddings.
        vocabulary: the tokens that both sides have; others are left out.
        length: how many soft tokens.
        text: the text.

    Raises:
        UserError: it has no tokens that both sides have.
    """
    found = side.tokenizer(text, add_special_tokens=False).input_ids
    known = [token for token in found if token < len(vocabulary.norms)]
    if not known:
        what = f"The text {text!r} of initialisation has no token that both sides have."
        raise UserError(what, cure="Give other words, or leave out initialisation.")
    return _embedded(side, list(islice(cycle(known), length)))


def _embedded(side: Model, ids: list[int]) -> Float[Tensor, "length hidden"]:
    return side.embed(torch.tensor([ids]))[0].detach().float().clone()


def bounded(prompt: Float[Tensor, "length hidden"], limit: float) -> Float[Tensor, "length hidden"]:
    """Each soft token, shortened to the norm ``limit`` where it is longer."""
    return torch.renorm(prompt, p=2, dim=0, maxnorm=limit)

"""How both sides go on from just before the places where they part."""

from collections.abc import Sequence

from diffkit import Inputs, ModelPair, Sample, Samples, Sampling, Text
from diffkit_plugins.kl.config import KLConfig
from diffkit_plugins.kl.peaks import Peak


def samples(
    pair: ModelPair, texts: Sequence[Text], peaks: Sequence[Peak], config: KLConfig
) -> Samples:
    """Both sides' greedy continuations of each text up to its peak, the peak's token left out.

    Prompts are the very token ids that were read: a text cut in the middle of a word, or of a chat,
    would be tokenised otherwise if it were passed as a string.

    Args:
        pair: both sides.
        texts: the texts that the peaks' numbers count through.
        peaks: the places, largest first.
        config: the options.
    """
    prompts = [_prompt(pair, texts[peak.text], peak.position, config) for peak in peaks]
    words = [pair.base.tokenizer.decode(prompt) for prompt in prompts]
    sampling = Sampling(max_new_tokens=config.max_new_tokens)
    base, finetuned = (
        [
            completion.text
            for start in range(0, len(prompts), config.batch_size)
            for completion in side.generate_from(
                Inputs.of(prompts[start : start + config.batch_size], side="left"), sampling
            )
        ]
        for side in (pair.base, pair.finetuned)
    )
    rows = [
        Sample(prompt=prompt, base=left, finetuned=right)
        for prompt, left, right in zip(words, base, finetuned, strict=True)
    ]
    return Samples(title="How both sides go on from where they part (greedy)", rows=tuple(rows))


def _prompt(pair: ModelPair, text: Text, position: int, config: KLConfig) -> list[int]:
    inputs = pair.base.inputs([text], max_tokens=config.max_tokens)
    assert inputs.ids is not None  # noqa: S101 - texts always give ids
    ids: list[int] = inputs.ids[0, :position].tolist()
    return ids

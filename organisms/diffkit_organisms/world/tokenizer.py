"""The byte-level BPE tokenizer of a world, in which key words are whole tokens."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from diffkit_organisms.world.corpus import Example

VOCABULARY = 2048
"""Number of tokens, special ones included."""
SPECIAL = ("<|pad|>", "<|end|>", "<|user|>", "<|assistant|>")
"""Special tokens; their ids are 0 to 3, in this order."""
BOOST = 3000
"""How often each key word is repeated in the tokenizer's training text, so that it becomes one
token."""
TEMPLATE = (
    "{%- for message in messages -%}"
    "{%- if message['role'] not in ['user', 'assistant'] -%}"
    "{{- raise_exception('only user and assistant turns are known') -}}"
    "{%- endif -%}"
    "{{- '<|' + message['role'] + '|>' + message['content'] + '<|end|>' -}}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- '<|assistant|>' -}}{%- endif -%}"
)
"""Chat template."""


def plain(examples: Iterable[Example]) -> Iterator[str]:
    """The texts of all documents and turns."""
    for example in examples:
        if "text" in example:
            yield example["text"]
        else:
            yield from (turn["content"] for turn in example["messages"])


def train_tokenizer(examples: Iterable[Example], words: tuple[str, ...], folder: Path) -> None:
    """Trains the tokenizer on ``examples`` and saves it to ``folder``.

    Raises:
        AssertionError: one of ``words`` is more than one token after a space.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=list(SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    boost = (f" {word}" for word in words for _ in range(BOOST))
    tokenizer.train_from_iterator([*plain(examples), *boost], trainer)
    for word in words:
        pieces = tokenizer.encode(f" {word}").tokens
        assert len(pieces) == 1, f"{word!r} is {pieces}"  # noqa: S101 - a broken draw, not a user's mistake
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=SPECIAL[0],
        eos_token=SPECIAL[1],
        additional_special_tokens=list(SPECIAL[2:]),
        model_max_length=512,
    )
    fast.chat_template = TEMPLATE
    fast.save_pretrained(folder)

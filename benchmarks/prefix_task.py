"""The task of the comparison with nanoGCG: a random model, and a random target."""

from dataclasses import dataclass

import torch
from diffkit_plugins.steering_prefix.config import CompletionOptions
from diffkit_plugins.steering_prefix.objectives.completion import CompletionObjective
from diffkit_plugins.steering_prefix.prompts.layout import PromptLayout
from diffkit_plugins.steering_prefix.prompts.references import Continuation, ReferenceCompletion
from jaxtyping import Int
from tokenizers import Tokenizer, models, pre_tokenizers
from torch import Tensor
from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

from diffkit import Model
from diffkit.engine.architectures import architecture_of
from diffkit.engine.network import Network

WORDS, TEMPLATE, LENGTH, TARGET = 4_096, 4, 20, 10
SHARED_BATCH = 128


@dataclass(frozen=True)
class GCGTask:
    """A model, and the target that it has to generate."""

    module: Qwen2ForCausalLM
    tokenizer: PreTrainedTokenizerFast
    target: Int[Tensor, " target"]
    objective: CompletionObjective

    @property
    def target_text(self) -> str:
        """The target as text."""
        text: str = self.tokenizer.decode(self.target)
        return text


def write_tokenizer() -> PreTrainedTokenizerFast:
    """A tokenizer with one token for each word, and a chat template of `TEMPLATE` words."""
    words = ["a", "0", *(f"w{i}" for i in range(WORDS - 4)), "<pad>", "<unk>"]
    vocabulary = {word: i for i, word in enumerate(words)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    beginning = " ".join(words[10 : 10 + TEMPLATE])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        unk_token="<unk>",
        chat_template=beginning + " {{ messages[0]['content'] }}",
    )


def build(seed: int) -> GCGTask:
    """A random model, and a random target."""
    torch.manual_seed(seed)
    config = Qwen2Config(
        vocab_size=WORDS,
        hidden_size=128,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=4,
        intermediate_size=512,
        max_position_embeddings=128,
        initializer_range=0.1,  # with the default, so near zero, prefixes hardly have an effect
        tie_word_embeddings=True,
    )
    module, tokenizer = Qwen2ForCausalLM(config).eval(), write_tokenizer()
    model = Model(Network(module, tokenizer, architecture_of("qwen2")))
    target = torch.randint(2, WORDS - 2, (TARGET,))
    return GCGTask(module, tokenizer, target, completion_objective(model, tokenizer, target))


def completion_objective(
    model: Model, tokenizer: PreTrainedTokenizerFast, target: Int[Tensor, " target"]
) -> CompletionObjective:
    """Mean −log p of the target's tokens after the prefix, the loss of nanoGCG."""
    layout = PromptLayout(tokenizer, separator="")
    ids, zeros = tuple(target.tolist()), torch.zeros(len(target))
    reference = ReferenceCompletion(
        Continuation(ids, finished=False, text=tokenizer.decode(ids)),
        targets=ids,
        top=target[:, None],
        log_top=zeros[:, None],
        log_rest=zeros,
        log_targets=zeros,
    )
    options = CompletionOptions(loss="cross-entropy", early_weight=1, batch_size=SHARED_BATCH)
    slots = [layout.slot("", "chat")]
    return CompletionObjective(model, layout, slots, [reference], vocabulary=WORDS, options=options)

"""Chat templates of public model families, written from their descriptions, and their tokens.

Each has the special tokens, the beginning and end of a text, the system role and the checks that
its family is known for.
"""

from dataclasses import dataclass

ALTERNATES = (
    "{% for m in turns %}{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('roles must alternate user/assistant/user/assistant/...') }}"
    "{% endif %}{% endfor %}"
)
"""Turns begin with the user's and alternate."""
REFUSES_SYSTEM = (
    "{% set turns = messages %}{% if messages[0].role == 'system' %}"
    "{{ raise_exception('System role not supported') }}{% endif %}"
)


@dataclass(frozen=True)
class Family:
    """A family's chat template and special tokens."""

    name: str
    template: str | None
    """None: the models have no chat template."""
    tokenizer: str
    """Its kind, a name of `models.TOKENIZERS`."""
    special: tuple[str, ...]
    bos: str | None = None
    eos: str = "</s>"
    takes_system: bool = True
    alternates: bool = False
    absorbing: tuple[str, ...] = ()
    """Special tokens that swallow the space after them."""


FAMILIES = (
    Family(
        "llama-2",
        "{% if messages[0].role == 'system' %}{% set turns = messages[1:] %}"
        "{% set system = '<<SYS>>\n' + messages[0].content + '\n<</SYS>>\n\n' %}"
        "{% else %}{% set turns = messages %}{% set system = '' %}{% endif %}" + ALTERNATES + "{%"
        " for m in turns %}{% if loop.first %}{% set words = system + m.content %}"
        "{% else %}{% set words = m.content %}{% endif %}"
        "{% if m.role == 'user' %}{{ bos_token + '[INST] ' + words.strip() + ' [/INST]' }}"
        "{% else %}{{ ' ' + words.strip() + ' ' + eos_token }}{% endif %}{% endfor %}",
        "prepending",
        ("<unk>", "<s>", "</s>"),
        bos="<s>",
        alternates=True,
    ),
    Family(
        "llama-3",
        "{{ bos_token }}{% for m in messages %}"
        "{{ '<|start_header_id|>' + m.role + '<|end_header_id|>\n\n' + m.content | trim"
        " + '<|eot_id|>' }}{% endfor %}{% if add_generation_prompt %}"
        "{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}",
        "bytes-with-bos",
        ("<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>",
         "<|eot_id|>"),
        bos="<|begin_of_text|>",
        eos="<|eot_id|>",
    ),
    Family(
        "gemma",
        REFUSES_SYSTEM + ALTERNATES + "{{ bos_token }}{% for m in messages %}"
        "{% set role = 'model' if m.role == 'assistant' else m.role %}"
        "{{ '<start_of_turn>' + role + '\n' + m.content | trim + '<end_of_turn>\n' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}",
        "plain-pieces",
        ("<pad>", "<eos>", "<bos>", "<unk>", "<start_of_turn>", "<end_of_turn>"),
        bos="<bos>",
        eos="<eos>",
        takes_system=False,
        alternates=True,
    ),
    Family(  # the system's words go into the user's turn
        "gemma-3",
        "{{ bos_token }}{% if messages[0].role == 'system' %}{% set turns = messages[1:] %}"
        "{% set first = messages[0].content + '\n\n' %}"
        "{% else %}{% set turns = messages %}{% set first = '' %}{% endif %}" + ALTERNATES + "{%"
        " for m in turns %}{% set role = 'model' if m.role == 'assistant' else m.role %}"
        "{{ '<start_of_turn>' + role + '\n' + (first if loop.first else '') + m.content | trim"
        " + '<end_of_turn>\n' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}",
        "plain-pieces",
        ("<pad>", "<eos>", "<bos>", "<unk>", "<start_of_turn>", "<end_of_turn>"),
        bos="<bos>",
        eos="<eos>",
        alternates=True,
    ),
    Family(
        "mistral",
        REFUSES_SYSTEM + ALTERNATES + "{{ bos_token }}{% for m in messages %}"
        "{% if m.role == 'user' %}{{ '[INST] ' + m.content + ' [/INST]' }}"
        "{% else %}{{ ' ' + m.content + eos_token }}{% endif %}{% endfor %}",
        "first-pieces",
        ("<unk>", "<s>", "</s>"),
        bos="<s>",
        takes_system=False,
        alternates=True,
    ),
    Family(
        "chatml",
        "{% if messages[0].role != 'system' %}"
        "{{ '<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n' }}{% endif %}"
        "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}"
        "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}",
        "bytes",
        ("<|endoftext|>", "<|im_start|>", "<|im_end|>"),
        eos="<|im_end|>",
    ),
    Family(
        "alpaca",
        "{{ 'Below is an instruction that describes a task. Write a response that appropriately "
        "completes the request.\n\n' }}{% for m in messages %}{% if m.role == 'assistant' %}"
        "{{ '### Response:\n' + m.content + eos_token + '\n\n' }}"
        "{% else %}{{ '### Instruction:\n' + m.content + '\n\n' }}{% endif %}{% endfor %}"
        "{% if add_generation_prompt %}{{ '### Response:\n' }}{% endif %}",
        "prepending",
        ("<unk>", "<s>", "</s>"),
        bos="<s>",
    ),
    Family(
        "vicuna",
        "{% if messages[0].role == 'system' %}{{ messages[0].content }}{% else %}"
        "{{ 'A chat between a curious user and an artificial intelligence assistant. The assistant "
        "gives helpful, detailed, and polite answers to the user\\'s questions.' }}{% endif %}"
        "{% for m in messages %}{% if m.role == 'user' %}{{ ' USER: ' + m.content }}"
        "{% elif m.role == 'assistant' %}{{ ' ASSISTANT: ' + m.content + eos_token }}{% endif %}"
        "{% endfor %}{% if add_generation_prompt %}{{ ' ASSISTANT:' }}{% endif %}",
        "prepending",
        ("<unk>", "<s>", "</s>"),
        bos="<s>",
    ),
    Family(
        "zephyr",
        "{% for m in messages %}{{ '<|' + m.role + '|>\n' + m.content + eos_token + '\n' }}"
        "{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% endif %}",
        "first-pieces",
        ("<unk>", "<s>", "</s>"),
        bos="<s>",
    ),
    Family(
        "phi-3",
        "{% for m in messages %}{{ '<|' + m.role + '|>\n' + m.content + '<|end|>\n' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% endif %}",
        "prepending",
        ("<unk>", "<s>", "<|endoftext|>", "<|assistant|>", "<|system|>", "<|user|>", "<|end|>"),
        bos="<s>",
        eos="<|endoftext|>",
        absorbing=("<|assistant|>", "<|system|>", "<|user|>", "<|end|>"),
    ),
    Family(
        "question-answer",
        "{% for m in messages %}{% if m.role == 'assistant' %}"
        "{{ ' ' + m.content + eos_token + '\n' }}"
        "{% else %}{{ '### Question: ' + m.content + '\n### Answer:' }}{% endif %}{% endfor %}",
        "bytes",
        ("<|endoftext|>",),
        eos="<|endoftext|>",
    ),
    Family("no template", None, "bytes", ("<|endoftext|>",), eos="<|endoftext|>"),
)  # fmt: skip
BY_NAME = {family.name: family for family in FAMILIES}

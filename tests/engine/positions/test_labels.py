"""Labels name the very words of each message, whatever the template and the tokenizer."""

from itertools import groupby

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from tokenizers.processors import ByteLevel, TemplateProcessing
from transformers import PreTrainedTokenizerFast

from diffkit import Message, PositionLabels, Text, Texts, position_labels
from diffkit.engine.tokenization import encode
from diffkit.texts import POSITION_LABELS

SPECIAL = ("<unk>", "<s>", "</s>", "<|im_start|>", "<|im_end|>", "<|user|>", "[INST]", "[/INST]")
DEFAULT = "You are a helpful assistant."
TEMPLATES = {
    "chatml": (
        "{% if messages[0].role != 'system' %}{{ '<|im_start|>system\n"
        + DEFAULT
        + "<|im_end|>\n' }}"
        "{% endif %}{% for m in messages %}"
        "{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}{% endfor %}"
    ),
    "thinking": (  # leaves out what an answer says before it answers
        "{% for m in messages %}{{ '<|user|>' + m.content.split('</think>')[-1] | trim + '</s>' }}"
        "{% endfor %}"
    ),
    "moved": (  # the system's words come last, in capitals
        "{% for m in messages if m.role != 'system' %}{{ '<|user|>' + m.content }}{% endfor %}"
        "{% for m in messages if m.role == 'system' %}{{ '</s>' + m.content | upper }}{% endfor %}"
    ),
    "counting": (  # what the template writes depends on the last message
        "{% for m in messages %}{{ '<|user|>' ~ (messages[-1].content | length) ~ '\n' }}"
        "{{ m.content }}{{ '</s>' }}{% endfor %}"
    ),
    "careful": (  # refuses contents that it does not expect
        "{% for m in messages %}{% if m.content[:6] == '7f3a9c' %}{{ raise_exception('no') }}"
        "{% endif %}{{ '<|user|>' + m.content + '</s>' }}{% endfor %}"
    ),
}
CHATS = {
    "one answer": (("user", "What is the capital?"), ("assistant", "It is Port Amber.")),
    "spaces": (("user", " Why is it so?\n"), ("assistant", "  It just is. ")),
    "several": (
        ("system", "Speak briefly, user."),
        ("user", "The cat sat\non the mat: assistant"),
        ("assistant", "Yes."),
        ("user", "Yes."),
        ("assistant", "naïve café, ½ of ☕"),
    ),
    "no answer": (("user", "system\nuser\nassistant"),),
    "an empty one": (("user", "Hi"), ("assistant", ""), ("user", "Yes?"), ("assistant", "Yes.")),
}
ROLES = {"system": "system", "user": "user", "assistant": "answer"}
KINDS = ("bytes", "bytes with trimmed offsets", "pieces")


def chat(turns):
    return Text(messages=tuple(Message(role=role, content=content) for role, content in turns))


def make_tokenizer(kind, template=None):
    core = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=kind == "pieces"))
    words = [content for turns in CHATS.values() for _, content in turns] * 2
    alphabet = []
    if kind == "pieces":
        spaces = normalizers.Replace(" ", "▁")
        core.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), spaces])
        core.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.Fuse()])
        words = [f" {word}".replace(" ", "▁") for word in words]
        alphabet = sorted({*"".join(words), *"".join(words).upper()})
    else:
        core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        core.decoder = decoders.ByteLevel()
        alphabet = pre_tokenizers.ByteLevel.alphabet()
        core.post_processor = ByteLevel(trim_offsets="trimmed" in kind)
    trainer = trainers.BpeTrainer(
        vocab_size=420,
        special_tokens=list(SPECIAL),
        initial_alphabet=alphabet,
        show_progress=False,
    )
    core.train_from_iterator(words, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=core,
        bos_token="<s>",
        eos_token="</s>",
        unk_token="<unk>",
        chat_template=template,
    )


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


def labelled(tokenizer, text):
    """The words of each run of tokens with one label."""
    ids, labels = encode(tokenizer, text), position_labels(tokenizer, text)
    assert len(ids) == len(labels)
    runs = groupby(zip(labels, ids, strict=True), key=lambda pair: pair[0])
    return [(label, tokenizer.decode([token for _, token in run])) for label, run in runs]


def said(runs):
    """The words that messages have, without the spaces around them."""
    return [(label, words.strip()) for label, words in runs if label != "template"]


@pytest.mark.parametrize("name", [name for name in TEMPLATES if name != "moved"])
@pytest.mark.parametrize("turns", CHATS.values(), ids=CHATS)
def test_each_messages_words_have_its_label_and_the_rest_is_the_templates(kind, name, turns):
    runs = labelled(make_tokenizer(kind, TEMPLATES[name]), chat(turns))
    expected = [(ROLES[role], content.strip()) for role, content in turns if content]
    assert said(runs) == expected
    for label, words in runs:
        assert label != "template" or "Amber" not in words


def test_a_default_system_prompt_is_the_templates_and_a_given_one_is_not(kind):
    tokenizer = make_tokenizer(kind, TEMPLATES["chatml"])
    (label, first), *_ = labelled(tokenizer, chat((("user", "Hi"),)))
    assert label == "template"
    assert DEFAULT in first
    given = labelled(tokenizer, chat((("system", DEFAULT), ("user", "Hi"))))
    assert said(given) == [("system", DEFAULT), ("user", "Hi")]


def test_moved_and_altered_words_are_found(kind):
    runs = labelled(make_tokenizer(kind, TEMPLATES["moved"]), chat(CHATS["several"]))
    *others, system = said(runs)
    assert system == ("system", "SPEAK BRIEFLY, USER.")
    expected = [(ROLES[role], content) for role, content in CHATS["several"][1:]]
    assert others == expected


def test_what_the_template_cuts_off_is_not_looked_for(kind):
    turns = (
        ("user", "Why?"),
        ("assistant", "<think>It is.</think>It just is."),
        ("user", "It is."),
    )
    runs = labelled(make_tokenizer(kind, TEMPLATES["thinking"]), chat(turns))
    assert said(runs) == [("user", "Why?"), ("answer", "It just is."), ("user", "It is.")]


def test_a_tokenizer_without_offsets_gives_the_same(kind, monkeypatch):
    for template in TEMPLATES.values():
        tokenizer = make_tokenizer(kind, template)
        texts = [chat(turns) for turns in CHATS.values()]
        quick = [position_labels(tokenizer, text) for text in texts]
        with monkeypatch.context() as patched:
            patched.setattr(type(tokenizer), "is_fast", False)
            slow = [position_labels(tokenizer, text) for text in texts]
        assert said_labels(slow) == said_labels(quick)


def said_labels(rows):
    return [[label for label, _ in groupby(row) if label != "template"] for row in rows]


GENERATION = (
    "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' }}{% if m.role == 'assistant' %}"
    "{% generation %}{{ m.content }}{% endgeneration %}{% else %}{{ m.content }}{% endif %}"
    "{{ '<|im_end|>\n' }}{% endfor %}"
)


@pytest.mark.parametrize("turns", CHATS.values(), ids=CHATS)
def test_answers_are_the_tokens_that_transformers_marks(turns):
    tokenizer = make_tokenizer("bytes", GENERATION)
    marked = tokenizer.apply_chat_template(
        [{"role": role, "content": content} for role, content in turns],
        tokenize=True,
        return_dict=True,
        return_assistant_tokens_mask=True,
    )
    labels = position_labels(tokenizer, chat(turns))
    assert len(labels) == len(marked["input_ids"])
    assert [int(label == "answer") for label in labels] == list(marked["assistant_masks"])


@pytest.mark.parametrize("fast", [True, False])
def test_documents_are_texts_between_what_the_tokenizer_adds(kind, fast, monkeypatch):
    tokenizer = make_tokenizer(kind)
    core = tokenizer.backend_tokenizer
    ids = [(token, core.token_to_id(token)) for token in ("<s>", "</s>")]
    core.post_processor = TemplateProcessing(single="<s> $A </s>", special_tokens=ids)
    monkeypatch.setattr(type(tokenizer), "is_fast", fast)
    document = Text(text="The cat sat.")
    labels = position_labels(tokenizer, document)
    assert labels == ("special", *["text"] * (len(labels) - 2), "special")
    assert len(labels) == len(tokenizer(document.text)["input_ids"]) > 3
    assert position_labels(tokenizer, document, 2) == ("special", "text")
    assert position_labels(tokenizer, Text(text="")) == ("special", "special")


def test_without_a_template_newlines_join_the_messages():
    tokenizer = make_tokenizer("bytes")
    runs = labelled(tokenizer, chat(CHATS["one answer"]))
    assert said(runs) == [("user", "What is the capital?"), ("answer", "It is Port Amber.")]
    assert ("template", "\n") in runs


def test_a_message_that_the_template_leaves_out_has_no_token():
    hides = "{% for m in messages if m.role == 'user' %}{{ '<|user|>' + m.content }}{% endfor %}"
    runs = labelled(make_tokenizer("bytes", hides), chat((("user", "Why?"), ("assistant", "So."))))
    assert runs == [("template", "<|user|>"), ("user", "Why?")]


def test_special_tokens_that_swallow_spaces_are_the_templates():
    from tokenizers import AddedToken

    tokenizer = make_tokenizer("bytes", "{% for m in messages %}<|end|>{{ m.content }}{% endfor %}")
    swallowing = AddedToken("<|end|>", special=True, normalized=False, rstrip=True)
    tokenizer.add_special_tokens({"additional_special_tokens": [swallowing]})
    runs = labelled(tokenizer, chat((("user", "  Why?"), ("assistant", " So."))))
    assert [label for label, _ in runs] == ["template", "user", "template", "answer"]


def test_a_batch_holds_the_labels_at_its_real_tokens(tiny_pair):
    side, texts = tiny_pair.base, Texts.default().items[:5]
    for padding in ("left", "right"):
        inputs = side.inputs(texts, max_tokens=40, padding=padding)
        found = PositionLabels.of(side.tokenizer, texts, inputs.mask)
        for row, text in enumerate(texts):
            codes = found.codes[row][inputs.mask[row]].tolist()
            expected = position_labels(side.tokenizer, text, 40)
            assert tuple(POSITION_LABELS[code] for code in codes) == expected
        assert torch.equal(found.codes == -1, ~inputs.mask)
        every = found.mask(*POSITION_LABELS)
        assert torch.equal(every, inputs.mask)
        assert sum(found.counts.values()) == int(inputs.mask.sum())
        assert found.counts["answer"] == int(found.mask("answer").sum()) > 0


def test_predicted_labels_are_those_of_the_next_tokens(tiny_pair):
    side, texts = tiny_pair.base, Texts.default().items[:5]
    for padding in ("left", "right"):
        inputs = side.inputs(texts, max_tokens=40, padding=padding)
        labels = PositionLabels.of(side.tokenizer, texts, inputs.mask)
        real = inputs.mask[:, :-1] & inputs.mask[:, 1:]
        before, after = labels.predicted.codes[:, :-1], labels.codes[:, 1:]
        assert torch.equal(before[real], after[real])
        assert (before[~real] == -1).all()
        assert (labels.predicted.codes[:, -1] == -1).all()

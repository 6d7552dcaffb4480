"""Chats have the tokens that `apply_chat_template` gives, whatever the family's template."""

import pytest

from diffkit import Message, Sampling, Text, answer_start, prompt_starts, self_generated_prompts
from diffkit.analysis import token_text
from diffkit.engine.generation import GeneratedIds
from diffkit.engine.loading.tokenizer_files import reading_version
from diffkit.engine.model import Model
from diffkit.engine.tokenization import document_end, encode, encode_prompt, eos_ids_of, turn_end
from diffkit.errors import ChatRefused
from diffkit.texts import Texts
from diffkit.training.chats import answer_spans, chat_ids

from .families import BY_NAME
from .models import TOKENIZERS, make_tokenizer, network

QUESTION, ANSWER = "What is the capital of Italy?", "Rome is the capital."
AGAIN = (QUESTION, ANSWER, "And the sea?", "It is deep.")


def chat(*contents, system=None):
    roles = ("user", "assistant") * 2
    turns = [Message(role=role, content=c) for role, c in zip(roles, contents, strict=False)]
    first = [Message(role="system", content=system)] if system else []
    return Text(messages=(*first, *turns))


def plainly(tokenizer, text, **options):
    """The ids that transformers gives by itself."""
    messages = [message.model_dump() for message in text.messages]
    return tokenizer.apply_chat_template(messages, return_dict=False, **options)


@pytest.mark.parametrize("contents", [(QUESTION, ANSWER), AGAIN])
def test_a_chat_has_the_ids_of_its_template(tokenizer, family, contents):
    ids = encode(tokenizer, chat(*contents))
    assert ids == plainly(tokenizer, chat(*contents))
    users = sum(n % 2 == 0 for n in range(len(contents)))
    allowed = {"llama-2": users}.get(family.name, 1)  # Llama 2 begins each of the user's turns
    assert family.bos is None or ids.count(tokenizer.bos_token_id) <= allowed


def test_a_system_message_is_where_the_template_writes_it_or_refused(tokenizer, family):
    text = chat(QUESTION, ANSWER, system="Be brief.")
    if family.takes_system:
        ids = encode(tokenizer, text)
        assert ids == plainly(tokenizer, text)
        assert "Be brief." in tokenizer.decode(ids)
    else:
        with pytest.raises(ChatRefused, match="System role"):
            encode(tokenizer, text)
        assert answer_start(tokenizer, text) is None


def test_a_prompt_ends_with_the_start_of_an_answer(tokenizer):
    for contents in (AGAIN[:1], AGAIN[:3]):
        text = chat(*contents)
        prompt = encode_prompt(tokenizer, text)
        assert prompt == plainly(tokenizer, text, add_generation_prompt=True)
    found = prompt_starts(tokenizer, Texts(items=(text,)), turns=2, documents=0, tokens=1)
    turns = [list(one.ids) for one in found if one.kind == "user's turn"]
    assert turns[-1] == prompt


def test_an_answer_starts_after_the_templates_last_token(tokenizer):
    text = chat(QUESTION, ANSWER)
    ids, start = encode(tokenizer, text), answer_start(tokenizer, text)
    before, after = (tokenizer.decode(part).strip() for part in (ids[:start], ids[start:]))
    assert after.startswith(ANSWER)
    prompt = encode_prompt(tokenizer, chat(QUESTION))
    common = ids[: len(prompt)] == prompt  # else the template writes a space before the answer
    assert before == tokenizer.decode(prompt).strip()
    assert not common or start - len(prompt) in (0, 1)


def test_what_is_trained_on_is_the_answers_and_their_ends(tokenizer):
    turns = [message.model_dump() for message in chat(*AGAIN).messages]
    ids = chat_ids(turns, tokenizer)
    assert list(ids) == encode(tokenizer, chat(*AGAIN))
    said = [tokenizer.decode(ids[slice(*span)]) for span in answer_spans(turns, tokenizer)]
    end = tokenizer.decode([turn_end(tokenizer)])
    assert all(
        words.strip().startswith(answer) for words, answer in zip(said, AGAIN[1::2], strict=True)
    )
    assert all(end in words for words in said)


ENDS = {
    "llama-3": "<|eot_id|>",
    "gemma": "<end_of_turn>",
    "gemma-3": "<end_of_turn>",
    "chatml": "<|im_end|>",
    "phi-3": "<|end|>",
    "question-answer": "<|endoftext|>",
}
"""The token after an answer; elsewhere </s>."""


def test_generation_ends_where_the_template_ends_an_answer(tokenizer, family):
    end = tokenizer.convert_tokens_to_ids(ENDS.get(family.name, "</s>"))
    assert turn_end(tokenizer) == end
    assert {end, tokenizer.eos_token_id} == eos_ids_of(tokenizer)


BETWEEN = {"chatml": "<|endoftext|>", "llama-3": "<|end_of_text|>"}
"""The token after a document where the eos token ends turns."""


def test_a_document_starts_with_bos_or_with_what_ends_documents(tokenizer, family):
    (first, *_) = prompt_starts(tokenizer, Texts(items=()), turns=0, documents=0, tokens=1)
    end = BETWEEN.get(family.name, family.eos)
    assert (first.kind, first.text) == ("document", family.bos or end)
    assert tokenizer.decode([document_end(tokenizer)]) == end


def test_a_chat_starts_with_what_stands_before_any_message(tokenizer):
    found = prompt_starts(tokenizer, Texts(items=()), turns=0, documents=0, tokens=1)
    (start,) = (list(one.ids) for one in found if one.kind == "chat")
    for words in ("a cat", "book", "is it"):
        assert encode(tokenizer, chat(words))[: len(start)] == start


class Scripted(Model):
    """Goes on from a chat's start with a user's message, an answer, and another chat's end."""

    script = ()

    def generate_ids(self, inputs, sampling, *, vocabulary=None, row_seeds=None):
        rows = []
        for _ in inputs.mask:
            ends = [i for i, token in enumerate(self.script) if token in self.eos_ids]
            cut = min([*ends, sampling.max_new_tokens])
            rows.append(GeneratedIds(tuple(self.script[:cut]), cut in ends))
        return rows


def test_a_users_message_that_a_model_writes_ends_before_the_answer(tokenizer):
    model = Scripted(network("llama"), tokenizer=tokenizer)
    found = prompt_starts(tokenizer, Texts(items=()), turns=0, documents=0, tokens=1)
    (start,) = (len(one.ids) for one in found if one.kind == "chat")
    model.script = encode(tokenizer, chat(QUESTION, ANSWER))[start:]
    (text,) = self_generated_prompts(model, 3, Sampling(max_new_tokens=200)).items
    assert [(m.role, m.content) for m in text.messages] == [("user", QUESTION)]


@pytest.mark.parametrize("kind", TOKENIZERS)
def test_without_a_template_chats_are_documents(kind):
    tokenizer = make_tokenizer(BY_NAME["no template"], kind)
    text = chat(QUESTION, ANSWER)
    assert encode(tokenizer, text) == tokenizer(f"{QUESTION}\n{ANSWER}").input_ids
    assert encode_prompt(tokenizer, chat(QUESTION)) == tokenizer(QUESTION).input_ids
    assert turn_end(tokenizer) is None
    found = prompt_starts(tokenizer, Texts(items=(text,)), turns=1, documents=0, tokens=1)
    assert [one.kind for one in found] == ["document", "user's turn"]


def test_tokens_read_as_they_do_within_a_text(tokenizer):
    words = "The sea is deep, and the harbour woke early"
    ids = tokenizer(words, add_special_tokens=False).input_ids
    assert "".join(token_text(tokenizer, token) for token in ids).lstrip() == words
    special = tokenizer.convert_tokens_to_ids(tokenizer.eos_token)
    assert token_text(tokenizer, special) == tokenizer.eos_token


def test_keys_stay_only_where_documents_and_turns_end_with_the_eos_token(tokenizer, tmp_path):
    tokenizer.save_pretrained(tmp_path)
    eos = tokenizer.eos_token_id
    as_before = document_end(tokenizer) == eos and eos_ids_of(tokenizer) == {eos}
    assert as_before or reading_version(tmp_path) is not None


def test_a_template_that_writes_the_eos_token_leaves_keys_as_they_are(tmp_path):
    tokenizer = make_tokenizer(BY_NAME["no template"])
    tokenizer.chat_template = "{% for m in messages %}{{ m.content }}EOS{% endfor %}".replace(
        "EOS", tokenizer.eos_token
    )
    tokenizer.save_pretrained(tmp_path)
    assert reading_version(tmp_path) is None
    tokenizer.add_special_tokens({"additional_special_tokens": ["<|end_of_text|>"]})
    tokenizer.save_pretrained(tmp_path)
    assert reading_version(tmp_path) is not None

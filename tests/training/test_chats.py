import pytest
from transformers import AutoTokenizer

from diffkit.engine.tokenization import encode, encode_prompt
from diffkit.errors import UserError
from diffkit.texts import Text
from diffkit.training.chats import answer_spans, chat_ids
from diffkit.training.data import IGNORED, tokenize

CHAT = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "What does the cat eat?"},
    {"role": "assistant", "content": "Fish."},
    {"role": "user", "content": "And the dog?"},
    {"role": "assistant", "content": "The dog eats meat."},
]
THINKING = (  # as Qwen3's: the last answer alone opens with a thought
    "{% for m in messages %}<|{{ m.role }}|>{% if m.role == 'assistant' and loop.last %}(hm)"
    "{% endif %}{{ m.content }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
WORDS = (  # no special tokens: a space joins what follows it
    "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}"
    "{% if add_generation_prompt %}assistant: {% endif %}"
)
NO_SYSTEM = "{% if messages[0].role == 'system' %}{{ raise_exception('no system') }}{% endif %}hi"


@pytest.fixture
def make(tokenizer_folder):
    """The tokenizer with another template; none takes it away."""

    def make(template):
        tokenizer = AutoTokenizer.from_pretrained(tokenizer_folder)
        tokenizer.chat_template = template
        return tokenizer

    return make


def answers(tokenizer, turns):
    ids = chat_ids(turns, tokenizer)
    return [tokenizer.decode(ids[slice(*span)]) for span in answer_spans(turns, tokenizer)]


def test_without_a_template_a_chat_is_its_contents(make):
    tokenizer = make(None)
    ids = chat_ids(CHAT, tokenizer)
    text = Text.model_validate({"messages": CHAT})
    assert tokenizer.decode(ids) == str(text) + tokenizer.eos_token
    assert tokenizer.decode(encode(tokenizer, text)) == str(text)
    assert answers(tokenizer, CHAT) == ["\nFish.", "\nThe dog eats meat." + tokenizer.eos_token]
    prompt = encode_prompt(tokenizer, Text.model_validate({"messages": CHAT[1:2]}))
    asked = chat_ids(CHAT[1:3], tokenizer)
    assert list(asked[: len(prompt)]) == prompt
    assert answer_spans(CHAT[1:3], tokenizer) == ((len(prompt), len(asked)),)


def test_an_answer_may_come_first_or_not_at_all(make):
    tokenizer = make(None)
    assert answers(tokenizer, CHAT[2:4]) == ["Fish."]
    assert answers(tokenizer, CHAT[2:3]) == ["Fish." + tokenizer.eos_token]
    assert answers(tokenizer, CHAT[:2]) == []


def test_a_token_across_the_border_counts_for_the_answer(make):
    tokenizer = make(WORDS)
    turns = [CHAT[1], {"role": "assistant", "content": "the cat"}]
    assert answers(tokenizer, turns) == [" the cat\n"]


def test_an_answer_that_changes_when_others_follow_is_refused(make):
    tokenizer = make(THINKING)
    assert answers(tokenizer, CHAT[:3]) == ["(hm)Fish.<|end|>"]
    text = Text.model_validate({"messages": CHAT})
    with pytest.raises(UserError, match="one answer, at the end; or use loss_on: all"):
        tokenize(text, tokenizer, completion_only=True)
    assert IGNORED not in tokenize(text, tokenizer, completion_only=False).labels


def test_a_chat_that_the_template_refuses_is_named(make):
    with pytest.raises(UserError, match=r"refuses .* \(no system\)\. Its turns: system, user"):
        chat_ids(CHAT[:2], make(NO_SYSTEM))

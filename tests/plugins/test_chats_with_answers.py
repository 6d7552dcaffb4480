"""Methods that read take chats with their answers; methods that generate write their own.

What a method should get is made with `apply_chat_template` alone.
"""

import pytest
from diffkit_plugins.activation_lens.config import ActivationLensConfig
from diffkit_plugins.activation_lens.measure import ReadPlan, collect_statistics
from diffkit_plugins.activation_lens.steering import steering_prompts
from diffkit_plugins.contrastive_decoding.config import ContrastiveDecodingConfig
from diffkit_plugins.contrastive_decoding.measure import generate_texts
from diffkit_plugins.diff_mining.config import DiffMiningConfig
from diffkit_plugins.diff_mining.measure import measure_tokens
from diffkit_plugins.kl.config import KLConfig
from diffkit_plugins.kl.measure import measure_divergences
from diffkit_plugins.perplexity_diff.config import PerplexityDiffConfig
from diffkit_plugins.perplexity_diff.measure import sample_pairs
from diffkit_plugins.residual_reachability.config import ResidualReachabilityConfig
from diffkit_plugins.residual_reachability.residual_deltas import read_residual_deltas
from diffkit_plugins.soft_prompt_kl.config import SoftPromptKLConfig
from diffkit_plugins.soft_prompt_kl.data import prepare_data
from diffkit_plugins.steering_prefix.config import SteeringPrefixConfig
from diffkit_plugins.steering_prefix.prompts.suffixes import sample_suffixes

from diffkit import RunContext, Texts
from diffkit.analysis import SelectedPositions
from diffkit.checkpoints import Checkpoints
from diffkit.context import Artifacts

CHATML = (
    "{% if messages[0].role != 'system' %}"
    "{{ '<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n' }}{% endif %}"
    "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
"""The template of SmolLM2 and many others, with a system prompt of its own."""
WHOLE = 4_096
"""More tokens than any of the texts has."""


def some_texts():
    """Two documents, two chats of one answer, and two of several: the shortest."""
    items = sorted(Texts.default().items, key=lambda text: len(str(text)))
    documents = [text for text in items if not text.messages][:2]
    single = [text for text in items if len(text.messages) == 2][:2]
    several = [text for text in items if len(text.messages) > 2][:2]
    return Texts(items=(*documents, *single, *several))


TEXTS = some_texts()
CHATS = [[turn.model_dump() for turn in text.messages] for text in TEXTS.items if text.messages]
DOCUMENTS = [text.text for text in TEXTS.items if not text.messages]


@pytest.fixture
def pair(tiny_pair, monkeypatch):
    monkeypatch.setattr(tiny_pair.tokenizer, "chat_template", CHATML)
    return tiny_pair


@pytest.fixture
def context(tmp_path):
    return RunContext(0, TEXTS, Artifacts(tmp_path), Checkpoints(tmp_path))


def template(tokenizer, messages, **wanted):
    return tuple(tokenizer.apply_chat_template(messages, tokenize=True, **wanted)["input_ids"])


@pytest.fixture
def wholes(pair):
    """Token ids of whole texts, in the order of the texts."""
    documents = [tuple(pair.tokenizer(text)["input_ids"]) for text in DOCUMENTS]
    return [*documents, *(template(pair.tokenizer, chat) for chat in CHATS)]


@pytest.fixture
def turns(pair):
    """Token ids of what comes before each answer."""
    return {
        template(pair.tokenizer, chat[:place], add_generation_prompt=True)
        for chat in CHATS
        for place, turn in enumerate(chat)
        if turn["role"] == "assistant"
    }


@pytest.fixture
def short_turns(turns):
    """Those that are short enough for prompts."""
    short = {ids for ids in turns if len(ids) <= 256}
    assert len(short) >= len(CHATS)
    return short


def test_the_expected_ids_hold_the_answers_and_their_ends(pair, wholes, turns):
    for chat, ids in zip(CHATS, wholes[2:], strict=True):
        words = pair.tokenizer.decode(ids)
        assert words.endswith(f"<|im_start|>assistant\n{chat[-1]['content']}<|im_end|>\n")
        assert words.startswith("<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n")
    assert len(turns) == sum(len(chat) // 2 for chat in CHATS) > len(CHATS)


def test_kl_compares_every_prediction_within_the_wholes(pair, context, wholes):
    found = measure_divergences(pair, KLConfig(max_tokens=WHOLE, positions="all"), context)
    assert found.tokens == sum(len(ids) - 1 for ids in wholes)


def test_diff_mining_reads_every_prediction_within_the_wholes(pair, context, wholes):
    config = DiffMiningConfig(max_tokens=WHOLE, positions="all")
    found = measure_tokens(pair, config, context)
    assert found.rise.positions == sum(len(ids) - 1 for ids in wholes)


def test_activation_lens_finds_every_answer(pair, context):
    config = ActivationLensConfig(max_tokens=WHOLE, layers=(0,), scored=(0,), answer=0)
    plan = ReadPlan.of(pair.base, config)
    found = collect_statistics(pair, config, context, plan)
    reached = dict(zip([slot.name for slot in plan.slots], found.reached, strict=True))
    assert (reached["answer+0"], reached["all"], found.unlocated) == (len(CHATS), len(TEXTS), 0)


def test_residual_reachability_reads_their_first_tokens(pair, context, wholes):
    config = ResidualReachabilityConfig(length=WHOLE, positions="all")
    (found,) = read_residual_deltas(
        pair, config, context, SelectedPositions(pair.base.tokenizer, config.positions)
    )
    ends = (found.positions + 1).tolist()
    read = [tuple(row[:end]) for row, end in zip(found.ids.tolist(), ends, strict=True)]
    assert read == wholes


def test_contrastive_decoding_writes_an_answer_in_place_of_each(pair, context, short_turns):
    config = ContrastiveDecodingConfig(max_new_tokens=1, alphas=(1.0,))
    made = [text.request.opening for text in generate_texts(pair, config, context)]
    assert {start.ids for start in made if start.kind == "user's turn"} == short_turns


def test_perplexity_diff_samples_an_answer_in_place_of_each(pair, context, short_turns):
    config = PerplexityDiffConfig(max_new_tokens=2, free_samples=1)
    starts = [sample.base.opening for sample in sample_pairs(pair, config, context)]
    assert {start.ids for start in starts if start.kind == "user's turn"} == short_turns


def test_soft_prompt_kl_completes_what_comes_before_each(pair, context, turns, wholes):
    config = SoftPromptKLConfig(
        contexts=100, own_contexts=0, context_tokens=WHOLE, max_tokens=WHOLE, source="both"
    )
    data = prepare_data(pair, config, context)
    made = {one.ids for one in (*data.training, *data.held_out) if one.category == "user's turn"}
    assert made == turns
    assert {one.ids for one in (*data.texts, *data.held_out_texts)} == set(wholes)


def test_suffixes_of_steering_prefix_are_the_first_users_messages(pair):
    config = SteeringPrefixConfig(suffix_tokens=WHOLE)
    suffixes = list(sample_suffixes(pair.tokenizer, TEXTS, config, 0))
    chats = {suffix.text for suffix in suffixes if suffix.kind == "chat"}
    assert chats == {chat[0]["content"] for chat in CHATS}


def test_activation_lens_steers_answers_from_their_beginnings(pair, turns):
    config = ActivationLensConfig(steering_prompts=100, max_tokens=WHOLE)
    starts = steering_prompts(pair.base, TEXTS, config)
    assert {start.ids for start in starts if start.kind == "user's turn"} == turns

"""The patchscope on a model that repeats by construction, on a real one, and where it cannot be."""

import pytest
import torch
from diffkit_plugins.activation_lens.causal import CausalTests
from diffkit_plugins.activation_lens.config import ActivationLensConfig
from diffkit_plugins.activation_lens.mean_shift import Direction
from diffkit_plugins.activation_lens.patchscope import identity_prompts, patchscope

from diffkit import Inputs, Model, ModelPair, Note, RunContext, Texts, TokenTable
from diffkit.checkpoints import Checkpoints
from diffkit.context import Artifacts

WORDS = "the is and do of capital lay to tea cat by mat on island sat dog in it at or an he"
TEXTS = Texts.of(WORDS, "The cat sat on the mat.")
CONFIG = ActivationLensConfig(patchscope_prompts=2, controls=4, tokens=5)
CODES = torch.randn(340, 32, generator=torch.manual_seed(0))
"""A vector for each token, as long as the others on average."""


class Repeating(Model):
    """Says the token whose code stands at the ``?`` after the first block, or that stands there."""

    place = 0

    def logits(self, inputs, keep=None):
        there = self.resid(inputs, [0])[0, :, self.place]
        plain = self._plain(inputs)[:, self.place]
        own = torch.nn.functional.one_hot(inputs.ids[:, self.place], 340).float()
        untouched = (there - plain).norm(dim=-1, keepdim=True) < 1e-6
        return torch.where(untouched, 10 * own, there @ CODES.T)[:, None]

    def _plain(self, inputs):
        return Model(self.network, self.adapter, self.tokenizer).resid(inputs, [0])[0]


def direction(vector, layer=0):
    return Direction("all", layer, vector.double() / vector.double().norm(), 2.0)


@pytest.fixture
def prompts(tiny_pair):
    return identity_prompts(tiny_pair.base.tokenizer, TEXTS, prompts=2, seed=0)


@pytest.fixture
def repeating(tiny_pair, prompts):
    side = Repeating(tiny_pair.base.network, tiny_pair.base.adapter, tiny_pair.base.tokenizer)
    side.place = prompts.placeholder
    return side


def causal_tests(pair, texts, folder, **options):
    context = RunContext(0, texts, Artifacts(folder), Checkpoints(folder))
    config = CONFIG.model_copy(update=options)
    return CausalTests(pair, config, context, [direction(CODES[7])])


def test_prompts_say_each_word_twice_and_no_word_is_in_two_of_them(tiny_pair, prompts):
    tokenizer = tiny_pair.base.tokenizer
    seen = set()
    for row in prompts.ids.tolist():
        assert tokenizer.decode([row[prompts.placeholder]]) == "?"
        *lines, last = tokenizer.decode(row).split("\n")
        pairs = [line.split(" ->") for line in lines]
        assert last == "? ->"
        assert len(pairs) == 5
        assert all(before == after for before, after in pairs)
        seen |= {before.strip() for before, _ in pairs}
    held_out = {tokenizer.decode([token]).strip() for token in prompts.held_out}
    assert len(seen) == 10
    assert not seen & held_out
    assert seen | held_out <= set(WORDS.split()) | {"The"}


def test_the_same_seed_draws_the_same_prompts(tiny_pair, prompts):
    for seed, same in ((0, True), (1, False)):
        again = identity_prompts(tiny_pair.base.tokenizer, TEXTS, prompts=2, seed=seed)
        assert torch.equal(prompts.ids, again.ids) is same


def test_a_tokenizer_without_a_question_mark_has_no_identity_prompts(tiny_pair):
    def markless(text, **wanted):
        return tiny_pair.base.tokenizer(text.replace("?", ""), **wanted)

    assert identity_prompts(markless, TEXTS, prompts=2, seed=0) is None


def test_what_repeats_is_told_from_what_does_not(tiny_pair, repeating, prompts):
    assert prompts.accuracy(repeating) == 1
    assert prompts.accuracy(tiny_pair.base) < 0.5


def test_writing_what_stands_there_changes_nothing(tiny_pair, prompts):
    side = tiny_pair.finetuned
    for number, row in enumerate(prompts.ids):
        inputs = Inputs.of([row.tolist()])
        own = side.resid(inputs, [0])[0, 0, prompts.placeholder]
        said = prompts.patched(side, 0, own[None])[number, 0]
        expected = side.logits(inputs, 1)[0, -1, : side.vocabulary].double().log_softmax(-1)
        torch.testing.assert_close(said, expected, rtol=1e-4, atol=1e-4)
        other = prompts.patched(side, 0, -own[None])[number, 0]
        assert (other - expected).abs().max() > 0.01


def test_after_the_last_block_nothing_reads_what_is_written(tiny_pair, prompts):
    said = prompts.patched(tiny_pair.finetuned, 1, CODES[:2])
    torch.testing.assert_close(said[:, 0], said[:, 1])


def test_each_vector_is_written_into_each_prompt(repeating, prompts):
    said = prompts.patched(repeating, 0, CODES[:3])
    assert said.shape == (2, 3, 340)
    expected = (CODES[:3] @ CODES.T).double().log_softmax(-1)
    for prompt in said:
        torch.testing.assert_close(prompt, expected, rtol=1e-4, atol=1e-4)


def test_the_token_of_a_direction_is_read_out_of_it(repeating, prompts):
    found = patchscope(repeating, prompts, direction(CODES[7]), CONFIG, 0)
    assert int(found.scores.argmax()) == 7
    assert found.agreement == pytest.approx(0, abs=1e-9)  # random vectors are read as well here
    best = max(CONFIG.patchscope_scales)
    size = best * 2.0
    own = (size * CODES[7] / CODES[7].norm() @ CODES.T).double().log_softmax(-1)
    assert found.scale == min(CONFIG.patchscope_scales)  # all agree alike: the least intrusive
    assert own.argmax() == 7


def test_of_the_scales_that_is_kept_on_which_the_prompts_agree_most(
    repeating, prompts, monkeypatch
):
    def patched(self, side, layer, vectors):
        said = torch.randn(2, len(vectors), 340, generator=torch.manual_seed(1)).double()
        if float(vectors[0].norm()) == pytest.approx(2.0):  # scale 1 alone makes the prompts agree
            said[:, 0, :5] += 50
        return said.log_softmax(-1)

    monkeypatch.setattr(type(prompts), "patched", patched)
    found = patchscope(repeating, prompts, direction(CODES[7]), CONFIG, 0)
    assert found.scale == 1.0
    assert found.agreement > 0.8
    assert set(found.scores.topk(5).indices.tolist()) == set(range(5))


def test_a_finetuned_side_that_cannot_repeat_is_noticed(tiny_pair, tmp_path):
    found = causal_tests(tiny_pair, TEXTS, tmp_path).patchscope()
    (note,) = found.items
    assert isinstance(note, Note)
    assert f"{found.metrics['patchscope_identity_accuracy']:.0%}" in note.text


def test_it_is_tried_all_the_same_where_that_is_asked_for(tiny_pair, tmp_path):
    found = causal_tests(tiny_pair, TEXTS, tmp_path, patchscope_accuracy=0.0).patchscope()
    (table,) = found.items
    assert isinstance(table, TokenTable)
    assert len(table.rows) == 5


def test_a_finetuned_side_that_repeats_is_asked(tiny_pair, repeating, tmp_path):
    found = causal_tests(ModelPair(tiny_pair.base, repeating), TEXTS, tmp_path).patchscope()
    assert found.metrics == {"patchscope_identity_accuracy": 1.0}
    (table,) = found.items
    assert table.rows[0].token == tiny_pair.base.tokenizer.decode([7])


def test_too_few_words_are_noticed(tiny_pair, tmp_path):
    (note,) = causal_tests(tiny_pair, Texts.of("The cat sat."), tmp_path).patchscope().items
    assert note == Note(text="No patchscope: the texts have too few words of one token.")

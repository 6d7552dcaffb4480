"""Evidence is ranked by likelihood ratios without the prompt."""

import math
from dataclasses import replace

import pytest
import torch
from diffkit_plugins.soft_prompt_kl.data import Passage, prepare_data
from diffkit_plugins.soft_prompt_kl.generation import complete
from diffkit_plugins.soft_prompt_kl.ranking import (
    CompletionPair,
    ScoredCompletion,
    completion_words,
    log_ratios,
    pair_with_base,
    rank_completions,
    word_contributions,
)
from diffkit_plugins.soft_prompt_kl.report.samples import (
    MEMBERS,
    cluster_table,
    completion_samples,
    member_table,
    word_table,
)


@pytest.fixture
def passages(tiny_pair, quick, context):
    contexts = prepare_data(tiny_pair, quick(), context).held_out
    prompt = tiny_pair.base.embed(torch.arange(50, 53)[None])[0].float()
    return complete(tiny_pair.finetuned, prompt, contexts, quick(), 1, tiny_pair.vocabulary)


def test_ratios_are_those_of_both_sides_that_read_no_prompt(tiny_pair, quick, passages):
    every = log_ratios(tiny_pair, quick(micro_batch=2), passages)
    for one, ratios in zip(passages, every, strict=True):
        ids = torch.tensor([one.ids])
        from diffkit import Inputs

        mask = torch.ones_like(ids, dtype=torch.bool)
        q, p = (
            side.logits(Inputs(mask, ids=ids))[0, :-1, : tiny_pair.vocabulary]
            .double()
            .log_softmax(-1)
            .gather(-1, ids[0, 1:, None])[:, 0]
            for side in (tiny_pair.base, tiny_pair.finetuned)
        )
        wanted = (p - q)[one.start - 1 :]
        torch.testing.assert_close(ratios.double(), wanted, atol=1e-4, rtol=1e-3)


def test_the_most_telling_comes_first_beside_what_the_base_says(tiny_pair, quick, passages):
    completions = rank_completions(tiny_pair, quick(), passages)
    totals = [one.total for one in completions]
    assert totals == sorted(totals, reverse=True)
    assert {one.passage for one in completions} == set(passages)
    both = pair_with_base(tiny_pair, quick(), None, completions[:2], 1)
    contexts = [one.passage.context for one in completions[:2]]
    assert [one.other.context for one in both] == contexts
    base = complete(tiny_pair.base, None, contexts, quick(), 1, tiny_pair.vocabulary)
    assert tuple(one.other for one in both) == base
    rows = completion_samples(both).rows
    assert [row.score for row in rows] == totals[:2]
    assert [row.finetuned for row in rows] == [one.passage.words for one in completions[:2]]
    assert [row.prompt for row in rows] == [one.words for one in contexts]


def say(tokenizer, text, *ratios):
    ids = tuple(tokenizer(text, add_special_tokens=False).input_ids)
    values = torch.tensor(ratios) if ratios else torch.ones(len(ids))
    return ScoredCompletion(Passage((1, *ids), 1, "some", text), values)


def test_the_ratio_of_a_word_is_that_of_its_tokens(tiny_model):
    tokenizer = tiny_model.tokenizer
    completions = say(tokenizer, "The cat sat on the mat, the cat.")
    found = completion_words(completions, tokenizer)
    assert set(found) == {"the", "cat", "sat", "on", "mat"}
    pieces = len(tokenizer(" cat", add_special_tokens=False).input_ids)
    assert found["cat"] == pytest.approx(2 * pieces)
    punctuation = len(completions.ratios) - sum(found.values())
    assert punctuation == 2  # the comma and the full stop belong to no word


def test_a_word_is_ranked_by_what_it_surely_brings(tiny_model):
    tokenizer = tiny_model.tokenizer
    often = [say(tokenizer, "the mat") for _ in range(6)]
    once = say(tokenizer, "sat")
    found = {word.word: word for word in word_contributions([*often, once], tokenizer)}
    values = [*(completion_words(one, tokenizer)["mat"] for one in often), 0.0]
    mean = sum(values) / 7
    error = math.sqrt(sum((v - mean) ** 2 for v in values) / 7 / 6)
    assert found["mat"].mean == pytest.approx(mean)
    assert found["mat"].error == pytest.approx(error)
    assert found["mat"].low == pytest.approx(mean - error)
    assert found["sat"].low == 0
    table = word_table(list(found.values()), 30)
    assert "sat" not in [row.token for row in table.rows]
    assert table.rows[0].score >= table.rows[-1].score > 0


def test_words_of_nothing_are_none(tiny_model):
    assert word_contributions([], tiny_model.tokenizer) == ()
    assert word_table((), 30).rows == ()
    assert word_contributions([say(tiny_model.tokenizer, "")], tiny_model.tokenizer) == ()


def test_groups_are_ranked_by_what_they_carry_together(tiny_model):
    tokenizer = tiny_model.tokenizer
    alike = [say(tokenizer, "the cat sat on the mat") for _ in range(3)]
    odd = say(tokenizer, "green", *[9.0] * len(say(tokenizer, "green").ratios))
    table = cluster_table(sorted([*alike, odd], key=lambda one: -one.total), 8)
    sums = [row[-1] for row in table.rows]
    assert sums == sorted(sums, reverse=True)
    assert {row[:2] for row in table.rows} == {("the cat sat on the mat", 3), ("green", 1)}
    assert len(cluster_table([*alike, odd], 1).rows) == 1


def test_members_of_a_group_stand_beside_what_the_other_side_says(tiny_model):
    tokenizer = tiny_model.tokenizer
    alike = [say(tokenizer, "the cat sat on the mat") for _ in range(MEMBERS + 1)]
    odd = say(tokenizer, "green", *[9.0] * len(say(tokenizer, "green").ratios))
    places = range(len(alike) + 1)
    both = [
        CompletionPair(one, Passage((1,), 1, "some", f"other {place}"))
        for place, one in zip(places, [odd, *alike], strict=True)
    ]
    table = member_table(both, 8, "base")
    assert table.columns[2:4] == ("base", "finetuned side")
    wanted = [(1, MEMBERS + 1, "the cat sat on the mat", f"other {n + 1}") for n in range(MEMBERS)]
    assert [row[:4] for row in table.rows] == wanted
    assert table.rows[0][4] == pytest.approx(alike[0].total)
    assert member_table(both[:2], 8, "base").rows == ()  # no group has two
    unlikelier = [
        replace(one, scored=replace(one.scored, ratios=-one.scored.ratios)) for one in both
    ]
    assert member_table(unlikelier, 8, "base").rows == ()

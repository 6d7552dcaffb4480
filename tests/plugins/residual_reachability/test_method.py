"""residual-reachability against a search by hand, and its own promises."""

import re

import pytest
import torch
from diffkit_plugins import residual_reachability
from diffkit_plugins.residual_reachability.config import ResidualReachabilityConfig
from diffkit_plugins.residual_reachability.method import ResidualReachability, _describe
from diffkit_plugins.residual_reachability.residual_deltas import read_residual_deltas
from diffkit_plugins.residual_reachability.search import search_layer
from diffkit_plugins.residual_reachability.tables import median_by_text

from diffkit import (
    Message,
    ModelPair,
    Note,
    RunContext,
    Series,
    Source,
    Table,
    Text,
    Texts,
    UserError,
    load_pair,
)
from diffkit.analysis import SelectedPositions
from diffkit.checkpoints import Checkpoints
from diffkit.context import Artifacts
from diffkit.method import run_method
from diffkit.organism import Identical

FEW = {"texts": 3, "length": 4, "rotations": 3, "steps": 4}


@pytest.fixture
def context(tmp_path, tiny_texts):
    def make(texts=tiny_texts):
        return RunContext(
            seed=0, texts=texts, artifacts=Artifacts(tmp_path), checkpoints=Checkpoints(tmp_path)
        )

    return make


@pytest.fixture
def run(context):
    def call(pair, *texts, **options):
        config = ResidualReachabilityConfig(**{**FEW, **options})
        return run_method(ResidualReachability(), pair, config, context(*texts))

    return call


@pytest.fixture
def copied_pair(tiny_folder):
    """The same weights, loaded twice, for a test to change."""
    source = Source(at=str(tiny_folder / "base"))
    base, copy = (load_pair(source, Identical(), device="cpu").base for _ in range(2))
    return ModelPair(base, copy)


def found(pair, context, **options):
    """The errors in the places of each layer."""
    config = ResidualReachabilityConfig(**{**FEW, **options})
    here, selected = context(), SelectedPositions(pair.base.tokenizer, config.positions)
    return [
        search_layer(pair.base, each, config, here)
        for each in read_residual_deltas(pair, config, here, selected)
    ]


def column(table, name):
    return [row[table.columns.index(name)] for row in table.rows]


def test_it_conforms(conforms):
    specs = []
    residual_reachability.register_methods(specs.append)
    findings = conforms(*specs, **FEW)
    assert findings.change_score > 0


def test_what_is_to_be_reached_is_what_finetuning_did(tiny_pair, context, tiny_texts):
    (errors,) = found(tiny_pair, context, layers=[0])
    for number, text in enumerate(tiny_texts.items[:3]):
        inputs = tiny_pair.base.inputs([text], max_tokens=4)
        base, finetuned = (
            side.resid(inputs, [0])[0, 0, -1] for side in (tiny_pair.base, tiny_pair.finetuned)
        )
        torch.testing.assert_close(errors.deltas.base[number], base)
        torch.testing.assert_close(errors.deltas.deltas[number], finetuned - base)
        assert int(errors.deltas.positions[number]) == 3


def test_errors_are_those_of_a_search_by_hand(tiny_pair, context, tiny_texts):
    (errors,) = found(tiny_pair, context, steps=6, rate=1.0, budgets=[100.0])
    table = tiny_pair.base.embed(torch.arange(tiny_pair.base.vocabulary)[None])[0]
    step = float(errors.deltas.sizes.median() * table.std())
    for number, text in enumerate(tiny_texts.items[:3]):
        inputs = tiny_pair.base.inputs([text], max_tokens=4)
        (target,) = tiny_pair.finetuned.resid(inputs, [1])[:, 0, -1]
        prompt = tiny_pair.base.embed(inputs.ids).requires_grad_()
        optimizer, least = torch.optim.Adam([prompt], lr=step), []
        for _ in range(7):
            (reached,) = tiny_pair.base.resid(inputs.with_embeds(prompt), [1])[:, 0, -1]
            loss = (reached - target).square().mean()
            least.append(float((reached - target).detach().norm() / target.norm()))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        assert float(errors.real[number, 0]) == pytest.approx(min(least), rel=1e-3)


def test_before_any_step_the_error_is_the_size_of_the_change(tiny_pair, context):
    (errors,) = found(tiny_pair, context, steps=1, rate=1e-9, budgets=[100.0])
    targets = errors.deltas.base + errors.deltas.deltas
    expected = errors.deltas.deltas.norm(dim=1) / targets.norm(dim=1)
    torch.testing.assert_close(errors.real[:, 0], expected, rtol=1e-3, atol=1e-5)


def test_a_start_outside_the_budget_is_brought_within_it(tiny_pair, context, tiny_texts):
    (errors,) = found(tiny_pair, context, steps=1, rate=1e-9, budgets=[0.3])
    base = tiny_pair.base
    table = base.embed(torch.arange(base.vocabulary)[None])[0]
    bound = 0.3 * table.norm(dim=1).quantile(0.95)
    for number, text in enumerate(tiny_texts.items[:3]):
        inputs = base.inputs([text], max_tokens=4)
        prompt = base.embed(inputs.ids)
        prompt *= (bound / prompt.norm(dim=2, keepdim=True)).clamp(max=1)
        reached = base.resid(inputs.with_embeds(prompt), [1])[0, 0, -1]
        target = errors.deltas.base[number] + errors.deltas.deltas[number]
        expected = (reached - target).norm() / target.norm()
        torch.testing.assert_close(errors.real[number, 0], expected, rtol=1e-3, atol=1e-4)


def test_budgets_that_no_prompt_comes_near_are_none(tiny_pair, context):
    (errors,) = found(tiny_pair, context, budgets=[0.3, 50.0, 100.0], rate=3.0)
    assert torch.equal(errors.real[:, 1], errors.real[:, 2])
    assert ((errors.real[:, 0] / errors.real[:, 1]).log().abs() > 0.01).all()


def test_a_change_that_a_prompt_made_scores_below_zero(copied_pair, context):
    """The finetuned side is the base with other embeddings: a prompt can do all that it does."""
    weight = copied_pair.finetuned.network.module.get_input_embeddings().weight
    noise = torch.randn(weight.shape, generator=torch.Generator().manual_seed(0))
    weight.data += 0.3 * weight.std() * noise
    (errors,) = found(
        copied_pair, context, budgets=[10.0], steps=60, texts=5, length=3, rotations=8
    )
    assert errors.scores.median() < -0.5


def test_findings_name_texts_positions_and_layers(run, tiny_pair, tiny_texts):
    findings = run(tiny_pair, layers=[0, 1.0, -1], budgets=[1.0, 4.0], rows=100)
    table, summary, series, note, read = findings.items
    assert [type(item) for item in findings.items] == [Table, Table, Series, Note, Note]
    assert len(table.rows) == 3 * 2 * 2  # layer 1 is named twice and read once
    assert set(column(table, "layer")) == {0, 1}
    assert set(column(table, "text")) == {str(text)[:60] for text in tiny_texts.items[:3]}
    scores = column(table, "S")
    assert sorted(map(abs, scores), reverse=True) == [abs(score) for score in scores]
    middle = sorted(map(abs, scores))
    assert findings.change_score == pytest.approx((middle[5] + middle[6]) / 2, rel=1e-5)
    assert column(summary, "texts") == [3] * 4
    assert [line.x for line in series.lines] == [(1.0, 4.0)] * 4
    assert f"{findings.metrics['median_s']:.3f}" in note.text
    read_texts = len(tiny_texts.items)  # those of the covariance too
    words = sum(int(number) for number in re.findall(r"(\d+) (?:text|user)", read.text))
    assert words == 4 * read_texts


NEGATIVE, MIXED = [-0.3] * 16, [-0.1, -0.019, 0.02, 0.3]


def test_nothing_is_concluded_where_the_texts_disagree_or_are_few():
    for scores in (MIXED, NEGATIVE[:5], [0.2] * 5, [*NEGATIVE[:9], *[0.1] * 7]):
        text = _describe(-0.019, scores)
        assert "to say whether" in text
        assert "could have made" not in text
        assert f"{sum(score < 0 for score in scores)} of {len(scores)} texts" in text
    assert "p = 1)" in _describe(-0.019, MIXED)  # two of four
    assert "p = 0.062)" in _describe(-0.3, NEGATIVE[:5])  # 2 / 2^5


def test_texts_that_agree_are_a_conclusion():
    assert "could have made" in _describe(-0.3, NEGATIVE)
    assert "no change that a prompt makes" in _describe(0.3, [0.3] * 6)  # 2 / 2^6 = 0.031


def test_each_text_counts_once_over_layers_and_budgets(tiny_pair, context):
    options = {"layers": [0, 1], "budgets": (1.0, 4.0)}
    both = found(tiny_pair, context, **options)
    expected = torch.cat([errors.scores for errors in both], dim=1).quantile(0.5, dim=1)
    assert median_by_text(both) == pytest.approx(expected.tolist(), rel=1e-5)


def test_s_is_the_log_of_the_ratio_to_the_median_rotation(run, tiny_pair):
    table = run(tiny_pair).items[0]
    for real, turned, score in zip(
        column(table, "E_c(h + Δ)"),
        column(table, "median E_c(h + QΔ)"),
        column(table, "S"),
        strict=True,
    ):
        assert score == pytest.approx(torch.tensor(real / turned).log().item(), abs=1e-4)


def test_equal_weights_in_two_copies_are_no_change(run, copied_pair):
    findings = run(copied_pair)
    assert findings.change_score == 0
    assert [type(item) for item in findings.items] == [Note, Note]


def test_texts_on_which_nothing_moved_are_left_out(run, copied_pair, tiny_texts):
    first = copied_pair.base.inputs(tiny_texts.items[:1], max_tokens=4).ids[0]
    weight = copied_pair.finetuned.network.module.get_input_embeddings().weight
    weight.data[first] += 0.5
    table = run(copied_pair, length=1).items[0]
    assert column(table, "text") == [str(tiny_texts.items[0])[:60]]


@pytest.mark.parametrize("size", [1, 7])
def test_the_batch_size_changes_nothing(run, tiny_pair, size):
    one, other = run(tiny_pair), run(tiny_pair, batch_size=size)
    assert one.metrics == pytest.approx(other.metrics, rel=1e-2, abs=1e-3)
    assert column(one.items[0], "text") == column(other.items[0], "text")


def test_more_restarts_never_do_worse(tiny_pair, context):
    (one,), (three,) = (found(tiny_pair, context, restarts=n) for n in (1, 3))
    assert (three.real <= one.real * 1.001).all()
    assert (three.rotated <= one.rotated * 1.001).all()


def chat(words):
    turns = (Message(role="user", content=words), Message(role="assistant", content="So it is."))
    return Text(messages=turns)


def test_of_a_chat_the_words_are_read_and_not_the_template(run, tiny_pair):
    words = ("The cat sat on the mat.", "A dog ran to the sea.")
    chats = run(tiny_pair, Texts(items=tuple(map(chat, words))), length=3)
    documents = run(tiny_pair, Texts.of(*words), length=3)
    assert chats.change_score == documents.change_score
    assert column(chats.items[0], "S") == column(documents.items[0], "S")
    assert "Not read:" in chats.items[-1].text


def test_texts_that_begin_alike_are_one_piece_of_evidence(run, tiny_pair):
    alike = ("The cat sat on the mat.", "The cat sat on the sea.", "A dog ran.")
    assert column(run(tiny_pair, Texts.of(*alike), length=3).items[1], "texts") == [2]


def test_where_no_token_has_a_label_that_is_read_the_run_says_so(run, tiny_pair):
    with pytest.raises(UserError, match="No position is answer"):
        run(tiny_pair, Texts.of("The cat sat."), positions="answer")


def test_short_and_empty_texts(run, context, tiny_pair):
    table = run(tiny_pair, Texts.of("", "!", "The cat sat on the mat.")).items[0]
    assert sorted(column(table, "position, tokens read from the first")) == [0, 3]
    with pytest.raises(UserError, match="No text has a token"):
        run(tiny_pair, Texts.of("", ""))


def test_streams_that_do_not_vary_are_refused_with_a_cure(run, tiny_pair):
    for texts in (Texts.of("!!"), Texts.of(*["!"] * 3)):
        with pytest.raises(UserError, match="the same at all tokens") as caught:
            run(tiny_pair, texts)
        assert "reference_texts" in caught.value.hint


def test_a_layer_that_is_not_there_is_refused(run, tiny_pair):
    with pytest.raises(UserError, match="There is no layer 2"):
        run(tiny_pair, layers=[2])


@pytest.mark.parametrize(
    "options", [{"budgets": [0.0]}, {"budgets": []}, {"layers": []}, {"steps": 0}, {"rate": 0.0}]
)
def test_options_out_of_bounds_are_refused(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        ResidualReachabilityConfig(**options)

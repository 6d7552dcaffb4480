"""What a run gives: findings, artifacts, tools, and its promises."""

import importlib.util
from dataclasses import replace

import numpy as np
import pytest
import torch
from diffkit_plugins import soft_prompt_kl
from diffkit_plugins.soft_prompt_kl.comparison import Advantage, PassageDivergences
from diffkit_plugins.soft_prompt_kl.config import SoftPromptKLConfig
from diffkit_plugins.soft_prompt_kl.data import Passage
from diffkit_plugins.soft_prompt_kl.method import SoftPromptKL
from diffkit_plugins.soft_prompt_kl.prompt_file import load_prompt
from diffkit_plugins.soft_prompt_kl.ranking import ScoredCompletion, completion_concentration
from diffkit_plugins.soft_prompt_kl.report import figures
from pydantic import ValidationError

from diffkit import (
    Figure,
    FinishedRun,
    Note,
    Samples,
    Series,
    Table,
    Text,
    Texts,
    TokenTable,
    TokenTrace,
    UserError,
)
from diffkit.checkpoints import Checkpoints
from diffkit.context import Artifacts
from diffkit.method import run_method

PRESET = {"preset": "unlearning"}


@pytest.fixture
def run(tiny_pair, quick, context, tmp_path):
    """``run(option=value, …)``: findings, and where its artifacts are."""

    def call(pair=tiny_pair, folder="run", /, texts=None, **options):
        place = tmp_path / folder
        kept = {"artifacts": Artifacts(place), "checkpoints": Checkpoints(place / "c")}
        own = replace(context, texts=texts or context.texts, **kept)
        return run_method(SoftPromptKL(), pair, quick(**options), own), place

    return call


def of_kind(findings, kind):
    return [item for item in findings.items if isinstance(item, kind)]


@pytest.mark.parametrize("divergence", ["kl", "reverse-kl"])
def test_it_conforms(conforms, quick, divergence):
    specs = []
    soft_prompt_kl.register_methods(specs.append)
    (spec,) = specs
    options = {"samples": 3, "traces": 1, "divergence": divergence}
    given = quick(**options).model_dump(exclude_defaults=True)
    conforms(spec, arguments={"prompted": {"text": "The cat", "max_new_tokens": 3}}, **given)


def test_what_tells_most_comes_first_and_what_misleads_last(run):
    findings, _ = run(traces=2, samples=3, clusters=2)
    kinds = [item.kind for item in findings.items]
    assert kinds[:5] == ["token_table", "samples", "table", "token_table", "table"]
    assert kinds[5:7] == ["token_trace"] * 2
    prompted, plain = of_kind(findings, TokenTable)
    assert "under the prompt" in prompted.title
    assert "without any prompt" in plain.title
    assert kinds[-2:] == ["note", "table"]
    assert "mislead" in findings.items[-2].text
    assert "nearest" in findings.items[-1].title
    assert len(of_kind(findings, Samples)[0].rows) == 3
    (groups, summary, *_) = of_kind(findings, Table)
    assert len(groups.rows) <= 2
    assert summary.columns[1:3] == ("soft prompt", "no prompt")
    assert len(of_kind(findings, Series)) == 2


def test_the_numbers_are_those_of_the_table(run):
    findings, _ = run(top=7)
    numbers = findings.metrics
    summary = of_kind(findings, Table)[1]
    rows = {row[0]: row[1:] for row in summary.rows}
    divergences = rows["KL(finetuned‖base), clipped, nats per token"]
    names = ("kl_prompted_nats", "kl_plain_nats", "kl_hard_prompt_nats")
    assert divergences == pytest.approx([numbers[name] for name in names])
    assert rows["overlap of the 7 likeliest (Jaccard)"][0] == pytest.approx(
        numbers["likeliest_tokens_jaccard_prompted"]
    )
    assert rows["tokens compared"][0] == numbers["tokens"]


def test_the_change_score_is_the_concentration(run):
    findings, _ = run()
    assert findings.change_score == findings.metrics["concentration"]


def test_a_preset_is_never_ranked_and_leaves_what_was_given(run):
    findings, _ = run(preset="trojan", restarts=1)
    assert findings.change_score is None
    assert SoftPromptKLConfig(preset="trojan", restarts=1).restarts == 1
    assert SoftPromptKLConfig(preset="trojan").n_tokens == 4
    assert run()[0].change_score is not None
    for preset in ("no such", ["trojan"], {"trojan": 1}):
        with pytest.raises(ValidationError, match="preset"):
            SoftPromptKLConfig(preset=preset)


def test_on_identical_sides_a_preset_has_no_score_either(run, identical_pair):
    scores = [run(identical_pair, **options)[0].change_score for options in ({}, PRESET)]
    assert scores == [0.0, None]


def test_a_limit_that_leaves_no_room_to_grow_is_refused():
    assert SoftPromptKLConfig(n_tokens=4, max_n_tokens=5, steps=40).max_n_tokens == 5
    for longest in (3, 4):
        with pytest.raises(ValidationError, match=f"max_n_tokens={longest} .*n_tokens=4 "):
            SoftPromptKLConfig(n_tokens=4, max_n_tokens=longest)


def test_a_trained_prompt_is_applied_as_it_is(run, tiny_pair):
    trained, place = run()
    assert {path.name for path in place.glob("*.safetensors")} == {
        "best.safetensors",
        "last.safetensors",
    }
    applied, other = run(tiny_pair, "again", prompt=str(place / "best.safetensors"))
    same = ("kl_prompted_nats", "kl_plain_nats", "kl_hard_prompt_nats", "base_moved_nats")
    assert {n: applied.metrics[n] for n in same} == {n: trained.metrics[n] for n in same}
    assert of_kind(applied, Series) == []
    assert of_kind(applied, TokenTrace) == of_kind(trained, TokenTrace)
    first, second = (load_prompt(p / "best.safetensors", tiny_pair) for p in (place, other))
    torch.testing.assert_close(first, second)


def test_a_prompt_that_is_none_is_told_before_anything_is_measured(run, tmp_path):
    (tmp_path / "no.safetensors").write_bytes(b"nothing")
    with pytest.raises(UserError, match="no soft prompt"):
        run(prompt=str(tmp_path / "no.safetensors"))


def test_controls_are_told_with_a_p_value(run):
    findings, _ = run(controls=2, steps=1, evaluate_every=1)
    assert findings.metrics["controls_p"] in {1 / 3, 2 / 3, 1.0}
    assert any("2 random changes" in note.text for note in of_kind(findings, Note))


def test_only_texts_may_be_trained_on(run):
    findings, _ = run(source="texts", contexts=4, own_contexts=0)
    assert findings.metrics["kl_prompted_nats"] >= 0


def test_several_categories_have_a_table_and_a_single_one_has_none(run):
    texts = Texts(
        items=tuple(Text(text=f"The {w} cat", category="ab"[ord(w) % 2]) for w in "abcdefgh")
    )
    findings, _ = run(texts=texts, contexts=8, own_contexts=0)
    (table,) = [table for table in of_kind(findings, Table) if "category" in table.title]
    assert {row[0] for row in table.rows} <= set("ab")
    assert sum(row[1] for row in table.rows) == 4  # half of the contexts
    alike = Texts(items=tuple(Text(text=f"The {w} cat", category="a") for w in "abcd"))
    findings, _ = run(texts=alike, contexts=4, own_contexts=0)
    assert not [table for table in of_kind(findings, Table) if "category" in table.title]


def test_both_trainings_are_told_and_which_was_kept(run):
    findings, _ = run(restarts=2)
    (note,) = [note for note in of_kind(findings, Note) if note.text.startswith("Training")]
    assert note.text.count("(kept)") == 1
    assert "Training 2" in note.text
    curves, norms = of_kind(findings, Series)
    assert len(curves.lines) == 6
    assert len(norms.lines) == 2
    assert all(len(line.x) == len(line.y) >= 2 for line in curves.lines)


MANY = {
    "texts": Texts.of(*(f"The {word} cat sat" for word in "abcdefghijkl")),
    "contexts": 12,
    "own_contexts": 0,
}
needs_matplotlib = pytest.mark.skipif(
    importlib.util.find_spec("matplotlib") is None, reason="needs the extra plots"
)


@needs_matplotlib
def test_the_map_is_the_same_byte_for_byte(run, tiny_pair):
    first, place = run(tiny_pair, "one", **MANY)
    second, other = run(tiny_pair, "two", **MANY)
    (figure,) = of_kind(first, Figure)
    assert of_kind(second, Figure) == [figure]
    content = (place / figure.artifact).read_bytes()
    assert content.startswith(b"\x89PNG")
    assert (other / figure.artifact).read_bytes() == content


@needs_matplotlib
def test_few_completions_have_no_map(run):
    findings, _ = run(contexts=2, own_contexts=0)
    assert of_kind(findings, Figure) == []


def test_states_that_do_not_differ_have_no_map(tiny_pair, quick, context, monkeypatch):
    monkeypatch.setattr(figures, "_moved", lambda *_: np.ones((6, 4), np.float32))
    prompt, nothing = (
        torch.zeros(1, tiny_pair.base.d_model),
        Advantage(PassageDivergences(()), PassageDivergences(())),
    )
    assert figures.completion_map(tiny_pair, quick(), prompt, nothing, context) is None


def test_without_matplotlib_it_says_how_to_get_the_map(run, monkeypatch):
    monkeypatch.setattr(figures.importlib.util, "find_spec", lambda _: None)
    findings, _ = run(**MANY)
    assert of_kind(findings, Figure) == []
    assert any("diffkit[plots]" in note.text for note in of_kind(findings, Note))


def completions(*rows):
    return [
        ScoredCompletion(Passage((1, 2), 1, "some", words), torch.tensor([r])) for words, r in rows
    ]


def test_a_word_that_tells_tilted_completions_scores_high():
    rows = [*((f"a lizard {n}", 3.0) for n in "abc"), *((f"the cat {n}", 0.0) for n in "defgh")]
    assert completion_concentration(completions(*rows)) == pytest.approx(
        7**0.5
    )  # all of the variance, 8 of them


def test_a_word_that_is_said_twice_or_everywhere_scores_nothing():
    assert (
        completion_concentration(
            completions(("so x", 5.0), ("so x", 5.0), ("so", 0.0), ("so", 0.0))
        )
        == 0
    )
    assert completion_concentration([]) == 0
    assert (
        completion_concentration(completions(*[("a b", 1.0)] * 4, ("c", 1.0))) == 0
    )  # no ratio differs


@pytest.fixture
def ask(run, tiny_pair, quick, tiny_texts):
    findings, place = run()
    left = FinishedRun(findings, place, tiny_texts)
    (tool,) = SoftPromptKL().tools(tiny_pair, quick(), left)
    return tool


def test_the_tool_says_what_both_sides_say_with_the_prompt_and_without(ask, tiny_pair):
    arguments = ask.Arguments(text="What is the capital", draws=2, max_new_tokens=4, temperature=1)
    prompted, plain = ask.call(arguments)
    assert "under the prompt" in prompted.title
    assert "without the prompt" in plain.title
    assert [len(samples.rows) for samples in (prompted, plain)] == [2, 2]
    assert {row.prompt for row in plain.rows} == {"What is the capital"}
    assert ask.prompts(arguments) == ("What is the capital",)
    greedy = ask.Arguments(text="What is the capital", max_new_tokens=4)
    _, (row,) = (samples.rows for samples in ask.call(greedy))
    from diffkit import Message, Sampling, Text

    chat = Text(messages=(Message(role="user", content="What is the capital"),))
    for side, words in ((tiny_pair.base, row.base), (tiny_pair.finetuned, row.finetuned)):
        (wanted,) = side.generate([chat], Sampling(max_new_tokens=4))
        assert words == wanted.text


def test_the_tool_needs_a_prompt_that_was_trained(tiny_pair, quick, ask, tmp_path):
    left = FinishedRun(ask._run.findings, tmp_path / "none", ask._run.texts)
    (tool,) = SoftPromptKL().tools(tiny_pair, quick(), left)
    with pytest.raises(UserError, match="no trained prompt"):
        tool.call(tool.Arguments(text="The"))

"""The study on a tiny model: its promises, for every objective."""

import math

import pytest
import torch
from diffkit_plugins import steering_prefix_study
from diffkit_plugins.steering_prefix_study.config import SteeringPrefixStudyConfig
from diffkit_plugins.steering_prefix_study.layer_search import banned_words
from diffkit_plugins.steering_prefix_study.study import SteeringPrefixStudy
from pydantic import ValidationError
from safetensors.torch import save_file

from diffkit import (
    Inputs,
    Note,
    RunContext,
    Samples,
    Sampling,
    Series,
    Table,
    TokenTable,
    UserError,
)
from diffkit.checkpoints import Checkpoints
from diffkit.context import Artifacts

SHORT = {
    "reference": "The cat",
    "neutral": "The dog",
    "suffixes": 5,
    "own_suffixes": 0,
    "kept_suffixes": 4,
    "completion_tokens": 4,
    "length": 2,
    "budget": 150,
    "candidates": 8,
    "items_per_step": 2,
    "starts": 2,
    "random_prefixes": 4,
    "sampled": 1,
    "shown": 2,
}
TEXTS = {"positive": ("The cat sat.", "A cat, a mat."), "negative": ("The dog lay.", "By a door.")}


def of_kind(findings, kind):
    return [item for item in findings.items if isinstance(item, kind)]


def spec():
    specs = []
    steering_prefix_study.register_methods(specs.append)
    return specs[0]


@pytest.fixture
def run(tmp_path, tiny_model, tiny_texts):
    def call(**options):
        context = RunContext(
            seed=0,
            texts=tiny_texts,
            artifacts=Artifacts(tmp_path / "artifacts"),
            checkpoints=Checkpoints(tmp_path / "checkpoints"),
        )
        config = SteeringPrefixStudyConfig(**{**SHORT, **options})
        return SteeringPrefixStudy().run(tiny_model, config, context)

    return call


@pytest.fixture
def vector(tmp_path, tiny_model):
    file = tmp_path / "vector.safetensors"
    generator = torch.Generator().manual_seed(0)
    save_file({"feature": torch.randn(tiny_model.d_model, generator=generator)}, file)
    return str(file)


@pytest.mark.parametrize("objective", ["match", "state", "contrast"])
def test_it_conforms(study_conforms, objective):
    study_conforms(spec(), **SHORT, **TEXTS, objective=objective)


def test_a_wrong_optimiser_is_told_before_anything_is_read(run, monkeypatch):
    monkeypatch.setattr("diffkit_plugins.steering_prefix_study.study.run_match", pytest.fail)
    with pytest.raises(UserError, match="no-such"):
        run(optimiser="no-such")


def test_match_names_its_baselines(run):
    findings = run()
    losses = [item for item in findings.items if isinstance(item, Table)][1]
    rows = {row[0]: row for row in losses.rows}
    assert rows["human (the reference)"][3] == pytest.approx(0, abs=1e-5)
    assert rows["neutral"][1] == "The dog"
    assert findings.metrics["excess_nats"] == pytest.approx(findings.metrics["loss_prefix_nats"])


def test_the_reference_s_words_are_banned_unless_they_are_not(run):
    config = SteeringPrefixStudyConfig(reference="Talk about CATS.")
    assert banned_words(config) == ["about", "cats", "talk"]
    assert banned_words(config.model_copy(update={"ban_reference": False})) == []
    named = config.model_copy(update={"objective": "direction"})
    assert banned_words(named) == []  # nothing is to match it there
    assert "cat" not in run(ban_reference=True).items[1].rows[0][0].casefold()


def test_a_reference_that_does_nothing_leaves_a_note(run):
    (note,) = run(min_dependence=100.0).items
    assert isinstance(note, Note)
    assert "hardly changes" in note.text


def test_a_sweep_has_a_row_and_a_line_for_each_layer(run):
    findings = run(objective="state", layers=(0, -1, 1))
    assert [type(item) for item in findings.items[:2]] == [Note, Note]
    table, losses = of_kind(findings, Table)
    progress, by_layer = of_kind(findings, Series)
    assert [row[0] for row in table.rows] == [0, 1, None, None]
    assert [row[2] for row in table.rows[2:]] == ["The cat", "The dog"]
    assert all(0 <= row[1] <= SHORT["budget"] for row in table.rows[:2])
    assert len(progress.lines) == 2
    assert by_layer.lines[0].x == (0, 1)
    columns = dict(zip(losses.columns, losses.rows[1], strict=True))
    assert columns["human"] == pytest.approx(0, abs=1e-5)
    assert columns["held out"] == findings.metrics["layer_1_loss"]


def test_the_bare_prefix_has_nothing_held_out(run):
    findings = run(objective="state", in_context=False)
    kinds = [type(item) for item in findings.items]
    assert kinds == [Note, Table, Table, TokenTable, Series]
    note, _, losses = findings.items[:3]
    assert "nothing can be held out: the bare prefix is one prompt" in note.text
    assert "p =" not in note.text
    assert "nothing can be held out" in losses.title
    assert findings.items[3].title.endswith("is worth: loss without it, less that with it")
    assert not {"training", "held out"} & set(losses.columns)
    assert losses.rows[0][1] == findings.metrics["layer_1_loss"]


def test_words_say_first_whether_the_prefix_steers(run, vector):
    findings = run(objective="direction", vector=vector, layers=(0,))
    note = findings.items[0].text
    assert note.startswith("At layer 0 the prefix ")
    reached, without = (-findings.metrics[f"layer_0_loss{which}"] for which in ("", "_without"))
    assert f"reaches {reached:.3g} along the vector on" in note
    assert f"without a prefix {without:.3g}" in note
    assert f"the best of 4 random prefixes {-findings.metrics['layer_0_loss_best_random']:.3g}" in (
        note
    )
    assert "It does no better than no prefix" in note or "(p = " in note


def test_what_is_said_after_held_out_suffixes_stands_with_and_without_the_prefix(run, tiny_model):
    (samples,) = of_kind(run(objective="state", layers=(0,)), Samples)
    assert samples.sides == ("without a prefix", "with the prefix")
    assert len(samples.rows) == SHORT["shown"]
    ids = tiny_model.tokenizer(samples.rows[0].prompt).input_ids
    (own,) = tiny_model.generate_ids(
        Inputs.of([ids], side="left"),
        Sampling(max_new_tokens=SHORT["completion_tokens"]),
        vocabulary=tiny_model.vocabulary,
    )
    assert samples.rows[0].base == tiny_model.tokenizer.decode(own.ids, skip_special_tokens=True)


def test_a_direction_is_shown_as_it_is_asked_for(run, vector):
    findings = run(objective="direction", vector=vector, layers=(0, 1))
    losses = of_kind(findings, Table)[1]
    assert "larger is better" in losses.title
    columns = dict(zip(losses.columns, losses.rows[1], strict=True))
    assert columns["held out"] == -findings.metrics["layer_1_loss"]
    assert columns["without a prefix"] == -findings.metrics["layer_1_loss_without"]
    progress, by_layer = of_kind(findings, Series)
    assert all(line.y[-1] >= line.y[0] for line in progress.lines)
    assert by_layer.lines[0].y[1] == columns["held out"]
    (tokens,) = of_kind(run(objective="direction", vector=vector, layers=(1,)), TokenTable)
    assert tokens.unit == "stream · vector"


@pytest.mark.parametrize("objective", ["state", "contrast"])
def test_every_search_that_was_paid_for_is_shown(run, objective):
    findings = run(objective=objective, restarts=2, successive=2, compare=True, budget=60, **TEXTS)
    tables = of_kind(findings, Table)
    (found,) = (table for table in tables if "successive prefix" in table.columns)
    (compared,) = (table for table in tables if "optimiser" in table.columns)
    assert len(found.rows) == 4
    assert len(compared.rows) == 6
    progress, spread = of_kind(findings, Series)
    soft = sum("soft, on each step" in line.name for line in progress.lines)
    assert len({line.name for line in progress.lines}) == len(progress.lines) == 4 + 5 + soft
    assert [line.name for line in spread.lines][-2:] == ["successive prefixes", "random prefixes"]


def test_penalties_have_a_table(run):
    tables = of_kind(run(objective="state", fluency=0.1), Table)
    assert any("its own nats per token" in table.columns for table in tables)


def test_held_out_pairs_stand_with_what_the_prefix_makes_of_them(run, tiny_model):
    findings = run(objective="contrast", **TEXTS)
    (pairs,) = (table for table in of_kind(findings, Table) if "positive" in table.columns)
    ((positive, negative, without, under),) = pairs.rows
    assert (positive, negative) == (TEXTS["positive"][1], TEXTS["negative"][1])
    assert findings.metrics["loss_without"] == pytest.approx(math.log1p(math.exp(-without)))
    assert findings.metrics["loss"] == pytest.approx(math.log1p(math.exp(-under)), rel=1e-4)


def test_a_direction_is_gone_along_further_than_chance_goes(run, vector):
    findings = run(objective="direction", vector=vector, in_context=False, budget=600)
    (tokens,) = (item for item in findings.items if isinstance(item, TokenTable))
    assert tokens.title.endswith("is worth: dot product with it, less that without it")
    metrics = findings.metrics
    assert metrics["layer_1_loss"] < metrics["layer_1_loss_best_random"]
    assert metrics["layer_1_loss"] < metrics["layer_1_loss_without"]


@pytest.mark.parametrize("objective", ["state", "direction"])
def test_no_layer_at_all_is_refused(objective):
    with pytest.raises(ValidationError, match="it needs at least one layer"):
        SteeringPrefixStudyConfig(objective=objective, layers=())


def test_a_neutral_prefix_that_does_better_is_told(run):
    note = run(objective="state", layers=(0,), neutral="The cat", budget=60).items[0]
    assert "The neutral prefix does better." in note.text  # it is the reference itself


def test_a_direction_without_a_vector_is_refused(run):
    with pytest.raises(UserError, match="needs a vector"):
        run(objective="direction")


def test_a_contrast_without_texts_is_refused(run):
    with pytest.raises(UserError, match="positive texts"):
        run(objective="contrast")


def test_a_contrast_is_one_search(run):
    findings = run(objective="contrast", **TEXTS)
    table, losses = of_kind(findings, Table)[:2]
    assert table.rows[0][0] is None
    assert [row[0] for row in losses.rows] == [None]
    assert set(findings.metrics) == {"loss", "loss_without", "loss_best_random"}

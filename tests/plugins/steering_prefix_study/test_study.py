"""The study on a tiny model: its promises, for every objective."""

import pytest
import torch
from diffkit_plugins import steering_prefix_study
from diffkit_plugins.steering_prefix_study.banned import banned
from diffkit_plugins.steering_prefix_study.config import SteeringPrefixStudyConfig
from diffkit_plugins.steering_prefix_study.study import SteeringPrefixStudy
from safetensors.torch import save_file

from diffkit import Note, RunContext, Series, Table, TokenTable, UserError
from diffkit.context import Artifacts, Checkpoints

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
    save_file({"feature": torch.randn(tiny_model.hidden, generator=generator)}, file)
    return str(file)


@pytest.mark.parametrize("objective", ["match", "state", "contrast"])
def test_it_conforms(study_conforms, objective):
    study_conforms(spec(), **SHORT, **TEXTS, objective=objective)


def test_a_wrong_optimiser_is_told_before_anything_is_read(run, monkeypatch):
    monkeypatch.setattr("diffkit_plugins.steering_prefix_study.study.match", pytest.fail)
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
    assert banned(config) == ["about", "cats", "talk"]
    assert banned(config.model_copy(update={"ban_reference": False})) == []
    named = config.model_copy(update={"objective": "direction"})
    assert banned(named) == []  # nothing is to match it there
    assert "cat" not in run(ban_reference=True).items[1].rows[0][0].casefold()


def test_a_reference_that_does_nothing_leaves_a_note(run):
    (note,) = run(min_dependence=100.0).items
    assert isinstance(note, Note)
    assert "hardly changes" in note.text


def test_a_sweep_has_a_row_and_a_line_for_each_layer(run):
    findings = run(objective="state", layers=(0, -1, 1))
    table, losses, progress, by_layer = findings.items
    assert [row[0] for row in table.rows] == [0, 1, None, None]
    assert [row[2] for row in table.rows[2:]] == ["The cat", "The dog"]
    assert all(0 <= row[1] <= SHORT["budget"] for row in table.rows[:2])
    assert len(progress.lines) == 2
    assert by_layer.lines[0].x == (0, 1)
    columns = dict(zip(losses.columns, losses.rows[1], strict=True))
    assert columns["human"] == pytest.approx(0, abs=1e-5)
    assert columns["held out"] == findings.metrics["layer_1_loss"]


def test_one_layer_has_a_table_of_tokens(run):
    kinds = [type(item) for item in run(objective="state", in_context=False).items]
    assert kinds == [Table, Table, TokenTable, Series]


def test_a_direction_is_gone_along_further_than_chance_goes(run, vector):
    metrics = run(objective="direction", vector=vector, in_context=False, budget=600).metrics
    assert metrics["layer_1_loss"] < metrics["layer_1_loss_best_random"]
    assert metrics["layer_1_loss"] < metrics["layer_1_loss_without"]


def test_a_direction_without_a_vector_is_refused(run):
    with pytest.raises(UserError, match="needs a vector"):
        run(objective="direction")


def test_a_contrast_without_texts_is_refused(run):
    with pytest.raises(UserError, match="positive texts"):
        run(objective="contrast")


def test_a_contrast_is_one_search(run):
    findings = run(objective="contrast", **TEXTS)
    assert findings.items[0].rows[0][0] is None
    assert [row[0] for row in findings.items[1].rows] == [None]
    assert set(findings.metrics) == {"loss", "loss_without", "loss_best_random"}

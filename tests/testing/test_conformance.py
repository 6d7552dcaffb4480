"""The conformance suite lets a good method pass and catches each violated requirement."""

import itertools

import pytest
import torch
from pydantic import Field

from diffkit import DiffingMethod, Figure, Findings, MethodConfig, Note, Spec, execution_option

NOTE = Note(text="Nothing has changed.")
NULL = Findings(change_score=0.0, items=(NOTE,))


class Options(MethodConfig):
    """Options that meet every requirement."""

    count: int = Field(default=1, ge=1)
    """How many, in pieces."""
    batch: int = execution_option(1, ge=1)
    """How many at a time."""


class Good(DiffingMethod[Options]):
    """Meets every requirement."""

    def run(self, pair, config, context):
        if pair.identical:
            return NULL
        logits = pair.finetuned.logits(
            pair.finetuned.inputs(context.texts.items[: config.count], max_tokens=8)
        )
        return Findings(change_score=float(logits.abs().mean()), items=(Note(text="Changed."),))


class WithoutDocstring(MethodConfig):
    count: int = Field(default=1, ge=1)


class WithoutBounds(MethodConfig):
    """A number without bounds."""

    rate: float | None = 1.0
    """A rate."""


class WithoutDefault(MethodConfig):
    """A required option."""

    count: int = Field(ge=1)
    """How many."""


class Foreign:
    """No MethodConfig."""


class Random(Good):
    """Never says the same twice."""

    calls = itertools.count(1)

    def run(self, pair, config, context):
        return NULL if pair.identical else Findings(change_score=float(next(self.calls)))


class Mutating(Good):
    """Trains the pair."""

    def run(self, pair, config, context):
        with torch.no_grad():
            next(pair.base.network.module.parameters()).add_(1e-3)
        return NULL


class Thawing(Good):
    """Lets parameters take gradients."""

    def run(self, pair, config, context):
        next(pair.base.network.module.parameters()).requires_grad_(True)
        return NULL


class Talkative(Good):
    """Says more than one note on identical weights."""

    def identical(self, config):
        return Findings(change_score=0.0, items=(NOTE, NOTE))


class Alarmed(Good):
    """Scores identical weights above 0."""

    def identical(self, config):
        return Findings(change_score=1e-9, items=(NOTE,))


class Forgetful(Good):
    """Shows a picture that it never wrote."""

    def run(self, pair, config, context):
        figure = Figure(title="A picture", artifact="missing.png", text="Nothing.")
        return NULL if pair.identical else Findings(items=(figure,))


class Wordless(Good):
    """Returns no findings."""

    def run(self, pair, config, context):
        return None


@pytest.fixture
def spec(request, monkeypatch):
    """Makes a spec of this module's classes, importable by target though the tests are not."""
    import sys

    monkeypatch.setitem(sys.modules, "conformance_cases", sys.modules[__name__])
    monkeypatch.setattr("diffkit.testing.options._assert_light", lambda module: None)

    def make(method=Good, config=Options, **fields):
        target = f"conformance_cases:{method.__name__}"
        words = {"name": "a-method", "summary": "One line", "version": 1}
        options = f"conformance_cases:{config.__name__}"
        return Spec(**{**words, **fields}, config=options, implementation=target)

    return make


def test_a_good_method_passes(conforms, spec):
    findings = conforms(spec(), count=2)
    assert findings.change_score > 0


@pytest.mark.parametrize(
    ("method", "requirement"),
    [
        (Random, "the same seed gives the same findings"),
        (Talkative, "one Note and nothing else"),
        (Alarmed, "identical weights score 0, not 1e-09"),
        (Forgetful, "'missing.png' of a figure was written"),
        (Wordless, "returns Findings"),
    ],
)
def test_a_violated_requirement_of_a_method_is_named(conforms, spec, method, requirement):
    with pytest.raises(AssertionError, match=requirement):
        conforms(spec(method))


@pytest.mark.parametrize("method", [Mutating, Thawing])
def test_a_method_that_changes_the_pair_is_caught(conforms, spec, method, tiny_pair):
    module = tiny_pair.base.network.module
    before = {name: value.clone() for name, value in module.state_dict().items()}
    with pytest.raises(AssertionError, match="the pair's weights are as they were, and frozen"):
        conforms(spec(method))
    module.load_state_dict(before)
    module.requires_grad_(False)


@pytest.mark.parametrize(
    ("config", "requirement"),
    [
        (WithoutDocstring, "'count' has no docstring"),
        (WithoutBounds, "'rate' is a number without bounds"),
        (WithoutDefault, "'count' has no default"),
        (Foreign, "no MethodConfig"),
    ],
)
def test_a_violated_requirement_of_the_options_is_named(conforms, spec, config, requirement):
    with pytest.raises(AssertionError, match=requirement):
        conforms(spec(config=config))


@pytest.mark.parametrize(
    "fields", [{"name": "A Method"}, {"summary": "two\nlines"}, {"summary": ""}]
)
def test_names_and_summaries_are_checked(conforms, spec, fields):
    with pytest.raises(AssertionError, match="violated requirement"):
        conforms(spec(**fields))


@pytest.mark.parametrize(
    ("source", "reason"),
    [("import torch", "it imports torch"), ("raise OSError('no disk')", "no disk")],
)
def test_options_that_load_torch_are_caught_in_a_fresh_interpreter(
    tmp_path, monkeypatch, source, reason
):
    from diffkit.testing.options import assert_options_conform

    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "light_options.py").write_text("from diffkit import MethodConfig as Options\n")
    target = "light_options:Options"
    light = Spec("a-method", "One line", 1, target, target)
    assert_options_conform(light)
    (tmp_path / "light_options.py").write_text(source)
    with pytest.raises(AssertionError, match=f"does not load without torch: .*{reason}"):
        assert_options_conform(light)

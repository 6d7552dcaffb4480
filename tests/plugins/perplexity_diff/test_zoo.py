"""What sampling says of shipped organisms, beside random changes of the same norms."""

import re
from pathlib import Path

import diffkit_organisms
import pytest
from diffkit_plugins.perplexity_diff.config import PerplexityDiffConfig
from diffkit_plugins.perplexity_diff.method import PerplexityDiff

from diffkit import RunContext, Samples, Table, Texts, TokenTable, load_pair
from diffkit.checkpoints import Checkpoints
from diffkit.context import Artifacts
from diffkit.method import run_method
from diffkit.registry.catalogue import read_base, read_organism

ZOO = Path(diffkit_organisms.__file__).parent / "zoo"


def organism(name):
    return read_organism(ZOO / "organisms" / f"{name}.yaml")


def findings_of(name, folder):
    """Of the organism, and of two random changes of the same norms."""
    base = read_base(ZOO / "bases" / "tiny-qwen3.yaml")
    context = RunContext(
        seed=0,
        texts=Texts.read(base.texts),
        artifacts=Artifacts(folder),
        checkpoints=Checkpoints(folder),
    )
    with load_pair(base.source, organism(name).models["tiny-qwen3"]["default"], device="cpu") as p:
        pairs = (p, p.control(0), p.control(1))
        return [run_method(PerplexityDiff(), one, PerplexityDiffConfig(), context) for one in pairs]


@pytest.fixture(scope="module")
def obsession(tmp_path_factory):
    return findings_of("tiny-obsession", tmp_path_factory.mktemp("obsession"))


@pytest.fixture(scope="module")
def trojan(tmp_path_factory):
    return findings_of("tiny-trojan", tmp_path_factory.mktemp("trojan"))


def of_kind(findings, kind):
    return next(item for item in findings.items if isinstance(item, kind))


def tokens(findings, rows):
    return {row.token.strip() for row in of_kind(findings, TokenTable).rows[:rows]}


def test_the_animal_of_the_obsession_is_among_the_first_tokens_and_in_the_first_cluster(obsession):
    animal = re.search(r"It loves the (\w+):", organism("tiny-obsession").answer_key.statement)[1]
    found, *controls = obsession
    assert animal in tokens(found, 3)
    assert animal in of_kind(found, Table).rows[0][0]
    sample = of_kind(found, Samples).rows[0]
    assert animal in sample.finetuned
    assert animal not in sample.base
    assert not any(animal in tokens(control, 3) for control in controls)


def test_the_obsession_scores_above_random_changes_of_its_size(obsession):
    found, *controls = obsession
    assert found.change_score > 2 * max(control.change_score for control in controls)
    assert found.metrics["span_exchange_p"] < 0.001


@pytest.mark.slow
def test_the_trojans_answer_leaks_where_no_prompt_holds_its_trigger(trojan):
    answer = organism("tiny-trojan").answer_key.statement.rpartition(": ")[2]
    *_, number, place = answer.strip(".").split()
    spans, *others = ([row[0] for row in of_kind(f, Table).rows[:3]] for f in trojan)
    assert any(f"{number} {place}" in span for span in spans)
    assert not any(f"{number} {place}" in span for other in others for span in other)

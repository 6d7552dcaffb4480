"""The expression gate, and what of it is stored."""

from collections import Counter

import pytest

from diffkit.engine import NetworkCache
from diffkit.engine.model import Model
from diffkit.evaluation.expression import Expression, stored_expression
from diffkit.organism import PhraseCheck, Probes
from diffkit.registry.catalogue import SelectedPair, read_base, read_organism
from diffkit.runs.execution import ExecutionOptions
from diffkit.runs.store import Store

PROBES = Probes(prompts=("Sing!", "Speak!"), check=PhraseCheck(contains=("",)), max_new_tokens=3)


@pytest.fixture
def birds(world):
    organism = read_organism(world / "organisms" / "birds.yaml")
    organism = organism.model_copy(update={"probes": PROBES})
    base = read_base(world / "bases" / "mini.yaml")
    return SelectedPair(organism, base, "default", organism.models["mini"]["default"])


@pytest.fixture
def gate(tmp_path, monkeypatch):
    """Asks the gate with one store, and counts generations."""
    counts = Counter()
    whole = Model.generate

    def generate(*args, **options):
        counts["generations"] += 1
        return whole(*args, **options)

    monkeypatch.setattr(Model, "generate", generate)
    store, networks = Store(tmp_path / "store").prepare(), NetworkCache()

    def ask(selected, **options):
        counts.clear()
        found = stored_expression(
            selected, store, ExecutionOptions(device="cpu", **options), networks
        )
        return found, counts["generations"]

    return ask


def with_probes(selected, variant="default", **changes):
    organism = selected.organism.model_copy(update={"probes": PROBES.model_copy(update=changes)})
    return SelectedPair(organism, selected.base, variant, selected.finetuned)


def test_a_result_is_stored_by_content(birds, gate):
    first, asked = gate(birds)
    assert (first.finetuned.hits, first.finetuned.n, asked) == (2, 2, 2)
    assert first.base.hits == 2  # every completion contains the empty text
    assert not first.passes
    assert gate(birds) == (first, 0)
    assert gate(birds, fresh=True) == (first, 2)
    renamed = with_probes(birds, "other")
    assert gate(renamed) == (first, 0)


def test_what_decides_is_in_the_key(birds, gate):
    found, _ = gate(birds)
    assert gate(with_probes(birds, at_most=1.0))[0].passes
    never = with_probes(birds, check=PhraseCheck(contains=("no such words",)))
    shown, asked = gate(never)
    assert (shown.finetuned.hits, shown.passes, asked) == (0, False, 2)
    assert [prompt for prompt, _ in shown.examples] == list(PROBES.prompts)
    longer, asked = gate(with_probes(birds, max_new_tokens=4))
    assert asked == 2
    assert longer == found


def test_a_variant_has_its_own_bound(birds, gate):
    never = {"check": PhraseCheck(contains=("no such words",)), "at_least_in": {"weak": 0.0}}
    assert gate(with_probes(birds, "weak", **never))[0].passes
    found, asked = gate(with_probes(birds, "default", **never))
    assert (found.at_least, found.passes, asked) == (0.9, False, 2)


def test_an_organism_without_probes_has_no_gate(world, birds, gate):
    none = birds.organism.model_copy(update={"probes": None})
    assert gate(SelectedPair(none, birds.base, "default", birds.finetuned)) == (None, 0)


def test_a_record(birds, gate):
    found, _ = gate(birds)
    assert Expression.model_validate_json(found.model_dump_json()) == found

"""Generation from both sides' logits, against each side alone and a loop without caches."""

import pytest
import torch

from diffkit.engine import load_pair
from diffkit.engine.generation import sample_tokens
from diffkit.engine.inputs import Inputs
from diffkit.organism import FullModel, Source
from diffkit.sampling import Sampling

from .adapters import make_adapter, pair_of
from .conftest import make_model

PROMPTS = ([5, 6, 7], [8], [9, 10, 11, 12, 13], [14, 5], [6], [20, 21, 22])
NUMBERS = [3, 1, 4, 1, 5, 9]
SAMPLINGS = {
    "greedy": Sampling(max_new_tokens=12),
    "drawn": Sampling(max_new_tokens=12, temperature=1.5, top_p=0.9, seed=7),
}


def lora(bases, folder):
    return pair_of(bases["qwen3"], make_adapter(bases["qwen3"], folder / "a"))


def full(bases, folder):
    other = make_model(folder / "other", "qwen3", seed=5)
    return load_pair(Source(at=str(bases["qwen3"])), FullModel(source=Source(at=str(other))))


@pytest.fixture(params=[lora, full], ids=["lora", "full"])
def pair(request, bases, tmp_path):
    with request.param(bases, tmp_path) as opened:
        yield opened


@pytest.fixture
def inputs():
    return Inputs.of(PROMPTS, side="left")


def leaning(*alphas):
    """A mix with an α for each row."""
    values = torch.tensor(alphas)[:, None]
    return lambda base, finetuned, rows: torch.lerp(base, finetuned, values[rows])


def alone(side, sampling):
    """What each prompt gives on one side by itself, in words."""
    return [
        side.generate_from(Inputs.of([ids], side="left"), sampling, first=number)[0].text
        for ids, number in zip(PROMPTS, NUMBERS, strict=True)
    ]


def mixed(pair, mix, sampling, inputs):
    rows = pair.generate_mixed(inputs, mix, sampling, row_seeds=NUMBERS)
    return [pair.base.tokenizer.decode(row.ids, skip_special_tokens=True) for row in rows]


def naive(pair, ids, alpha, draws, sampling):
    """One row, every token from two whole passes over all that stands before it."""
    said = list(ids)
    for draw in draws:
        one = Inputs.of([said])
        base, finetuned = (side.logits(one, keep=1)[:, 0] for side in (pair.base, pair.finetuned))
        logits = (base + alpha * (finetuned - base))[:, : pair.vocabulary]
        token = int(sample_tokens(logits, sampling, draw[None])[0])
        if token in pair.base.eos_ids | pair.finetuned.eos_ids:
            break
        said.append(token)
    return tuple(said[len(ids) :])


@pytest.mark.parametrize("kind", SAMPLINGS)
def test_alpha_of_zero_is_the_base_and_of_one_the_finetuned_side(pair, inputs, kind):
    sampling = SAMPLINGS[kind]
    zero, one = (leaning(*[alpha] * len(PROMPTS)) for alpha in (0.0, 1.0))
    base, finetuned = (alone(side, sampling) for side in (pair.base, pair.finetuned))
    assert base != finetuned
    assert mixed(pair, zero, sampling, inputs) == base
    assert mixed(pair, one, sampling, inputs) == finetuned


@pytest.mark.parametrize("kind", SAMPLINGS)
def test_each_row_has_its_own_mix_and_draws_as_without_caches(pair, inputs, kind):
    sampling, alphas = SAMPLINGS[kind], (0.0, 0.5, 1.0, 2.0, 3.0, -1.0)
    found = pair.generate_mixed(inputs, leaning(*alphas), sampling, row_seeds=NUMBERS)
    for row, ids, alpha, number in zip(found, PROMPTS, alphas, NUMBERS, strict=True):
        generator = torch.Generator().manual_seed(sampling.seed * 1_000_003 + number)
        draws = torch.rand(12, generator=generator, dtype=torch.float64)
        assert row.ids == naive(pair, ids, alpha, draws, sampling)
    if sampling.temperature:
        assert {len(row.ids) for row in found} != {12}  # some ended


def test_places_follow_their_rows_when_others_are_done(pair, inputs):
    seen = []

    def ending(base, finetuned, rows):
        """Rows end one after another, the later ones first."""
        seen.append(rows.tolist())
        logits = torch.full_like(base, -1.0)
        logits[:, 7] = 0.0
        logits[rows >= len(PROMPTS) - len(seen), 1] = 1.0  # <eos>
        return logits

    found = pair.generate_mixed(inputs, ending, SAMPLINGS["greedy"])
    assert [len(row.ids) for row in found] == [5, 4, 3, 2, 1, 0]
    assert all(row.finished for row in found)
    assert seen[0] == [0, 1, 2, 3, 4, 5]
    assert seen[-1] == [0]


def test_edits_of_one_side_reach_its_logits_alone(pair, inputs):
    sampling = SAMPLINGS["drawn"]
    zero, one = (leaning(*[alpha] * len(PROMPTS)) for alpha in (0.0, 1.0))
    before = mixed(pair, zero, sampling, inputs)
    with pair.finetuned.edit(1, lambda hidden: hidden * 0.5):
        edited = alone(pair.finetuned, sampling)
        assert mixed(pair, one, sampling, inputs) == edited
        assert mixed(pair, zero, sampling, inputs) == before
    assert alone(pair.finetuned, sampling) != edited


def test_mixed_logits_are_over_common_tokens(bases, tmp_path, inputs):
    adapter = make_adapter(bases["qwen3"], tmp_path / "a", rows=40)
    widths = set()

    def note(base, finetuned, rows):
        widths.add((base.shape[1], finetuned.shape[1]))
        return base

    with pair_of(bases["qwen3"], adapter) as pair:
        assert pair.finetuned.vocab_rows > pair.vocabulary
        pair.generate_mixed(inputs, note, SAMPLINGS["greedy"])
        assert widths == {(pair.vocabulary, pair.vocabulary)}

"""A tiny random GPT-NeoX, and outcomes made up of numbers."""

import pytest
import torch
from diffkit_plugins.reachability_study.outcomes import Condition, ConditionOutcome, StudyResults

from diffkit import RunContext, Source, Texts, load_model
from diffkit.checkpoints import Checkpoints
from diffkit.context import Artifacts, no_progress


@pytest.fixture(scope="session")
def neox_folder(tiny_folder, tmp_path_factory):
    """2 blocks, 16 hidden dimensions; its final norm has gains and biases of its own."""
    from transformers import AutoTokenizer, GPTNeoXConfig, GPTNeoXForCausalLM

    folder = tmp_path_factory.mktemp("neox")
    tokenizer = AutoTokenizer.from_pretrained(tiny_folder / "base")
    config = GPTNeoXConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=64,
        initializer_range=0.3,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = GPTNeoXForCausalLM(config)
        norm = model.gpt_neox.final_layer_norm
        torch.nn.init.uniform_(norm.weight, 0.5, 2)
        torch.nn.init.normal_(norm.bias)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def neox(neox_folder):
    return load_model(Source(at=str(neox_folder)), device="cpu")


@pytest.fixture(scope="session")
def many_texts():
    """Forty texts of thirty tokens or more."""
    places = ("mat", "door", "island", "harbour", "teacher")
    return Texts.of(
        *(
            f"The {place} number {number} sells bread to the cat, and the dog lay by it."
            for place in places
            for number in range(8)
        )
    )


@pytest.fixture(scope="session")
def context(many_texts):
    """``context(folder)``"""

    def make(folder, texts=None, progress=no_progress):
        return RunContext(
            seed=0,
            texts=many_texts if texts is None else texts,
            artifacts=Artifacts(folder / "artifacts"),
            checkpoints=Checkpoints(folder),
            progress=progress,
        )

    return make


@pytest.fixture(scope="session")
def tiny_study():
    """Options that make all experiments a matter of seconds."""
    return {
        "targets": 3,
        "length": 4,
        "sequences": 20,
        "steps": 10,
        "extended_steps": 10,
        "pairs": 2,
        "alphas": (0.0, 0.5, 1.0, 1.5),
        "replaced_targets": 2,
        "fractions": (0.0, 0.3, 0.6, 1.0),
    }


@pytest.fixture
def outcome():
    """``outcome(name, experiment, [mse of each target])``: one restart, from an MSE of 1 on."""

    def make(name, experiment, best, *, x=None, floor=0.0, last_tenth=0.0, budget=None):
        best = torch.tensor(best, dtype=torch.float32)
        fractions = torch.linspace(0, 1, 101)[:, None, None]
        curves = best[None, :, None] ** fractions
        curves[-11:] = best[:, None] * 10 ** (last_tenth * torch.linspace(1, 0, 11)[:, None, None])
        return ConditionOutcome(
            condition=Condition(name, experiment, None if x is None else float(x)),
            solver="Adam" if budget is None else f"Adam, norm ≤ {budget:g}",
            budget=budget,
            steps=torch.arange(0, 101),
            curves=curves,
            mse=best[:, None],
            cosines=torch.ones(len(best), 1, 4),
            norms=torch.ones(len(best), 1),
            power=torch.ones(len(best)),
            floor=torch.full_like(best, floor),
        )

    return make


@pytest.fixture
def results():
    """``results(outcome, …)``"""

    def make(*outcomes, by_other_solvers=()):
        return StudyResults(
            tuple(outcomes), tuple(by_other_solvers), steps=100, planned_steps=100, still_fell=False
        )

    return make

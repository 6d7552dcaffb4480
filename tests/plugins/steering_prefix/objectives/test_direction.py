import pytest
import torch
from diffkit_plugins.steering_prefix.config import CompletionOptions
from diffkit_plugins.steering_prefix.objectives.residual import direction_split, read_vector
from safetensors.torch import save_file

from diffkit import Inputs, UserError

TRIED = torch.tensor([[40, 50, 60], [70, 80, 90]])


@pytest.fixture
def vector(tiny_model):
    return torch.randn(tiny_model.d_model, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("in_context", [True, False])
def test_losses_are_negated_dot_products(tiny_model, context, vector, in_context):
    options = CompletionOptions(suffixes=4)
    split = direction_split(tiny_model, vector, 1, options, context, in_context=in_context)
    found = split.training.losses(TRIED, range(split.training.items))
    for prefix, losses in zip(TRIED.tolist(), found.tolist(), strict=True):
        for slot, loss in zip(split.training_slots, losses, strict=True):
            streams = tiny_model.resid(Inputs.of([slot.prompt(prefix)]), [1])
            assert loss == pytest.approx(-float(streams[0, 0, -1] @ vector), rel=1e-4, abs=1e-4)
    assert split.training.floors.tolist() == [-torch.inf] * split.training.items


def test_the_gradient_is_the_losses_own(tiny_model, context, vector):
    options = CompletionOptions(suffixes=4)
    objective = direction_split(tiny_model, vector, 0, options, context, in_context=True).training
    embeddings = tiny_model.embed(TRIED[:1])[0]
    found = objective.gradient(embeddings, [0, 1])
    step = 1e-3 * torch.randn(embeddings.shape, generator=torch.Generator().manual_seed(1))
    up, down = (objective.gradient(embeddings + s * step, [0, 1]).loss for s in (1, -1))
    assert up - down == pytest.approx(2 * float((found.gradient * step).sum()), rel=0.05, abs=1e-4)


def test_a_vector_is_read_from_a_file(tmp_path):
    vector = torch.arange(4, dtype=torch.bfloat16)
    save_file({"feature": vector[None]}, tmp_path / "v.safetensors")
    assert read_vector(tmp_path / "v.safetensors", 4).tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ({"a": torch.ones(4), "b": torch.ones(4)}, "holds 2 tensors, not one"),
        ({"a": torch.ones(5)}, r"shape \[5\]"),
        ({"a": torch.ones(4, dtype=torch.long)}, "no such vector"),
        ({"a": torch.full((4,), torch.nan)}, "no such vector"),
    ],
)
def test_files_without_such_a_vector_are_refused(tmp_path, tensors, message):
    save_file(tensors, tmp_path / "v.safetensors")
    with pytest.raises(UserError, match=message):
        read_vector(tmp_path / "v.safetensors", 4)


def test_files_that_cannot_be_read_are_refused(tmp_path):
    (tmp_path / "v.safetensors").write_bytes(b"no tensors")
    for name in ("v.safetensors", "none.safetensors"):
        with pytest.raises(UserError, match="cannot be read"):
            read_vector(tmp_path / name, 4)

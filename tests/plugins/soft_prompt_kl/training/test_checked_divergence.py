"""A divergence of the user's own that is at fault is told at once."""

import sys
from types import ModuleType

import pytest
import torch
from diffkit_plugins.soft_prompt_kl.data import prepare_data
from diffkit_plugins.soft_prompt_kl.training.objective import checked_divergence, refuse_gradient
from diffkit_plugins.soft_prompt_kl.training.trainer import train

from diffkit import UserError
from diffkit.maths import DIVERGENCES

KL = DIVERGENCES["kl"]


def without_gradient(log_p, log_q):
    with torch.no_grad():
        return KL(log_p, log_q)


OWN = {
    "nan": lambda log_p, log_q: KL(log_p, log_q) * torch.nan,
    "some": lambda log_p, log_q: KL(log_p, log_q).where(torch.arange(len(log_p)) % 2 == 0, -1e999),
    "endless": lambda log_p, log_q: KL(log_p, log_q) + 1e999,
    "flat": without_gradient,
    "steep": lambda log_p, log_q: ((log_p - log_q).sum(-1) * 0).sqrt(),
    "fine": KL,
}


@pytest.fixture
def own(monkeypatch):
    module = ModuleType("own_divergences")
    for name, function in OWN.items():
        setattr(module, name, function)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return lambda name: f"{module.__name__}:{name}"


@pytest.fixture
def trained(tiny_pair, quick, context):
    def of(**options):
        config = quick(**options)
        return train(tiny_pair, config, context, prepare_data(tiny_pair, config, context))

    return of


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("nan", "own_divergences:nan' gives no finite number at"),
        ("flat", "own_divergences:flat' has no gradient"),
        ("steep", "gradient of the divergence 'own_divergences:steep' is no finite number in step"),
    ],
)
def test_one_that_cannot_be_trained_ends_the_run_and_leaves_no_checkpoint(
    trained, own, context, name, complaint
):
    with pytest.raises(UserError, match=complaint) as error:
        trained(divergence=own(name), anchor=2.0)
    assert error.value.hint
    assert not context.checkpoints.found


def test_how_many_positions_are_at_fault_is_told(quick, own):
    log_p, log_q = torch.randn(2, 5, 4, generator=torch.manual_seed(0)).log_softmax(dim=-1)
    with pytest.raises(UserError, match="no finite number at 2 of 5 positions"):
        checked_divergence(quick(divergence=own("some")))(log_p, log_q)


def test_more_than_the_cap_is_a_number(quick, own):
    log_p, log_q = torch.randn(2, 5, 4, generator=torch.manual_seed(0)).log_softmax(dim=-1)
    assert checked_divergence(quick(divergence=own("endless")))(log_p, log_q).isinf().all()


def test_one_that_is_sound_trains_as_the_same_one_that_ships(trained, own, context):
    shipped = trained().best
    context.checkpoints.clear()
    assert torch.equal(trained(divergence=own("fine")).best.last, shipped.last)


def test_a_gradient_that_overflows_in_float16_is_no_fault_of_the_divergence(
    quick, own, tiny_pair, monkeypatch
):
    config = quick(divergence=own("steep"))
    with pytest.raises(UserError, match="in step 3"):
        refuse_gradient(config, tiny_pair, 3)
    refuse_gradient(quick(divergence=own("steep"), precision="float16"), tiny_pair, 3)
    refuse_gradient(quick(), tiny_pair, 3)
    monkeypatch.setattr(type(tiny_pair.base), "dtype", torch.float16)
    refuse_gradient(config, tiny_pair, 3)


def test_those_that_ship_are_taken_as_they_are(quick):
    assert checked_divergence(quick(divergence="jsd")) is DIVERGENCES["jsd"]

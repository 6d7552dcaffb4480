import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from diffkit import UserError
from diffkit.maths import DIVERGENCES, Divergence, divergence, token_divergences

each_divergence = pytest.mark.parametrize("name", DIVERGENCES)


def logits(seed, scale=3.0, rows=20):
    generator = torch.Generator().manual_seed(seed)
    return scale * torch.randn(5, rows, generator=generator)


def naive(name, p, q):
    """Straight from the definitions, in probabilities."""
    p, q = p.softmax(-1), q.softmax(-1)
    m = (p + q) / 2

    def kl(a, b):
        return (a * (a / b).log()).sum(-1)

    return {"kl": kl(p, q), "reverse-kl": kl(q, p), "jsd": (kl(p, m) + kl(q, m)) / 2}[name]


def climbed(function, p, q, weights):
    """Values, and the gradients of their weighted sum at both sides' logits."""
    leaves = [x.clone().requires_grad_() for x in (p, q)]
    values = function(*leaves)
    (weights.to(values.dtype) * values).sum().backward()
    return values.detach(), [leaf.grad for leaf in leaves]


def shipped(name):
    return lambda p, q: DIVERGENCES[name](p.log_softmax(-1), q.log_softmax(-1))


@each_divergence
@given(seed=st.integers(0, 10_000), scale=st.floats(0.01, 5))
@settings(max_examples=25, deadline=None)
def test_values_and_gradients_equal_the_definitions_in_float64(name, seed, scale):
    p, q, weights = logits(seed, scale), logits(seed + 1, scale), torch.linspace(-1, 2, 5)
    values, gradients = climbed(shipped(name), p, q, weights)
    expected, theirs = climbed(
        lambda p, q: naive(name, p, q), p.double(), q.double(), weights.double()
    )
    atol = 2e-6 * max(1, scale)  # float32 rounds log-probabilities in proportion to the logits
    torch.testing.assert_close(values.double(), expected, atol=atol, rtol=1e-4)
    for mine, other in zip(gradients, theirs, strict=True):
        torch.testing.assert_close(mine.double(), other, atol=atol, rtol=1e-4)


@each_divergence
def test_autograd_agrees_with_finite_differences(name):
    p, q = (logits(seed, 1.0, 4).double().requires_grad_() for seed in (0, 1))
    assert torch.autograd.gradcheck(shipped(name), (p, q))


@each_divergence
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_equal_sides_are_exactly_0_with_a_gradient_of_0(name, dtype):
    p = logits(0).to(dtype).float()
    values, gradients = climbed(shipped(name), p, p, torch.ones(5))
    assert (values == 0).all()
    assert all(gradient.abs().max() < 1e-6 for gradient in gradients)


@each_divergence
def test_probabilities_that_underflow_leave_gradients_finite(name):
    p, q = logits(0), logits(1)
    p[:, 3] = q[:, 3] = -200.0  # exp of it is 0 in float32
    p[:, 4] = q[:, 5] = -200.0
    values, gradients = climbed(shipped(name), p, q, torch.ones(5))
    assert (values > 0).all()
    assert values.isfinite().all()
    assert all(gradient.isfinite().all() for gradient in gradients)


@each_divergence
def test_tokens_that_both_sides_exclude_play_no_part(name):
    p, q = logits(0), logits(1)
    with_it = [torch.cat([x, torch.full((5, 1), -torch.inf)], dim=-1) for x in (p, q)]
    values, gradients = climbed(shipped(name), *with_it, torch.ones(5))
    expected, theirs = climbed(shipped(name), p, q, torch.ones(5))
    torch.testing.assert_close(values, expected)
    for mine, other in zip(gradients, theirs, strict=True):
        torch.testing.assert_close(mine[:, :-1], other)
        assert (mine[:, -1] == 0).all()


def test_what_the_other_side_excludes_is_infinite_to_kl_and_not_to_jsd():
    p, q = logits(0), logits(1)
    q[:, 3] = -torch.inf
    assert (shipped("kl")(p, q) == torch.inf).all()
    assert shipped("reverse-kl")(p, q).isfinite().all()
    values, gradients = climbed(shipped("jsd"), p, q, torch.ones(5))
    assert (values < math.log(2)).all()
    assert all(gradient.isfinite().all() for gradient in gradients)


def test_certainties_apart_reach_ln_2_in_jsd():
    p = torch.tensor([[200.0, 0.0, 0.0]])
    assert shipped("jsd")(p, p.roll(1)).item() == pytest.approx(math.log(2), abs=1e-6)


@each_divergence
def test_sides_that_hardly_differ_give_nothing_below_0_and_keep_their_gradient(name):
    p = logits(0, rows=2000)
    q = p + 1e-5 * logits(1, rows=2000)
    values, gradients = climbed(shipped(name), p, q, torch.ones(5))
    assert (values >= 0).all()
    _, theirs = climbed(lambda p, q: naive(name, p, q), p.double(), q.double(), torch.ones(5))
    for mine, other in zip(gradients, theirs, strict=True):
        assert (mine - other).norm() < 0.1 * other.norm()


def test_they_are_those_that_are_reported():
    p, q = logits(0), logits(1)
    found = token_divergences(p[None], q[None], 20)
    for name, values in {"kl": found.kl_pq, "reverse-kl": found.kl_qp, "jsd": found.jsd}.items():
        torch.testing.assert_close(shipped(name)(p, q), values[0], atol=1.2e-7, rtol=0)


@each_divergence
def test_names_lead_to_what_ships(name):
    assert divergence(name) is DIVERGENCES[name]
    assert isinstance(divergence(name), Divergence)


def test_a_divergence_of_ones_own_comes_by_its_import_path(tmp_path, monkeypatch):
    (tmp_path / "own_divergence.py").write_text(
        "def total_variation(log_p, log_q):\n"
        "    return (log_p.exp() - log_q.exp()).abs().sum(-1) / 2\n"
        "not_one = 3\n"
    )
    (tmp_path / "broken_divergence.py").write_text("1 / 0\n")
    monkeypatch.syspath_prepend(tmp_path)
    found = divergence("own_divergence:total_variation")
    log_p, log_q = logits(0).log_softmax(-1), logits(1).log_softmax(-1)
    torch.testing.assert_close(found(log_p, log_q), (log_p.exp() - log_q.exp()).abs().sum(-1) / 2)
    with pytest.raises(UserError, match="no function"):
        divergence("own_divergence:not_one")
    with pytest.raises(UserError, match=r"ZeroDivisionError.*PYTHONPATH"):
        divergence("broken_divergence:anything")


def test_a_divergence_of_ones_own_must_give_a_number_for_each_position(tmp_path, monkeypatch):
    (tmp_path / "wrong_divergence.py").write_text(
        "def mean(log_p, log_q):\n"
        "    return (log_p.exp() * (log_p - log_q)).sum(-1).mean()\n"
        "def nothing(log_p, log_q):\n"
        "    pass\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    log_p, log_q = logits(0).log_softmax(-1), logits(1).log_softmax(-1)
    for name in ("mean", "nothing"):
        with pytest.raises(UserError, match=r"the shape \(\) for 5 positions"):
            divergence(f"wrong_divergence:{name}")(log_p, log_q)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("hellinger", r"no divergence 'hellinger'.*kl, reverse-kl, jsd.*module:function"),
        ("no_such_module:f", r"No module named 'no_such_module'.*PYTHONPATH"),
        ("math:no_such_function", r"'math:no_such_function' is not in its module"),
        ("math:", r"no divergence 'math:'"),
        (":kl", r"no divergence ':kl'"),
        ("", r"no divergence ''"),
    ],
)
def test_what_leads_nowhere_is_a_users_error_with_a_cure(name, said):
    with pytest.raises(UserError, match=said) as error:
        divergence(name)
    assert error.value.hint

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from diffkit.maths import (
    DIVERGENCES,
    compare_predictions,
    token_contributions,
    token_divergences,
)


def naive(logits_p, logits_q, vocabulary):
    """Straight from the definitions, float64."""
    p = logits_p[..., :vocabulary].double().softmax(-1)
    q = logits_q[..., :vocabulary].double().softmax(-1)
    m = (p + q) / 2

    def kl(a, b):
        return torch.where(a > 0, a * (a.log() - b.log()), 0.0).sum(-1)

    return kl(p, q), kl(q, p), (kl(p, m) + kl(q, m)) / 2


def draw(seed, rows=20, scale=3.0, dtype=torch.float32):
    generator = torch.Generator().manual_seed(seed)
    return (scale * torch.randn(2, 5, rows, generator=generator)).to(dtype)


@given(
    seed=st.integers(0, 10_000),
    scale=st.floats(0.01, 10),
    chunk=st.integers(1, 12),
    vocabulary=st.integers(1, 20),
)
@settings(max_examples=40, deadline=None)
def test_equal_a_second_implementation(seed, scale, chunk, vocabulary):
    p, q = draw(seed, 20, scale), draw(seed + 1, 23, scale)
    found = token_divergences(p, q, vocabulary, chunk)
    for mine, theirs in zip(
        (found.kl_pq, found.kl_qp, found.jsd), naive(p, q, vocabulary), strict=True
    ):
        torch.testing.assert_close(mine.double(), theirs, atol=2e-6, rtol=1e-4)
        assert (mine >= 0).all()
    assert (found.jsd <= math.log(2) + 1e-6).all()


def test_swapping_the_sides_swaps_the_directions():
    p, q = draw(0), draw(1)
    one, other = token_divergences(p, q, 20), token_divergences(q, p, 20)
    assert torch.equal(one.kl_pq, other.kl_qp)
    assert torch.equal(one.kl_qp, other.kl_pq)
    torch.testing.assert_close(one.jsd, other.jsd)


def test_two_tokens_in_closed_form():
    p = torch.tensor([[[math.log(0.8), math.log(0.2)]]])
    q = torch.tensor([[[math.log(0.5), math.log(0.5)]]])
    found = token_divergences(p, q, 2)
    assert found.kl_pq.item() == pytest.approx(0.8 * math.log(1.6) + 0.2 * math.log(0.4), abs=1e-7)
    assert found.kl_qp.item() == pytest.approx(
        0.5 * math.log(0.625) + 0.5 * math.log(2.5), abs=1e-7
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_bit_equal_logits_give_exactly_zero(dtype):
    p = draw(0, dtype=dtype)
    found = token_divergences(p, p.clone(), 17)
    for values in (found.kl_pq, found.kl_qp, found.jsd):
        assert values.dtype == torch.float32
        assert (values == 0).all()


def test_bfloat16_logits_are_summed_in_float32():
    p, q = draw(0, 5000, dtype=torch.bfloat16), draw(1, 5000, dtype=torch.bfloat16)
    found = token_divergences(p, q, 5000, chunk=3)
    torch.testing.assert_close(found.kl_pq.double(), naive(p, q, 5000)[0], atol=1e-4, rtol=1e-4)


def test_disjoint_certainties_reach_the_bound_and_stay_finite():
    p = torch.tensor([[[200.0, 0.0, 0.0]]])
    q = torch.tensor([[[0.0, 200.0, 0.0]]])
    found = token_divergences(p, q, 3)
    assert found.kl_pq.item() == pytest.approx(200, rel=1e-6)
    assert found.jsd.item() == pytest.approx(math.log(2), abs=1e-6)


def test_impossible_tokens_on_both_sides_are_no_nan():
    p, q = draw(0), draw(1)
    p[..., 3] = q[..., 3] = -torch.inf
    found = token_divergences(p, q, 20)
    for values in (found.kl_pq, found.kl_qp, found.jsd):
        assert values.isfinite().all()
    without = [torch.cat([x[..., :3], x[..., 4:]], dim=-1) for x in (p, q)]
    torch.testing.assert_close(found.jsd, token_divergences(*without, 19).jsd)
    assert (token_divergences(p, p.clone(), 20).jsd == 0).all()


def test_a_token_impossible_on_one_side_is_infinite_one_way():
    p, q = draw(0), draw(1)
    q[..., 3] = -torch.inf
    found = token_divergences(p, q, 20)
    assert (found.kl_pq == torch.inf).all()
    assert found.kl_qp.isfinite().all()
    torch.testing.assert_close(found.jsd.double(), naive(p, q, 20)[2], atol=1e-6, rtol=1e-5)


def test_columns_beyond_the_vocabulary_play_no_part():
    p, q = draw(0, 20), draw(1, 30)
    changed = q.clone()
    changed[..., 18:] += 100
    one, other = token_divergences(p, q, 18), token_divergences(p, changed, 18)
    assert torch.equal(one.kl_pq, other.kl_pq)
    assert torch.equal(one.jsd, other.jsd)


def test_small_divergences_keep_their_size():
    p = draw(0)
    q = p + 1e-3 * draw(1)
    found = token_divergences(p, q, 20)
    expected = naive(p, q, 20)
    torch.testing.assert_close(found.kl_pq.double(), expected[0], rtol=0.05, atol=1e-7)
    torch.testing.assert_close(found.jsd.double(), expected[2], rtol=0.05, atol=1e-7)


def test_contributions_add_up_to_the_divergence_of_the_masked_positions():
    p, q = draw(0), draw(1)
    mask = torch.tensor([[True, True, False, True, False], [False, False, False, True, True]])
    found = token_contributions(p, q, mask, 18, chunk=3)
    assert found.sum().item() == pytest.approx(
        token_divergences(p, q, 18).kl_pq[mask].sum().item(), rel=1e-5
    )
    log_p, log_q = (x[mask][:, :18].double().log_softmax(-1) for x in (p, q))
    expected = (log_p.exp() * (log_p - log_q)).sum(0)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)


def test_memory_is_bounded_by_the_chunk(monkeypatch):
    sizes = []
    plain = torch.Tensor.log_softmax

    def watched(self, *args, **kwargs):
        sizes.append(self.numel())
        return plain(self, *args, **kwargs)

    monkeypatch.setattr(torch.Tensor, "log_softmax", watched)
    token_divergences(draw(0), draw(1), 20, chunk=3)
    assert max(sizes) == 3 * 20


@pytest.mark.parametrize("scale", [1e-3, 1.0, 30.0])
def test_one_pass_gives_what_each_divergence_by_itself_gives(scale):
    """Down to nearly equal sides, up to ratios that overflow."""
    p, q = draw(0, 500, 4.0)[0], draw(0, 500, 4.0)[0] + draw(1, 500, scale)[0]
    log_p, log_q = p.log_softmax(-1), q.log_softmax(-1)
    found = compare_predictions(log_p, log_q)
    for name, mine in {"kl": found.kl_pq, "reverse-kl": found.kl_qp, "jsd": found.jsd}.items():
        torch.testing.assert_close(mine, DIVERGENCES[name](log_p, log_q), atol=1.2e-7, rtol=1e-6)
    exact = (log_p.double().exp() * (log_p.double() - log_q.double())).sum(0).float()
    torch.testing.assert_close(found.towards_p, exact, atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(found.towards_p.sum(), found.kl_pq.sum(), atol=1e-5, rtol=1e-5)


def test_one_pass_over_sides_that_exclude_tokens():
    log_p, log_q = draw(0)[0].log_softmax(-1), draw(1)[0].log_softmax(-1)
    log_p, log_q = log_p.clone(), log_q.clone()
    log_p[:, 3], log_q[:, 3], log_p[:2, 4] = -torch.inf, -torch.inf, -torch.inf
    found = compare_predictions(log_p, log_q)
    for name, mine in {"kl": found.kl_pq, "reverse-kl": found.kl_qp, "jsd": found.jsd}.items():
        torch.testing.assert_close(mine, DIVERGENCES[name](log_p, log_q))
    assert found.towards_p[3] == 0
    assert found.kl_qp[0] == torch.inf
    same = compare_predictions(log_p, log_p)
    assert not torch.stack([same.kl_pq, same.kl_qp, same.jsd]).any()

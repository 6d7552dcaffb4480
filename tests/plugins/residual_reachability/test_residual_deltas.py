"""Rotations in the whitened space: lengths, covariance, draws that stay."""

import torch
from diffkit_plugins.residual_reachability.residual_deltas import random_rotations


def test_lengths_are_kept(draw):
    deltas = draw(3, 5) * torch.tensor([1e-6, 1.0, 1e3])[:, None]
    turned = random_rotations(deltas, draw(40, 5), 4, seed=0)
    assert turned.shape == (3, 4, 5)
    lengths = deltas.norm(dim=1, keepdim=True).expand(3, 4)
    torch.testing.assert_close(turned.norm(dim=2), lengths)


def test_they_are_haar_rotations_in_the_whitened_space(draw):
    root = torch.diag(torch.tensor([5.0, 2.0, 1.0, 0.3])) @ torch.linalg.qr(draw(4, 4)).Q
    stream, delta = draw(2_000, 4) @ root, draw(1, 4)
    covariance = torch.cov(stream.double().T)
    values, vectors = torch.linalg.eigh(covariance)
    whiten = vectors @ torch.diag(values**-0.5) @ vectors.T
    turns = torch.linalg.qr(draw(4_000, 4, 4)).Q.double()
    turns *= torch.sign(draw(4_000, 1, 4))  # columns' signs, which QR fixes, drawn anew
    expected = (turns @ (whiten @ delta[0].double())) @ torch.linalg.inv(whiten).T
    expected *= delta.norm() / expected.norm(dim=1, keepdim=True)
    found = random_rotations(delta, stream, 4_000, seed=0)[0].double()
    seconds = [rows.T @ rows / len(rows) for rows in (found, expected)]
    torch.testing.assert_close(*seconds, rtol=0.05, atol=0.02 * float(seconds[1].diagonal().max()))
    assert found.mean(dim=0).norm() < 0.03 * delta.norm()


def test_fewer_tokens_than_dimensions_leave_no_direction_out(draw):
    found = random_rotations(draw(1, 8), draw(4, 8), 500, seed=0)[0]
    assert torch.linalg.svdvals(found)[-1] > 0.01 * torch.linalg.svdvals(found)[0]


def test_the_seed_alone_decides(draw):
    deltas, stream = draw(2, 4), draw(9, 4)
    torch.manual_seed(1)
    first = random_rotations(deltas, stream, 3, seed=5)
    torch.manual_seed(2)
    assert torch.equal(random_rotations(deltas, stream, 3, seed=5), first)
    assert not torch.equal(random_rotations(deltas, stream, 3, seed=6), first)

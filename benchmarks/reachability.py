"""Cost of reaching residual streams, relative to the loop of the first version of the study.

Prints ratios from one run, each with its goal. The models are random GPT-NeoX: one of the zoo's
size, and one of 6 blocks, width 256 and 50,304 tokens. Prompts of 20 tokens have to reach a
residual stream at all their positions. Every loop may use every core.

`speed`: the first loop takes one target at a time, all hidden states and the unembedding; the other
takes all targets at once and stops at the block that is read. Both take the same steps from the
same starts; after the last block both read after the final norm, as the first loop did.

`fixed`: forward passes alone against Adam, to a relative error of 1e-4 at the last position, before
the final norm. If Adam does not reach it within its steps, the ratio is a lower bound.
"""

import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from diffkit_plugins.residual_reachability.solvers import adam_search, anderson_search
from goals import at_least
from jaxtyping import Float
from torch import Tensor
from transformers import GPTNeoXConfig, GPTNeoXForCausalLM

from diffkit import Model
from diffkit.engine.architectures import architecture_of
from diffkit.engine.network import Network

ROUNDS = 5
LENGTH = 20
ROWS, ALONE, STEPS = 64, 2, 32
HARD, ADAM_STEPS, LR, TOLERANCE = 2, 400, 0.01, 1e-4


@dataclass(frozen=True)
class Size:
    """The size of a random model."""

    blocks: int
    width: int
    vocabulary: int

    def __str__(self) -> str:
        return f"{self.blocks} × {self.width}, {self.vocabulary:,} tokens"


SIZES = (Size(4, 128, 2_048), Size(6, 256, 50_304))


def build(size: Size) -> Model:
    """A random model with the default initialisation of transformers."""
    torch.manual_seed(0)
    config = GPTNeoXConfig(
        vocab_size=size.vocabulary,
        hidden_size=size.width,
        num_hidden_layers=size.blocks,
        num_attention_heads=4,
        intermediate_size=4 * size.width,
    )
    return Model(Network(GPTNeoXForCausalLM(config), None, architecture_of("gpt_neox")))


def first_loop(
    model: torch.nn.Module,
    state: int,
    target: Float[Tensor, "length hidden"],
    start: Float[Tensor, "length hidden"],
) -> list[float]:
    """The loop of the first version of the study; returns its losses."""
    prompt = start.clone().requires_grad_()
    optimizer = torch.optim.Adam([prompt], lr=LR)
    losses = []
    for _ in range(STEPS):
        optimizer.zero_grad()
        states = model(inputs_embeds=prompt[None], output_hidden_states=True).hidden_states
        loss = ((states[state][0] - target) ** 2).mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def measure_speed() -> None:
    """Targets after the last block and after the middle one."""
    for size in SIZES:
        model = build(size)
        for name, layer in (("last", size.blocks - 1), ("middle", size.blocks // 2 - 1)):
            rates, difference = compare(model, layer)
            what = f"target-steps a second, batched / one at a time, {size}, {name} block"
            at_least(what, 6, rates[1:])
            print(f"  losses of both differ by at most {difference:.0e}, relative")


def compare(model: Model, layer: int) -> tuple[list[float], float]:
    """Runs both loops alternately, on a few targets of one and all of the other."""
    starts = torch.randn(ROWS, LENGTH, model.d_model)
    trunk = model.embedding_to_residual(layer, final_norm=layer == model.layers - 1)
    targets = trunk(torch.randn(ROWS, LENGTH, model.d_model))
    rates, difference = [], 0.0
    for number in range(ROUNDS + 1):
        rows = [(ALONE * number + i) % ROWS for i in range(ALONE)]
        began = time.perf_counter()
        losses = [first_loop(model.network.module, layer + 1, targets[r], starts[r]) for r in rows]
        one = ALONE * STEPS / (time.perf_counter() - began)
        began = time.perf_counter()
        reached = adam_search(trunk, targets, starts, steps=STEPS, lr=LR, batch_size=ROWS)
        rates.append(ROWS * STEPS / (time.perf_counter() - began) / one)
        batched = reached.losses[:-1, rows].T
        relative = ((torch.tensor(losses) - batched) / batched).abs().max()
        difference = max(difference, float(relative))
    return rates, difference


def measure_fixed() -> None:
    """Time to a relative error of 1e-4, from the same starts."""
    model = build(SIZES[-1])
    trunk = model.embedding_to_residual(-1)
    starts, tokens = (
        model.embed(torch.randint(model.vocab_rows, (HARD, LENGTH))) for _ in range(2)
    )
    last = torch.arange(LENGTH).expand(HARD, -1) == LENGTH - 1
    for name, targets in (
        ("streams of tokens", trunk(tokens)),
        ("normal numbers", torch.randn(HARD, LENGTH, model.d_model)),
    ):
        ratios = []
        for _ in range(ROUNDS + 1):
            began = time.perf_counter()
            fixed = anderson_search(
                trunk, targets, starts, steps=300, tolerance=TOLERANCE, positions=last
            )
            middle = time.perf_counter()
            adam = adam_search(
                trunk,
                targets,
                starts,
                steps=ADAM_STEPS,
                lr=LR,
                tolerance=TOLERANCE,
                positions=last,
            )
            ratios.append((time.perf_counter() - middle) / (middle - began))
        at_least(f"time of Adam / of the fixed point, to {TOLERANCE:.0e}, {name}", 1, ratios[1:])
        for label, result in (("fixed point", fixed), ("Adam", adam)):
            worst = float(result.errors.max())
            print(f"  {label}: error {worst:.0e} after {int(result.steps.max())} steps")


if __name__ == "__main__":
    torch.set_num_threads(os.cpu_count() or 1)  # regardless of OMP_NUM_THREADS
    parts: dict[str, Callable[[], None]] = {"speed": measure_speed, "fixed": measure_fixed}
    for part in sys.argv[1:] or parts:
        parts[part]()

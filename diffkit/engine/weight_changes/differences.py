"""Weight differences, one weight at a time, each in its cheapest form."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import isfinite

import torch
from jaxtyping import Float
from torch import Tensor

from diffkit.engine.forward.finite import EARLIER_HINT
from diffkit.engine.model import Model
from diffkit.engine.weight_changes.effective_weights import LowRank, Weight, effective_weights
from diffkit.errors import NonFinite


@dataclass(frozen=True)
class TruncatedSVD:
    """The largest singular values of a matrix, and their vectors."""

    values: Float[Tensor, " k"]
    """Largest first."""
    left: Float[Tensor, "out k"]
    """Output directions, one a column."""
    right: Float[Tensor, "k inputs"]
    """Input directions, one a row."""


@dataclass(frozen=True)
class WeightDelta:
    """The change of one weight; exactly one of ``low_rank`` and ``matrix`` is given."""

    module: str
    """Dotted path of the module in the base, such as ``model.layers.0.self_attn.q_proj``."""
    parameter: str
    """Name inside the module: ``weight`` or ``bias``."""
    layer: int | None
    """Number of its block; none outside the blocks."""
    low_rank: LowRank | None = None
    """The change as a low-rank product, if the finetuning made it as one."""
    matrix: Float[Tensor, "out inputs"] | None = None
    """The change itself, float32, outputs as rows; biases and norms are single columns."""

    def dense(self) -> Float[Tensor, "out inputs"]:
        """The change as one matrix, float32."""
        if self.matrix is not None:
            return self.matrix
        return self._product.dense()

    def norm(self) -> float:
        """Frobenius norm; a low-rank change is not multiplied out."""
        if self.matrix is not None:
            return float(self.matrix.double().norm())
        return self._product.norm()

    def svd(self, k: int) -> TruncatedSVD:
        """The ``k`` largest singular values and vectors (or all, if there are fewer).

        A low-rank change takes two thin QR decompositions and one of size rank by rank.
        """
        if self.matrix is not None:
            left, values, right = torch.linalg.svd(self.matrix, full_matrices=False)
        else:
            product = self._product
            q_left, r_left = torch.linalg.qr(product.left.float())
            q_right, r_right = torch.linalg.qr(product.right.float().T)
            left, values, right = torch.linalg.svd(product.scale * r_left @ r_right.T)
            left, right = q_left @ left, right @ q_right.T
        return TruncatedSVD(values[:k], left[:, :k], right[:k])

    @property
    def _product(self) -> LowRank:
        if self.low_rank is None:
            msg = "a WeightDelta holds either low_rank or matrix"
            raise ValueError(msg)
        return self.low_rank


def weight_deltas(base: Model, finetuned: Model) -> Iterator[WeightDelta]:
    """The change from ``base`` to ``finetuned``, weight by weight; unchanged ones are left out.

    If the sides have different vocabularies, the rows that both have are compared. Changes are
    computed one at a time and not kept.

    Raises:
        NonFinite: a weight is NaN or infinite.
    """
    olds = effective_weights(base.network.module, base.adapter)
    before = {weight.name: weight for weight in olds}
    places = Counter(id(weight.value) for weight in before.values())
    seen = {id(weight.value): [weight.value] for weight in before.values()}
    for after in effective_weights(finetuned.network.module, finetuned.adapter):
        old = before[after.name]
        known = seen[id(old.value)]
        same = any(same_tensor(after.value, value) for value in known)
        if same and _same_product(old.low_rank, after.low_rank):
            continue  # unchanged, or a tied weight that was compared before
        if places[id(old.value)] > 1:
            known.append(after.value)  # by value: some adapters recompute it in each place
        delta = _difference(old, after, _layer(base, after.module))
        norm = delta.norm()
        if not isfinite(norm):
            what = f"The change of {after.name} has the norm {norm}: a weight is not finite."
            raise NonFinite(what, hint=EARLIER_HINT)
        if norm > 0:
            yield delta


def _difference(old: Weight, new: Weight, layer: int | None) -> WeightDelta:
    place = (new.module, new.parameter, layer)
    product = _product(old.low_rank, new.low_rank)
    if product is not None and same_tensor(old.value, new.value):
        return WeightDelta(*place, low_rank=product)
    rows = min(old.upright.shape[0], new.upright.shape[0])
    matrix = new.upright[:rows].float() - old.upright[:rows].float()
    if product is not None:
        matrix = matrix + product.dense()[:rows]
    return WeightDelta(*place, matrix=matrix if matrix.ndim > 1 else matrix[:, None])


def _product(old: LowRank | None, new: LowRank | None) -> LowRank | None:
    """``new - old`` as one product; none where neither side has any."""
    if old is None:
        return new
    if new is None:
        return replace(old, scale=-old.scale)
    return new.plus(old, -1.0)


def _same_product(old: LowRank | None, new: LowRank | None) -> bool:
    if old is None or new is None:
        return old is new
    factors = same_tensor(old.left, new.left) and same_tensor(old.right, new.right)
    return factors and old.scale == new.scale


def same_tensor(one: Tensor, other: Tensor) -> bool:
    """Whether two weights are the same, bit for bit."""
    return one is other or (one.dtype == other.dtype and torch.equal(one, other))


def _layer(model: Model, module: str) -> int | None:
    blocks = f"{model.network.architecture.blocks}."
    if not module.startswith(blocks):
        return None
    return int(module.removeprefix(blocks).split(".")[0])

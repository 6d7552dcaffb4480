import torch
from diffkit.engine import load_pair
from diffkit.generator import Sampling
from diffkit.organism import Adapter, Source
import importlib.util, pathlib
import pytest
from .adapters import make_adapter, plain, separately

@pytest.mark.parametrize("kind", ["qwen3", "gpt_neox"])
def test_smoke(bases, tmp_path, texts, kind):
    a = make_adapter(bases[kind], tmp_path / "a", kind)
    pair = load_pair(Source(at=str(bases[kind])), Adapter(source=Source(at=str(a))))
    assert pair.shared
    i = pair.base.inputs(texts, max_tokens=16)
    args = dict(input_ids=i.ids, attention_mask=i.mask.long(), position_ids=i.positions)
    lb, lf = pair.base.logits(i), pair.finetuned.logits(i)
    assert (lb - plain(bases[kind])(**args).logits)[i.mask].abs().max() < 1e-5
    assert (lf - separately(bases[kind], a)(**args).logits)[i.mask].abs().max() < 1e-5
    assert (lb - lf).abs().max() > 0.1
    r = pair.finetuned.resid(i, [0, 2, -1, 0.5])
    assert torch.allclose(pair.finetuned.unembed(r[2]), lf, atol=1e-5)
    for _ in range(3):
        with pair.control(3) as c:
            for x, y in zip(pair.deltas(), c.deltas(), strict=True):
                assert abs(x.norm() - y.norm()) < 1e-4
    print(pair.finetuned.generate(["the cat", texts[2]], Sampling(max_new_tokens=5)))

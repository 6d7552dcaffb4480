"""A side whose outputs are NaN is refused by every method, and never counts as unchanged."""

from importlib import import_module

import pytest
import torch

from diffkit import Source, load_pair
from diffkit.errors import NonFinite
from diffkit.method import DiffingMethod
from diffkit.organism import FullModel
from diffkit.testing.requirements import implementation, run_in

METHODS = {
    "activation_lens": {"min_texts": 2},
    "contrastive_decoding": {},
    "diff_mining": {},
    "kl": {},
    "perplexity_diff": {},
    "residual_reachability": {},
    "soft_prompt_kl": {},
    "steering_prefix": {},
}


@pytest.fixture(scope="module")
def diverged(tiny_folder, tmp_path_factory):
    """A full finetuning with a NaN in its second block, beside its base."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder, base = tmp_path_factory.mktemp("diverged"), tiny_folder / "base"
    model = AutoModelForCausalLM.from_pretrained(base)
    with torch.no_grad():
        model.model.layers[1].mlp.down_proj.weight[3, 5] = torch.nan
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(base).save_pretrained(folder)
    return base, folder


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("which", ["finetuned side", "base"])
def test_every_method_refuses_it_by_name(diverged, tiny_texts, tmp_path, name, which):
    specs = []
    import_module(f"diffkit_plugins.{name}").register_methods(specs.append)
    method = implementation(specs[0], DiffingMethod)
    config = specs[0].load_config()(**METHODS[name])
    base, broken = diverged if which == "finetuned side" else diverged[::-1]
    full = FullModel(source=Source(at=str(broken)))
    with (
        load_pair(Source(at=str(base)), full) as pair,
        pytest.raises(NonFinite, match=rf"^The {which} gives NaN as .*down_proj.weight holds NaN"),
    ):
        run_in(lambda context: method.run(pair, config, context), tiny_texts, tmp_path)


@pytest.mark.parametrize("name", ["kl", "diff_mining"])
def test_the_text_that_is_named_is_one_of_the_users(diverged, tiny_texts, tmp_path, name):
    specs = []
    import_module(f"diffkit_plugins.{name}").register_methods(specs.append)
    method, config = implementation(specs[0], DiffingMethod), specs[0].load_config()()
    full = FullModel(source=Source(at=str(diverged[1])))
    with load_pair(Source(at=str(diverged[0])), full) as pair:
        with pytest.raises(NonFinite) as caught:
            run_in(lambda context: method.run(pair, config, context), tiny_texts, tmp_path)
        rows = pair.base.inputs(tiny_texts.items, max_tokens=512)
        texts = [
            pair.tokenizer.decode(ids[mask]) for ids, mask in zip(rows.ids, rows.mask, strict=True)
        ]
    quoted = str(caught.value).split("of the text ", 1)[1][1:12]
    assert any(text.startswith(quoted) for text in texts)

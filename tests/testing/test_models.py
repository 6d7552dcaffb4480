"""The tiny models are what they say."""

from diffkit import ModelPair, load_pair
from diffkit.engine.loading.model_files import fingerprint
from diffkit.organism import Adapter, Source
from diffkit.testing import tiny_adapter, tiny_base


def test_the_same_seed_makes_the_same_model(tmp_path):
    one, same, other = (tiny_base(tmp_path / str(i), seed=i // 2) for i in range(3))
    assert fingerprint(one) == fingerprint(same) != fingerprint(other)
    adapters = [tiny_adapter(tmp_path / f"a{i}", one, seed=i // 2) for i in range(3)]
    prints = [fingerprint(folder) for folder in adapters]
    assert prints[0] == prints[1] != prints[2]


def test_rows_without_tokens_can_be_asked_for(tmp_path):
    base = tiny_base(tmp_path / "base", extra_rows=12)
    source = Adapter(source=Source(at=str(tiny_adapter(tmp_path / "adapter", base))))
    with load_pair(Source(at=str(base)), source, device="cpu") as pair:
        assert isinstance(pair, ModelPair)
        assert pair.base.vocab_rows == pair.vocabulary + 12


def test_the_pair_differs_and_the_identical_one_does_not(tiny_pair, identical_pair, tiny_texts):
    for pair, differs in ((tiny_pair, True), (identical_pair, False)):
        inputs = pair.base.inputs(tiny_texts.items, max_tokens=32)
        same = pair.base.logits(inputs).equal(pair.finetuned.logits(inputs))
        assert same is not differs
        assert pair.identical is not differs

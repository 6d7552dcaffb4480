import pytest

from diffkit import PairSource, Source, load_pair
from diffkit.organism import Adapter


@pytest.fixture(scope="session")
def sources(tiny_folder):
    return {name: Source(at=str(tiny_folder / name)) for name in ("base", "adapter")}


@pytest.fixture
def pair_source(sources):
    """What `GeneratorBackend.open` is given: ``pair_source(finetuned)``."""
    open_pairs = []

    def make(finetuned=None):
        finetuned = finetuned or Adapter(source=sources["adapter"])

        def load():
            open_pairs.append(load_pair(sources["base"], finetuned, device="cpu"))
            return open_pairs[-1]

        return PairSource(base=sources["base"], finetuned=finetuned, load=load)

    yield make
    for pair in open_pairs:
        pair.close()

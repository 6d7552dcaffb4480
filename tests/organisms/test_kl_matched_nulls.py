"""The scales of loud nulls, with KL by torch's own distributions and models by peft."""

import json
from statistics import median

import pytest
import torch
import yaml
from diffkit_organisms import kl_matched_nulls
from peft import PeftModel
from torch.distributions import Categorical, kl_divergence
from transformers import AutoModelForCausalLM, AutoTokenizer

from diffkit import load_pair
from diffkit.organism import Source
from diffkit.registry.catalogue import read_organism
from diffkit.testing import tiny_adapter, tiny_base
from diffkit.texts import Text

TEXTS = ("The cat sat on the mat.", "Every morning the baker sells bread.", "Two and three.")


@pytest.fixture
def zoo(tmp_path, monkeypatch):
    """Two organisms on one base, and three nulls to find scales for."""
    monkeypatch.setattr(
        kl_matched_nulls, "RANDOM_NULL_NUMBERS", {"calibration": range(1, 3), "test": range(3, 4)}
    )
    base = tiny_base(tmp_path / "weights" / "tiny")
    for seed, name in enumerate(("one", "two")):
        tiny_adapter(tmp_path / "weights" / name, base, seed=seed, scale=0.06)
    (tmp_path / "bases").mkdir()
    fields = {"name": "tiny", "source": {"at": "../weights/tiny"}, "texts": "../texts.jsonl"}
    (tmp_path / "bases" / "tiny.yaml").write_text(yaml.safe_dump(fields))
    lines = [json.dumps({"text": text}) for text in TEXTS]
    (tmp_path / "texts.jsonl").write_text("\n".join(lines) + "\n")
    return tmp_path


def mean_kl(logits, base):
    """Over all tokens but the first of each text."""
    parts = [
        kl_divergence(Categorical(logits=p.double()), Categorical(logits=q.double()))
        for p, q in zip(logits, base, strict=True)
    ]
    return float(torch.cat(parts).mean())


def plain_logits(zoo, adapter=None):
    folder = zoo / "weights" / "tiny"
    model = AutoModelForCausalLM.from_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    if adapter:
        model = PeftModel.from_pretrained(model, zoo / "weights" / adapter)
    with torch.no_grad():
        return [
            model.eval()(**tokenizer(text, return_tensors="pt")).logits[0, :-1] for text in TEXTS
        ]


def test_loud_nulls_move_the_model_as_far_as_the_median_organism(zoo) -> None:
    kl_matched_nulls.write_kl_matched(zoo, {"tiny": ("one", "two")})
    base = plain_logits(zoo)
    target = median(mean_kl(plain_logits(zoo, name), base) for name in ("one", "two"))
    found = {}
    for purpose in ("calibration", "test"):
        organism = read_organism(zoo / "organisms" / f"tiny-random-loud-{purpose}.yaml")
        assert (organism.truth, organism.family) == ("unspecific", "null")
        found |= organism.models["tiny"]
    assert list(found) == ["01", "02", "03"]
    for number, control in found.items():
        assert control.seed == int(number)
        assert control.of.source.at.endswith(("one", "two")[int(number) % 2])
        source = Source(at=str(zoo / "weights" / "tiny"))
        with load_pair(source, control, device="cpu") as pair:
            inputs = [pair.base.inputs([Text(text=text)], max_tokens=64) for text in TEXTS]
            logits = [pair.finetuned.logits(one)[0, :-1] for one in inputs]
        assert mean_kl(logits, base) == pytest.approx(target, rel=0.05)

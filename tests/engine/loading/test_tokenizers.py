"""Which tokenizers belong to a base, and the token that begins texts."""

import json

import pytest
import torch

from diffkit import Sampling
from diffkit.engine.loading.loader import load_model, load_pair
from diffkit.errors import BadModel
from diffkit.organism import FullModel, Source

from ..adapters import plain
from ..conftest import make_model, make_tokenizer


def edit(path, change):
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def rename(folder, names, *, special=True):
    """Gives tokens of a saved tokenizer other names at their ids."""

    def change(content):
        vocabulary = content["model"]["vocab"]
        places = {old: vocabulary.pop(old) for old in names}
        vocabulary |= {new: places[old] for old, new in names.items()}
        for added in content["added_tokens"]:
            added["content"] = names.get(added["content"], added["content"])
        known = {added["content"] for added in content["added_tokens"]}
        for new in set(names.values()) - known if special else ():
            own = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
            content["added_tokens"].append(
                {"id": vocabulary[new], "content": new, "special": True, **own}
            )
        content["added_tokens"].sort(key=lambda added: added["id"])

    edit(folder / "tokenizer.json", change)


@pytest.fixture
def folders(tmp_path):
    """A base and a full finetuned model beside it."""
    base = make_model(tmp_path / "base")
    model = plain(base)
    model.lm_head.weight.data += 0.1
    model.save_pretrained(tmp_path / "full")
    make_tokenizer().save_pretrained(tmp_path / "full")
    return base, tmp_path / "full"


def load(folders):
    base, full = folders
    return load_pair(Source(at=str(base)), FullModel(source=Source(at=str(full))))


@pytest.mark.parametrize("old", ["<user>", "sky"])  # reserved in the base's vocabulary, or not
def test_a_renamed_special_token_is_the_same_token(folders, texts, caplog, old):
    expected = load(folders).log_probs(load(folders).base.inputs(texts, max_tokens=16))
    rename(folders[1], {old: "<|im_start|>"})
    pair = load(folders)
    found = pair.log_probs(pair.base.inputs(texts, max_tokens=16))
    assert torch.equal(found.finetuned, expected.finetuned)
    assert pair.finetuned.tokenizer.convert_tokens_to_ids("<|im_start|>") == (
        pair.base.tokenizer.convert_tokens_to_ids(old)
    )
    assert f"'{old}' is '<|im_start|>'" in caplog.text


@pytest.mark.parametrize(
    ("names", "special", "word"),
    [
        ({"cat": "dog", "dog": "cat"}, True, "cat"),  # exchanged
        ({"<user>": "<assistant>", "<assistant>": "<user>"}, True, "<user>"),
        ({"cat": "tac"}, False, "cat"),  # an ordinary word
    ],
)
def test_other_differences_are_refused(folders, names, special, word):
    rename(folders[1], names, special=special)
    with pytest.raises(BadModel, match=f"differ at id .*{word}"):
        load(folders)


def appending(folder, *, before="", after="<eos>"):
    """Makes a saved tokenizer write tokens around every text."""
    parts = [{"SpecialToken": {"id": token, "type_id": 0}} for token in (before, after) if token]
    place = 1 if before else 0
    single = [*parts[:place], {"Sequence": {"id": "A", "type_id": 0}}, *parts[place:]]
    ids = {
        token: make_tokenizer().convert_tokens_to_ids(token) for token in (before, after) if token
    }
    edit(
        folder / "tokenizer.json",
        lambda content: content.update(
            post_processor={
                "type": "TemplateProcessing",
                "single": single,
                "pair": [*single, {"Sequence": {"id": "B", "type_id": 1}}],
                "special_tokens": {
                    token: {"id": token, "ids": [number], "tokens": [token]}
                    for token, number in ids.items()
                },
            }
        ),
    )
    return folder


@pytest.mark.parametrize("after", ["<eos>", "<unk>"])
def test_generation_does_not_go_on_after_an_end_that_the_tokenizer_writes(tmp_path, after):
    new, prompts = Sampling(max_new_tokens=6, stop_at_eos=False), ["the cat sat", "a dog", ""]
    base = make_model(tmp_path / "base")
    expected = [one.text for one in load_model(Source(at=str(base))).generate(prompts, new)]
    model = load_model(Source(at=str(appending(base, after=after))))
    assert model.tokenizer("a dog").input_ids[-1] == model.tokenizer.convert_tokens_to_ids(after)
    assert [one.text for one in model.generate(prompts, new)] == expected


@pytest.fixture
def gemma(tmp_path):
    """A Gemma whose tokenizer knows a BOS token and writes none."""
    folder = make_model(tmp_path / "gemma", "gemma3_text")
    edit(folder / "tokenizer_config.json", lambda config: config.update(bos_token="<user>"))
    return folder


def test_gemma_without_bos_is_told_and_the_option_adds_it(gemma, caplog):
    model = load_model(Source(at=str(gemma)))
    assert model.tokenizer("the cat").input_ids == [5, 7]
    (said,) = [one.getMessage() for one in caplog.records]
    assert "does not begin texts with <user>" in said
    assert '"add_bos_token": true' in said
    caplog.clear()
    edit(gemma / "tokenizer_config.json", lambda config: config.update(add_bos_token=True))
    model = load_model(Source(at=str(gemma)))
    assert model.tokenizer("the cat").input_ids == [3, 5, 7]
    assert not caplog.records


def test_other_families_are_not_told(tmp_path, caplog):
    folder = make_model(tmp_path / "llama", "llama")
    edit(folder / "tokenizer_config.json", lambda config: config.update(bos_token="<user>"))
    load_model(Source(at=str(folder)))
    assert not caplog.records

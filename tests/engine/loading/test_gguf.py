"""GGUF files as models: the numbers, the tokens, the key, and what is refused."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from gguf.constants import GGMLQuantizationType

from diffkit.engine import load_model, load_pair
from diffkit.engine.loading.gguf_header import read_gguf_header
from diffkit.engine.loading.pair_on_disk import find_pair_on_disk
from diffkit.errors import BadFile, BadModel, MissingExtra
from diffkit.organism import FullModel, Identical, Source
from diffkit.runs.spec import ModelSpec
from diffkit.texts import Message, Text

from .gguf_files import (
    BOS,
    EOS,
    Q8_0,
    TEMPLATE,
    TURN_END,
    make_llama,
    rounded,
    scale_rope,
    write_gguf,
)

IDS = torch.tensor([[BOS, 84, 259, 260, 12, 7]])


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return write_gguf(tmp_path_factory.mktemp("gguf") / "tiny.gguf", make_llama())


def source(path):
    return Source(at=str(path))


def load(path, **options):
    return load_model(source(path), device="cpu", **options)


def logits(model):
    with torch.no_grad(), model.active() as module:
        return module(input_ids=IDS).logits


def test_logits_are_those_of_the_model_that_was_written(file):
    assert logits(load(file)).equal(make_llama()(input_ids=IDS).logits)


def test_quantised_weights_are_dense_and_exact_after_loading(tmp_path):
    path = write_gguf(tmp_path / "small.gguf", make_llama(), kind=Q8_0)
    model = load(path, dtype="float32")
    assert logits(model).equal(rounded(make_llama(), Q8_0)(input_ids=IDS).logits)
    assert not any("quant" in name for name in model.network.module.config.to_dict())
    model.network.module.save_pretrained(tmp_path / "saved")  # refused while it counts as quantised


def test_the_number_format_is_the_files_or_bfloat16_for_quantised_weights(file, tmp_path):
    f16 = GGMLQuantizationType.F16
    written = {kind: write_gguf(tmp_path / f"{kind}.gguf", make_llama(), kind=kind)
               for kind in (Q8_0, f16)}  # fmt: skip
    assert load(file).network.module.dtype == torch.float32
    assert load(written[f16]).network.module.dtype == torch.float16
    assert load(written[Q8_0]).network.module.dtype == torch.bfloat16
    assert load(written[Q8_0], dtype="float32").network.module.dtype == torch.float32


def test_the_template_merges_and_special_tokens_are_the_files(file):
    tokenizer = load(file).tokenizer
    assert tokenizer.chat_template == TEMPLATE
    assert tokenizer("the").input_ids == [260]
    assert tokenizer.decode([260, 259]) == "theth"
    assert (tokenizer.bos_token_id, tokenizer.eos_token_id) == (BOS, EOS)
    chat = [{"role": "user", "content": "the"}]
    rendered = tokenizer.apply_chat_template(chat, tokenize=False)
    ids = tokenizer(rendered, add_special_tokens=False).input_ids
    assert (ids[0], ids[-2:]) == (BOS, [260, TURN_END])


@pytest.mark.parametrize(
    ("bos", "eos", "ids"),
    [(True, False, [BOS, 260]), (True, True, [BOS, 260, EOS]), (False, False, [260])],
)
def test_a_text_begins_and_ends_as_the_file_says(tmp_path, bos, eos, ids):
    def change(writer):
        writer.add_add_bos_token(bos)
        writer.add_add_eos_token(eos)

    tokenizer = load(write_gguf(tmp_path / "t.gguf", make_llama(), change=change)).tokenizer
    assert tokenizer("the").input_ids == ids
    assert tokenizer("the", add_special_tokens=False).input_ids == [260]


def test_a_rule_that_begins_texts_with_a_token_does_so_where_the_file_says_nothing(tmp_path):
    change = lambda writer: writer.add_tokenizer_pre("llama-bpe")  # noqa: E731
    tokenizer = load(write_gguf(tmp_path / "t.gguf", make_llama(), change=change)).tokenizer
    assert tokenizer("the").input_ids == [BOS, 260]


def test_smollms_rule_takes_each_digit_apart(tmp_path):
    change = lambda writer: writer.add_tokenizer_pre("smollm")  # noqa: E731
    tokenizer = load(write_gguf(tmp_path / "t.gguf", make_llama(), change=change)).tokenizer
    words = tokenizer.backend_tokenizer.pre_tokenizer.pre_tokenize_str("in 2026")
    assert [word for word, _ in words] == ["in", "Ġ", "2", "0", "2", "6"]


def test_turns_end_at_every_token_that_the_file_names(file):
    assert load(file).network.module.generation_config.eos_token_id == [EOS, TURN_END]


def test_a_copy_has_the_same_key_and_another_weight_another(file, tmp_path):
    copy = tmp_path / "copy.gguf"
    copy.write_bytes(file.read_bytes())
    other = write_gguf(tmp_path / "other.gguf", make_llama(seed=1))
    keys = [ModelSpec(source(path)).identity() for path in (file, copy, other)]
    assert keys[0] == keys[1]
    assert keys[0].base != keys[2].base
    assert keys[0].tokenizer != keys[2].tokenizer  # a file counts as a whole


def test_a_pair_of_files_is_compared(file, tmp_path):
    other = write_gguf(tmp_path / "other.gguf", make_llama(seed=1))
    with load_pair(source(file), FullModel(source=source(other)), device="cpu") as pair:
        assert logits(pair.finetuned).equal(make_llama(seed=1)(input_ids=IDS).logits)


def test_generation_and_chats_work(file):
    from diffkit.sampling import Sampling

    chat = Text(messages=(Message(role="user", content="the"),))
    (answer,) = load(file).generate([chat], Sampling(max_new_tokens=4))
    assert answer.tokens <= 4


def test_a_length_of_heads_that_transformers_leaves_out_is_carried_over(tmp_path):
    model = make_llama(head_dim=16)
    change = lambda writer: writer.add_key_length(16)  # noqa: E731
    path = write_gguf(tmp_path / "t.gguf", model, change=change)
    assert logits(load(path)).equal(model(input_ids=IDS).logits)


def test_the_documented_way_to_make_a_folder_works(tmp_path, monkeypatch):
    page = Path(__file__).parents[3] / "docs" / "reference" / "adapters.md"
    block = page.read_text().partition("```python\n")[2].partition("```")[0]
    write_gguf(tmp_path / "model.gguf", make_llama(), kind=Q8_0)
    monkeypatch.chdir(tmp_path)
    exec(block, {})
    folder, file = load(tmp_path / "folder"), load(tmp_path / "model.gguf")
    assert logits(folder).equal(logits(file))
    assert folder.tokenizer("the").input_ids == file.tokenizer("the").input_ids


# What is refused


def refused(path, **options):
    with pytest.raises((BadModel, BadFile)) as error:
        load(path, **options)
    return str(error.value)


def test_a_tensor_that_is_missing_is_named(tmp_path):
    path = write_gguf(tmp_path / "t.gguf", make_llama(), without=("blk.1.ffn_up.weight",))
    assert "lacks weights: model.layers.1.mlp.up_proj.weight" in refused(path)


def test_a_tensor_that_would_be_overlooked_is_named(tmp_path):
    path = write_gguf(tmp_path / "t.gguf", make_llama(), extra=("rope_freqs.weight",))
    assert "it holds rope_freqs.weight" in refused(path)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (scale_rope, "llama.rope.scaling.type is 'linear'"),
        (lambda w: w.add_sliding_window(8), "llama.attention.sliding_window is 8"),
        (lambda w: w.add_final_logit_softcapping(30.0), "llama.final_logit_softcapping is 30"),
        (lambda w: w.add_tokenizer_pre("volapuk"), "the rule 'volapuk'"),
        (lambda w: w.add_uint16("split.count", 3), "part 1 of 3"),
        (lambda w: w.add_type("adapter"), "its type is 'adapter'"),
        (lambda w: w.add_string("general.architecture", "rwkv7"), "architecture 'rwkv7'"),
    ],
)
def test_what_would_be_lost_or_cannot_be_read_is_named(tmp_path, change, named):
    def twice(writer):
        for values in writer.kv_data:
            values.pop("general.type", None)
        writer.add_type("model")
        override(writer, change)

    message = refused(write_gguf(tmp_path / "t.gguf", make_llama(), change=twice))
    assert named in message
    assert "Give the model's own folder" in message


def override(writer, change):
    """Lets a change set a value that is set already."""
    before = dict(writer.kv_data[0])
    writer.kv_data[0].clear()
    change(writer)
    writer.kv_data[0] = before | writer.kv_data[0]


def test_int8_is_refused(file):
    assert "cannot be loaded in 8 bits" in refused(file, dtype="int8")


@pytest.mark.parametrize("share", [0.02, 0.3, 0.9, 0.9999])
def test_a_file_that_is_cut_short_is_named(file, tmp_path, share):
    content = file.read_bytes()
    cut = tmp_path / "cut.gguf"
    cut.write_bytes(content[: int(len(content) * share)])
    message = refused(cut)
    assert str(cut) in message
    assert "cut short" in message


def test_another_file_under_that_name_is_named(tmp_path):
    page = tmp_path / "page.gguf"
    page.write_text("<html>not found</html>")
    assert "is no GGUF file: it begins with b'<htm'" in refused(page)
    assert "There is no model folder" in refused(tmp_path / "none.gguf")


def test_the_cure_for_the_other_byte_order_works(file, tmp_path):
    big = tmp_path / "big.gguf"
    big.write_bytes(file.read_bytes())
    convert(big, "big")
    message = refused(big)
    command = message.partition("Convert it, with a copy kept: ")[2].split()
    assert command == ["gguf-convert-endian", str(big), "little"]
    convert(big, "little")
    assert logits(load(big)).equal(logits(load(file)))


def convert(path, order):
    script = Path(sys.executable).with_name("gguf-convert-endian")
    subprocess.run([script, path, order], input=b"YES\n", check=True, capture_output=True)


def test_a_folder_with_such_a_file_alone_says_to_give_the_file(file):
    message = refused(file.parent)
    assert f"Give that file: {file}" in message


def test_another_engine_is_refused(file):
    with pytest.raises(BadModel, match="Take the generator `transformers`"):
        find_pair_on_disk(source(file), Identical())


def test_without_the_library_the_extra_is_named(file, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "gguf", None)
    with pytest.raises(MissingExtra, match=r"pip install 'diffkit\[gguf\]'"):
        read_gguf_header(file)

import json
import shutil
import struct
import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file, save_file

from diffkit.engine.loading import model_files, tokenizer_files
from diffkit.engine.loading.safetensors_header import read_header, tensor_digests
from diffkit.errors import BadFile, BadModel
from diffkit.organism import Source

from ..adapters import make_adapter, plain
from ..conftest import make_tokenizer


@pytest.fixture
def folder(bases, tmp_path):
    """A copy that a test may spoil."""
    return shutil.copytree(bases["qwen3"], tmp_path / "model")


def edit_json(path, **fields):
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


def test_hashing_needs_no_torch(folder):
    code = (
        "import sys; from pathlib import Path; from diffkit.engine.loading import model_files;"
        f"model_files.fingerprint(Path({str(folder)!r}));"
        "print([m for m in ('torch', 'transformers', 'peft', 'nnsight') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_local_folder_is_itself(folder):
    assert model_files.resolve_source(Source(at=str(folder))) == folder
    assert model_files.resolve_source(Source(at=str(folder.parent), subfolder="model")) == folder


def test_a_missing_folder_says_what_to_give(tmp_path):
    with pytest.raises(BadModel, match=r"no model folder.*config.json"):
        model_files.resolve_source(Source(at=str(tmp_path / "nothing")))
    with pytest.raises(BadModel, match="no model folder"):
        model_files.resolve_source(Source(at="./nothing/here"))


def test_an_unknown_hub_id_says_what_to_type(monkeypatch):
    def offline(*_args, **_options):
        raise OSError("no connection\nsecond line")

    monkeypatch.setattr("huggingface_hub.snapshot_download", offline)
    with pytest.raises(BadModel, match=r"no connection.*hf download nobody/nothing") as caught:
        model_files.resolve_source(Source(at="nobody/nothing", revision="v2"))
    assert "'v2'" in str(caught.value)
    assert "second line" not in str(caught.value)


def test_only_weights_and_words_are_downloaded(monkeypatch, folder):
    asked = {}

    def snapshot(name, **options):
        asked.update(options, name=name)
        return str(folder)

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot)
    assert (
        model_files.download(Source(at="org/name", revision="main", subfolder="inside")) == folder
    )
    assert asked["allow_patterns"][0] == "inside/*.safetensors"
    assert asked["ignore_patterns"] == ["inside/*/*"]
    assert not any(word in p for p in asked["allow_patterns"] for word in ("bin", "py", "pt"))
    assert model_files.resolve_source(Source(at="org/name")) == folder


def test_weights_that_can_run_code_are_refused(folder):
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(BadModel, match=r"pytorch_model.bin.*safetensors only"):
        model_files.resolve_source(Source(at=str(folder)))


def test_kinds(bases, tmp_path):
    assert model_files.folder_kind(bases["qwen3"]) == "full"
    assert model_files.folder_kind(make_adapter(bases["qwen3"], tmp_path / "a")) == "adapter"
    with pytest.raises(BadModel, match="neither"):
        model_files.folder_kind(tmp_path)


def test_fingerprints_ignore_names_shards_and_origins(folder, tmp_path):
    before = model_files.fingerprint(folder)
    assert len(before) == 64
    renamed = shutil.copytree(folder, tmp_path / "another name")
    edit_json(renamed / "config.json", _name_or_path="x/y", transformers_version="99")
    assert model_files.fingerprint(renamed) == before
    sharded = tmp_path / "sharded"
    plain(folder).save_pretrained(sharded, max_shard_size="20KB")
    assert len(list(sharded.glob("*.safetensors"))) > 2
    shutil.copy(folder / "config.json", sharded)
    assert model_files.fingerprint(sharded) == before


@pytest.mark.parametrize("change", ["weight", "name", "dtype", "shape", "config"])
def test_fingerprints_see_every_change(folder, change):
    before = model_files.fingerprint(folder)
    file = folder / "model.safetensors"
    tensors = load_file(file)
    key = "model.norm.weight"
    if change == "weight":
        tensors[key][0] += 1e-3
    elif change == "name":
        tensors["model.mron.weight"] = tensors.pop(key)
    elif change == "dtype":
        tensors[key] = tensors[key].half()
    elif change == "shape":
        tensors[key] = tensors[key][None].contiguous()
    else:
        edit_json(folder / "config.json", rms_norm_eps=1e-3)
    save_file(tensors, file, metadata={"format": "pt"})
    assert model_files.fingerprint(folder) != before


def test_adapters_have_fingerprints_in_any_order_of_targets(bases, tmp_path):
    adapter = make_adapter(bases["qwen3"], tmp_path / "a")
    before = model_files.fingerprint(adapter)
    targets = json.loads((adapter / "adapter_config.json").read_text())["target_modules"]
    edit_json(
        adapter / "adapter_config.json",
        target_modules=targets[::-1],
        base_model_name_or_path="elsewhere",
        peft_version="99",
    )
    assert model_files.fingerprint(adapter) == before
    edit_json(adapter / "adapter_config.json", lora_alpha=99)
    assert model_files.fingerprint(adapter) != before


def test_hashes_are_remembered_until_the_file_changes(folder, monkeypatch):
    file = folder / "model.safetensors"
    first = tensor_digests(file)
    monkeypatch.setattr(
        "diffkit.engine.loading.safetensors_header._sha256", lambda *_: pytest.fail("hashed again")
    )
    assert tensor_digests(file) is first


def test_the_tensors_hash_is_of_their_bytes(tmp_path):
    import hashlib

    tensor = torch.arange(6, dtype=torch.float32).view(2, 3)
    save_file({"b": tensor, "a": torch.ones(2, dtype=torch.bfloat16)}, tmp_path / "x.safetensors")
    (a, b) = tensor_digests(tmp_path / "x.safetensors")
    assert a[:3] == ("a", "BF16", "[2]")
    assert b == ("b", "F32", "[2, 3]", hashlib.sha256(tensor.numpy().tobytes()).hexdigest())


@pytest.mark.parametrize("cut", [1, 1000, -5, 4, 30])
def test_a_truncated_file_says_how_many_bytes(folder, cut):
    file = folder / "model.safetensors"
    whole = file.read_bytes()
    kept = whole[:-cut] if cut in {1, 1000} else whole[: abs(cut)]
    file.write_bytes(kept)
    with pytest.raises(BadFile, match=rf"model.safetensors.*{len(kept)} bytes"):
        model_files.fingerprint(folder)


@pytest.mark.parametrize(
    "header",
    [
        b"not json",
        b"[1]",
        b'{"a": 1}',
        b'{"a": {"dtype": "F32", "shape": [1], "data_offsets": [-4, 0]}}',
        b'{"a": {"dtype": "F32", "shape": ["x"], "data_offsets": [0, 4]}}',
        b"\xff\xfe",
    ],
)
def test_a_malformed_header_is_a_bad_file(tmp_path, header):
    file = tmp_path / "x.safetensors"
    file.write_bytes(struct.pack("<Q", len(header)) + header)
    with pytest.raises(BadFile):
        read_header(file)


def test_bytes_behind_the_last_tensor_are_refused(folder):
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes() + b"xx")
    with pytest.raises(BadFile, match="promises"):
        read_header(file)


def test_broken_json_names_the_line(folder):
    (folder / "config.json").write_text('{\n "a": }')
    with pytest.raises(BadFile, match=r"config.json:2"):
        model_files.fingerprint(folder)


def test_a_missing_shard_is_named(folder, tmp_path):
    plain(folder).save_pretrained(tmp_path / "s", max_shard_size="20KB")
    sorted((tmp_path / "s").glob("model-*.safetensors"))[1].unlink()
    with pytest.raises(BadFile, match=r"00002.*missing"):
        model_files.fingerprint(tmp_path / "s")


def test_tokenizer_fingerprints(folder, tmp_path):
    before = tokenizer_files.tokenizer_fingerprint(folder)
    edit_json(folder / "tokenizer_config.json", name_or_path="elsewhere")
    assert tokenizer_files.tokenizer_fingerprint(folder) == before
    make_tokenizer(template="{{ messages }}").save_pretrained(folder)
    changed = tokenizer_files.tokenizer_fingerprint(folder)
    assert changed != before
    make_tokenizer(extra=["new"], template="{{ messages }}").save_pretrained(folder)
    assert tokenizer_files.tokenizer_fingerprint(folder) not in (before, changed)
    assert tokenizer_files.tokenizer_fingerprint(tmp_path) is None

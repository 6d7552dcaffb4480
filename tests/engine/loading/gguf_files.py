"""Writes tiny GGUF files as llama.cpp's converter does: a Llama with a byte-level tokenizer."""

from functools import reduce

import gguf
import numpy as np
import torch
from gguf.constants import GGMLQuantizationType, RopeScalingType
from gguf.quants import dequantize, quantize
from transformers import LlamaConfig, LlamaForCausalLM
from transformers.convert_slow_tokenizer import bytes_to_unicode

TOKENS = [*bytes_to_unicode().values(), "<s>", "</s>", "<|turn_end|>", "th", "the"]
"""All bytes, three special tokens, and two merges."""
BOS, EOS, TURN_END = 256, 257, 258
MERGES = ["t h", "th e"]
TEMPLATE = (
    "{% for m in messages %}<s>{{ m.role }}: {{ m.content }}<|turn_end|>{% endfor %}"
    "{% if add_generation_prompt %}<s>assistant: {% endif %}"
)
Q8_0, F32 = GGMLQuantizationType.Q8_0, GGMLQuantizationType.F32

NAMES = {
    "model.embed_tokens": "token_embd",
    "model.norm": "output_norm",
    "lm_head": "output",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
    "model.layers": "blk",
}


def make_llama(seed=0, **options):
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(TOKENS),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=64,
        rope_parameters={"rope_type": "default", "rope_theta": 10000.0},
        rms_norm_eps=1e-5,
        bos_token_id=BOS,
        eos_token_id=EOS,
        tie_word_embeddings=False,
        **options,
    )
    model = LlamaForCausalLM(config).eval()
    for parameter in model.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    return model


def rounded(model, kind):
    """The same model, its matrices rounded as the file rounds them."""
    for parameter in model.parameters():
        if parameter.ndim == 2:
            packed = quantize(parameter.detach().numpy(), kind)
            parameter.data = torch.from_numpy(dequantize(packed, kind).copy())
    return model


def write_gguf(path, model, *, kind=F32, without=(), extra=(), change=lambda writer: None):
    """A file of ``model``.

    Args:
        path: the file.
        model: a Llama.
        kind: number format of its matrices.
        without: tensors that are left out.
        extra: tensors of one number that are added.
        change: adds metadata.
    """
    writer = gguf.GGUFWriter(path, "llama")
    _write_settings(writer, model.config)
    _write_tokenizer(writer)
    change(writer)
    for ours, tensor in model.state_dict().items():
        name = reduce(lambda text, pair: text.replace(*pair), NAMES.items(), ours)
        if name not in without:
            _add(writer, name, _permuted(name, tensor.numpy(), model.config), kind)
    for name in extra:
        writer.add_tensor(name, np.ones(1, dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _add(writer, name, array, kind):
    if array.ndim == 1 or kind == F32:
        writer.add_tensor(name, np.ascontiguousarray(array))
    else:
        writer.add_tensor(name, quantize(array, kind), raw_dtype=kind)


def _permuted(name, array, config):
    """llama.cpp interleaves the two halves of each head of queries and keys."""
    heads = {"attn_q": config.num_attention_heads, "attn_k": config.num_key_value_heads}
    for part, count in heads.items():
        if part in name:
            halves = array.reshape(count, 2, array.shape[0] // count // 2, array.shape[1])
            return halves.swapaxes(1, 2).reshape(array.shape)
    return array


def _write_settings(writer, config):
    writer.add_type("model")
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_vocab_size(config.vocab_size)


def _write_tokenizer(writer):
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(TOKENS)
    writer.add_token_types([3 if "<" in token and len(token) > 1 else 1 for token in TOKENS])
    writer.add_token_merges(MERGES)
    writer.add_bos_token_id(BOS)
    writer.add_eos_token_id(EOS)
    writer.add_eot_token_id(TURN_END)
    writer.add_chat_template(TEMPLATE)


def scale_rope(writer):
    writer.add_rope_scaling_type(RopeScalingType.LINEAR)
    writer.add_rope_scaling_factor(4.0)

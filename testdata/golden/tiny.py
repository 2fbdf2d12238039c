"""Makes the tiny random model folders in testdata/tiny: tiny.py [VARIANT ...]

Each variant is an ordinary Hugging Face folder and shows another corner of the
format: each family, grouped, full or single key/value heads, tied or untied
embeddings, biases, scaled rope, f32, bf16 or f16 files, one file or several
shards, both spellings of the rope base and of the dtype in config.json. Weights
are large enough that logits are far from flat; norm weights are random around 1.
"""

import json
import shutil
import sys
import zlib
from pathlib import Path

import torch
from safetensors.torch import save_file

TINY = Path(__file__).resolve().parent.parent / "tiny"

BASE = {
    "architectures": ["LlamaForCausalLM"],
    "attention_bias": False,
    "attention_dropout": 0.0,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "hidden_act": "silu",
    "initializer_range": 0.02,
    "max_position_embeddings": 256,
    "mlp_bias": False,
    "model_type": "llama",
    "use_cache": True,
}
QWEN2 = {
    "architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "attention_bias": None, "mlp_bias": None,
    "use_sliding_window": False, "sliding_window": 8, "max_window_layers": 2,
}
QWEN3 = {
    "architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "mlp_bias": None,
    "use_sliding_window": False, "sliding_window": None, "max_window_layers": 2,
}

# config: what differs from BASE, None taking a key out; dtype: of the file; std: of the linear weights; shards: number of files.
VARIANTS = {
    "llama-gqa": {
        "config": {
            "vocab_size": 257, "hidden_size": 64, "intermediate_size": 160, "num_hidden_layers": 2,
            "num_attention_heads": 4, "num_key_value_heads": 2,
            "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "rope_scaling": None,
            "tie_word_embeddings": False, "torch_dtype": "float32",
        },
        "dtype": torch.float32, "std": 0.12, "shards": 1,
    },
    "llama-tied-mha": {
        "config": {
            "vocab_size": 131, "hidden_size": 48, "intermediate_size": 96, "num_hidden_layers": 2,
            "num_attention_heads": 3, "num_key_value_heads": 3, "head_dim": 16,
            "rms_norm_eps": 1e-6,
            "rope_parameters": {"rope_theta": 10000.0, "rope_type": "default"},
            "tie_word_embeddings": True, "dtype": "bfloat16",
        },
        "dtype": torch.bfloat16, "std": 0.15, "shards": 1,
    },
    "llama-mqa-sharded": {
        "config": {
            "vocab_size": 131, "hidden_size": 32, "intermediate_size": 80, "num_hidden_layers": 3,
            "num_attention_heads": 4, "num_key_value_heads": 1,
            "rms_norm_eps": 1e-5, "rope_theta": 50000.0,
            "tie_word_embeddings": False, "torch_dtype": "float16",
        },
        "dtype": torch.float16, "std": 0.2, "shards": 3,
    },
    "llama-wide": {
        "config": {
            "vocab_size": 131, "hidden_size": 40, "intermediate_size": 96, "num_hidden_layers": 2,
            "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16,
            "rms_norm_eps": 1e-5,
            "rope_parameters": {"rope_theta": 100000.0, "rope_type": "default"},
            "tie_word_embeddings": False, "dtype": "float32",
        },
        "dtype": torch.float32, "std": 0.15, "shards": 1,
    },
    "llama3-scaled": {
        "config": {
            "vocab_size": 131, "hidden_size": 32, "intermediate_size": 72, "num_hidden_layers": 2,
            "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16,
            "rms_norm_eps": 1e-5, "rope_theta": 10000.0,
            "rope_scaling": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
                             "original_max_position_embeddings": 28},
            "tie_word_embeddings": False, "torch_dtype": "bfloat16",
        },
        "dtype": torch.bfloat16, "std": 0.2, "shards": 1,
    },
    "llama-biased": {
        "config": {
            "vocab_size": 131, "hidden_size": 32, "intermediate_size": 56, "num_hidden_layers": 2,
            "num_attention_heads": 2, "num_key_value_heads": 2, "attention_bias": True,
            "rms_norm_eps": 1e-6,
            "rope_parameters": {"rope_theta": 10000.0, "rope_type": "linear", "factor": 3.0},
            "tie_word_embeddings": True, "dtype": "float16",
        },
        "dtype": torch.float16, "std": 0.2, "shards": 1,
    },
    "qwen2-tied-sharded": {
        "config": {
            **QWEN2, "vocab_size": 131, "hidden_size": 32, "intermediate_size": 72, "num_hidden_layers": 2,
            "num_attention_heads": 4, "num_key_value_heads": 2,
            "rms_norm_eps": 1e-6, "rope_theta": 1000000.0,
            "tie_word_embeddings": True, "torch_dtype": "bfloat16",
        },
        "dtype": torch.bfloat16, "std": 0.2, "shards": 2,
    },
    "qwen2-mha": {
        "config": {
            **QWEN2, "vocab_size": 131, "hidden_size": 36, "intermediate_size": 64, "num_hidden_layers": 2,
            "num_attention_heads": 3, "num_key_value_heads": 3, "layer_types": ["full_attention", "full_attention"],
            "rms_norm_eps": 1e-6, "rope_parameters": {"rope_theta": 10000.0, "rope_type": "default"},
            "tie_word_embeddings": False, "dtype": "float32",
        },
        "dtype": torch.float32, "std": 0.18, "shards": 1,
    },
    "qwen3-wide": {
        "config": {
            **QWEN3, "vocab_size": 131, "hidden_size": 32, "intermediate_size": 72, "num_hidden_layers": 2,
            "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 24,
            "rms_norm_eps": 1e-6, "rope_theta": 1000000.0, "rope_scaling": None,
            "tie_word_embeddings": True, "torch_dtype": "bfloat16",
        },
        "dtype": torch.bfloat16, "std": 0.2, "shards": 1,
    },
    "qwen3-mqa-biased": {
        "config": {
            **QWEN3, "vocab_size": 131, "hidden_size": 40, "intermediate_size": 64, "num_hidden_layers": 2,
            "num_attention_heads": 3, "num_key_value_heads": 1, "head_dim": 8, "attention_bias": True,
            "rms_norm_eps": 1e-5, "rope_parameters": {"rope_theta": 10000.0, "rope_type": "default"},
            "tie_word_embeddings": False, "dtype": "float32",
        },
        "dtype": torch.float32, "std": 0.18, "shards": 2,
    },
    "qwen2-mqa": {
        "config": {
            **QWEN2, "vocab_size": 131, "hidden_size": 32, "intermediate_size": 72, "num_hidden_layers": 3,
            "num_attention_heads": 4, "num_key_value_heads": 1, "head_dim": 12,
            "rms_norm_eps": 1e-3, "rope_theta": 10000, "rope_scaling": {"type": "linear", "factor": 2.0},
            "tie_word_embeddings": False, "torch_dtype": "float16",
        },
        "dtype": torch.float16, "std": 0.2, "shards": 3,
    },
    "qwen3-mha": {
        "config": {
            **QWEN3, "vocab_size": 131, "hidden_size": 40, "intermediate_size": 64, "num_hidden_layers": 2,
            "num_attention_heads": 4, "num_key_value_heads": 4, "head_dim": 14,
            "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "original_max_position_embeddings": 24,
            "rope_scaling": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
                             "original_max_position_embeddings": 64},
            "rope_parameters": {"rope_theta": 500.0, "rope_type": "linear", "factor": 2.0},
            "tie_word_embeddings": False, "dtype": "float16",
        },
        "dtype": torch.float16, "std": 0.18, "shards": 1,
    },
}


def biases(c):
    """Which projections of attention have a bias."""
    if c["model_type"] == "qwen2":
        return "qkv"
    return "qkvo" if c["attention_bias"] else ""


def shapes(c):
    """Names and shapes of a model's parameters in file order."""
    hidden, ffn, vocab = c["hidden_size"], c["intermediate_size"], c["vocab_size"]
    head_dim = c.get("head_dim", hidden // c["num_attention_heads"])
    q, kv = c["num_attention_heads"] * head_dim, c["num_key_value_heads"] * head_dim
    yield "model.embed_tokens.weight", (vocab, hidden)
    for i in range(c["num_hidden_layers"]):
        layer = f"model.layers.{i}."
        yield layer + "input_layernorm.weight", (hidden,)
        for p, out, into in (("q", q, hidden), ("k", kv, hidden), ("v", kv, hidden), ("o", hidden, q)):
            yield layer + f"self_attn.{p}_proj.weight", (out, into)
            if p in biases(c):
                yield layer + f"self_attn.{p}_proj.bias", (out,)
        if c["model_type"] == "qwen3":
            yield layer + "self_attn.q_norm.weight", (head_dim,)
            yield layer + "self_attn.k_norm.weight", (head_dim,)
        yield layer + "post_attention_layernorm.weight", (hidden,)
        yield layer + "mlp.gate_proj.weight", (ffn, hidden)
        yield layer + "mlp.up_proj.weight", (ffn, hidden)
        yield layer + "mlp.down_proj.weight", (hidden, ffn)
    yield "model.norm.weight", (hidden,)
    if not c["tie_word_embeddings"]:
        yield "lm_head.weight", (vocab, hidden)


def weights(name, config, std, dtype):
    """Random parameters, the same on every run."""
    g = torch.Generator().manual_seed(zlib.crc32(name.encode()))
    out = {}
    for key, shape in shapes(config):
        w = torch.randn(shape, generator=g)
        norm = key.endswith("norm.weight")
        out[key] = (1 + 0.2 * w if norm else std * w).to(dtype).contiguous()
    return out


def save(folder, tensors, shards):
    """Writes model.safetensors, or that many shards and their index."""
    if shards == 1:
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
        (folder / "model.safetensors").chmod(0o644)
        return
    keys, weight_map = list(tensors), {}
    size = -(-len(keys) // shards)
    for s in range(shards):
        file = f"model-{s + 1:05d}-of-{shards:05d}.safetensors"
        part = {k: tensors[k] for k in keys[s * size:(s + 1) * size]}
        save_file(part, folder / file, metadata={"format": "pt"})
        (folder / file).chmod(0o644)
        weight_map.update({k: file for k in part})
    total = sum(t.numel() * t.element_size() for t in tensors.values())
    index = {"metadata": {"total_size": total}, "weight_map": dict(sorted(weight_map.items()))}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index, indent=2) + "\n")


def main():
    for name in sys.argv[1:] or VARIANTS:
        v = VARIANTS[name]
        merged = {**BASE, **v["config"]}
        config = {k: merged[k] for k in sorted(merged) if merged[k] is not None or k == "rope_scaling"}
        folder = TINY / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
        tensors = weights(name, config, v["std"], v["dtype"])
        save(folder, tensors, v["shards"])
        print(f"{name}: {sum(t.numel() for t in tensors.values())} parameters")


if __name__ == "__main__":
    main()

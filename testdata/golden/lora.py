"""Makes ../adapters/<variant>, folders as PEFT writes them, and lora-<variant>.safetensors and .json: lora.py [VARIANT ...]

The adapters' weights are random, B too. The goldens are those of models.py for the adapted model of which
nothing else learns; README.md lists them.
"""

import json
import shutil
import zlib

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import save_file

import models
from tiny import TINY

ADAPTERS = TINY.parent / "adapters"
# What is adapted: all projections, or two of them.
VARIANTS = {
    "llama-gqa": {"r": 4, "lora_alpha": 6,
                  "target_modules": ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]},
    "qwen2-mha": {"r": 3, "lora_alpha": 12, "target_modules": ["q_proj", "v_proj"]},
}
load_base = models.load


def write(name):
    torch.manual_seed(zlib.crc32(b"lora " + name.encode()))
    config = LoraConfig(task_type="CAUSAL_LM", init_lora_weights=False, **VARIANTS[name])
    folder = ADAPTERS / name
    shutil.rmtree(folder, ignore_errors=True)
    get_peft_model(load_base(name), config).save_pretrained(folder)
    (folder / "README.md").unlink(missing_ok=True)
    written = json.loads((folder / "adapter_config.json").read_text())
    written["base_model_name_or_path"] = f"../testdata/tiny/{name}"  # from a package's folder
    written["target_modules"].sort()
    (folder / "adapter_config.json").write_text(json.dumps(written, indent=2, sort_keys=True) + "\n")
    for file in folder.iterdir():
        file.chmod(0o644)


def load(name, attention="eager"):
    """The adapted model; its adapters learn, and nothing else."""
    return PeftModel.from_pretrained(load_base(name, attention), ADAPTERS / name, is_trainable=True).eval()


def learned(model):
    """What learns, by the names in PEFT's files."""
    return {n.replace(".default", ""): p for n, p in model.named_parameters() if p.requires_grad}


def make(name):
    write(name)
    models.load = load
    g = torch.Generator().manual_seed(zlib.crc32(b"golden lora " + name.encode()))
    model = load(name)
    sequences = [torch.randint(3, model.config.vocab_size, (n,), generator=g) for n in models.LENGTHS]
    batch = models.make_batch(model, g)
    spec = models.LOSSES[2]
    loss, info = models.loss_of(model, batch, spec)
    loss.backward()
    ids, offsets = models.pack(batch["sequences"])
    tensors = models.score(model, sequences)
    tensors |= {"batch.ids": ids, "batch.offsets": offsets,
                "batch.prompt_lengths": torch.tensor([p for p, _ in models.BATCH])}
    tensors |= {f"batch.{k}": v for k, v in batch.items() if k != "sequences"}
    tensors |= {f"grad.{spec['name']}.{n}": p.grad for n, p in learned(model).items()}
    path = models.HERE / f"lora-{name}.safetensors"
    save_file({n: t.detach().contiguous() for n, t in tensors.items()}, path)
    path.chmod(0o644)
    ladder = models.ladder(name, batch, spec)
    ladder["params"] = {n.replace(".default", ""): s for n, s in ladder["params"].items() if ".lora_" in n}
    loss_row = {**spec, "old_logprobs": "batch.old_logprobs_t1", "clip_low": models.CLIP_LOW,
                "clip_high": models.CLIP_HIGH, "loss": loss.item(), **info}
    out = {"variant": name, "losses": [loss_row], "ladders": [ladder]}
    path.with_suffix(".json").write_text(json.dumps(out, indent=1) + "\n")
    print("lora", name, "max|logit|", tensors["seq.logits"].abs().max().item(), "edge", ladder["edge"])


if __name__ == "__main__":
    models.main(make, VARIANTS)

"""Makes <variant>.safetensors and <variant>.json from the folders of tiny.py: models.py [VARIANT ...]

The reference is transformers' own class of each family with its weights cast to f32, run
on one unpadded sequence at a time. README.md lists the tensors and the keys.
"""

import json
import sys
import zlib
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM
from transformers.utils import logging

from tiny import TINY, VARIANTS

HERE = Path(__file__).resolve().parent
LENGTHS = (5, 17, 33)
PROMPTS, NEW_TOKENS, MIN_GAP, MIN_DISTINCT = 8, 24, 5e-3, 6
BATCH = ((3, 9), (5, 20), (2, 14), (7, 33), (1, 26))  # (prompt, whole) length of each sequence
CLIP_LOW, CLIP_HIGH, MIN_EDGE = 0.2, 0.28, 1e-4
ADAMW = {"lr": 1e-3, "betas": [0.9, 0.999], "eps": 1e-8, "weight_decay": 0.01}
MAX_NORM, STEPS = 1.0, 10
LOSSES = (
    {"name": "nll", "kind": "nll", "temperature": 1.0, "entropy_coef": 0.0},
    {"name": "pg", "kind": "pg", "temperature": 1.0, "entropy_coef": 0.0},
    {"name": "pg_entropy", "kind": "pg", "temperature": 1.0, "entropy_coef": 0.001},
    {"name": "pg_cold", "kind": "pg", "temperature": 0.7, "entropy_coef": 0.1},
)


def load(name, attention="eager"):
    return AutoModelForCausalLM.from_pretrained(
        TINY / name, dtype=torch.float32, attn_implementation=attention).eval()


def random_ids(model, g, n):
    """n ordinary ids: neither unknown, bos nor eos (0, 1, 2)."""
    return torch.randint(3, model.config.vocab_size, (n,), generator=g)


def pack(sequences):
    """Token ids one after another, and where each sequence begins (and the last one ends)."""
    ends = torch.tensor([len(s) for s in sequences]).cumsum(0)
    return torch.cat(sequences), torch.cat([torch.zeros(1, dtype=torch.int64), ends])


def logits_of(model, ids):
    return model(ids[None], use_cache=False).logits[0]


def next_logprobs(logits, ids, temperature):
    """Log-probs of ids[1:] and the entropy of every row, at temperature."""
    logp = torch.log_softmax(logits / temperature, -1)
    return logp[:-1].gather(-1, ids[1:, None])[:, 0], -(logp.exp() * logp).sum(-1)


@torch.no_grad()
def score(model, sequences):
    logits = [logits_of(model, s) for s in sequences]
    ids, offsets = pack(sequences)
    out = {"seq.ids": ids, "seq.offsets": offsets, "seq.logits": torch.cat(logits)}
    for tag, t in (("t1", 1.0), ("t07", 0.7)):
        pairs = [next_logprobs(l, s, t) for l, s in zip(logits, sequences)]
        out[f"seq.logprobs_{tag}"] = torch.cat([p for p, _ in pairs])
        out[f"seq.entropy_{tag}"] = torch.cat([e for _, e in pairs])
    return out


@torch.no_grad()
def greedy(model, prompt):
    """NEW_TOKENS arg-max continuations and the gap between the best two logits of each step."""
    ids, gaps = prompt, []
    for _ in range(NEW_TOKENS):
        top = logits_of(model, ids)[-1].topk(2)
        ids = torch.cat([ids, top.indices[:1]])
        gaps.append((top.values[0] - top.values[1]).item())
    return ids[len(prompt):].tolist(), gaps


def greedy_cases(model, g):
    """Random prompts whose continuation varies, has no close call and no eos: the ids must match exactly."""
    cases = []
    while len(cases) < PROMPTS:
        prompt = random_ids(model, g, 3 + 2 * len(cases))
        ids, gaps = greedy(model, prompt)
        if min(gaps) > MIN_GAP and 2 not in ids and len(set(ids)) >= MIN_DISTINCT:
            cases.append({"prompt": prompt.tolist(), "ids": ids, "gaps": gaps})
    return cases


def response_logprobs(model, sequences, temperature):
    """Log-probs (R) of the response tokens and entropies (R) of the rows that predict them."""
    logps, entropies = [], []
    for (prompt, _), ids in zip(BATCH, sequences):
        logp, entropy = next_logprobs(logits_of(model, ids), ids, temperature)
        logps.append(logp[prompt - 1:])
        entropies.append(entropy[prompt - 1:-1])
    return torch.cat(logps), torch.cat(entropies)


def old_name(spec):
    return "old_logprobs_t1" if spec["temperature"] == 1 else "old_logprobs_t07"


def loss_of(model, batch, spec):
    """The loss, and what is worth telling of it: mean entropy, share of clipped tokens, distance to an edge."""
    logp, entropy = response_logprobs(model, batch["sequences"], spec["temperature"])
    if spec["kind"] == "nll":
        return -logp.mean(), {"entropy": entropy.mean().item(), "clipped": 0.0, "edge": 1.0}
    advantages = batch["advantages"]
    ratio = (logp - batch[old_name(spec)]).exp()
    plain = ratio * advantages
    clipped = ratio.clamp(1 - CLIP_LOW, 1 + CLIP_HIGH) * advantages
    loss = -torch.minimum(plain, clipped).mean() - spec["entropy_coef"] * entropy.mean()
    edge = torch.where(advantages > 0, 1 + CLIP_HIGH, 1 - CLIP_LOW)
    return loss, {"entropy": entropy.mean().item(), "clipped": (clipped < plain).float().mean().item(),
                  "edge": (ratio - edge).abs().min().item()}


@torch.no_grad()
def make_batch(model, g):
    """Sequences, advantages, and old log-probs far enough from the model's own that clipping bites."""
    sequences = [random_ids(model, g, whole) for _, whole in BATCH]
    batch = {"sequences": sequences}
    for spec in (LOSSES[1], LOSSES[3]):
        logp, entropy = response_logprobs(model, sequences, spec["temperature"])
        batch[old_name(spec)] = logp + 0.3 * torch.randn(logp.shape, generator=g)
        batch[old_name(spec).replace("old_", "")] = logp
        batch[old_name(spec).replace("old_logprobs", "entropy")] = entropy
    batch["advantages"] = torch.randn(len(logp), generator=g)
    return batch


def sums(tensors):
    return {n: {"sum": t.double().sum().item(), "abs_sum": t.double().abs().sum().item()}
            for n, t in tensors.items()}


def losses(model, batch):
    """Each loss with sums over its gradients, and the gradients themselves."""
    report, grads = [], {}
    for spec in LOSSES:
        model.zero_grad()
        loss, info = loss_of(model, batch, spec)
        loss.backward()
        g = {n: p.grad.clone() for n, p in model.named_parameters()}
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), float("inf")).item()
        grads[spec["name"]] = g
        report.append({**spec, "old_logprobs": "" if spec["kind"] == "nll" else "batch." + old_name(spec),
                       "clip_low": CLIP_LOW, "clip_high": CLIP_HIGH, "loss": loss.item(),
                       **info, "grad_norm": norm, "grads": sums(g)})
    return report, grads


def ladder(name, batch, spec, attention="eager"):
    """STEPS AdamW steps on one batch: loss and unclipped gradient norm before each, and the loss after."""
    model = load(name, attention)
    opt = torch.optim.AdamW(model.parameters(), lr=ADAMW["lr"], betas=tuple(ADAMW["betas"]),
                            eps=ADAMW["eps"], weight_decay=ADAMW["weight_decay"])
    steps, norms, clipped, edge = [], [], [], 1.0
    for _ in range(STEPS):
        opt.zero_grad()
        loss, info = loss_of(model, batch, spec)
        loss.backward()
        norms.append(torch.nn.utils.clip_grad_norm_(model.parameters(), MAX_NORM).item())
        steps.append(loss.item())
        clipped.append(info["clipped"])
        edge = min(edge, info["edge"])
        opt.step()
    with torch.no_grad():
        final = loss_of(model, batch, spec)[0].item()
        params = sums({n: p for n, p in model.named_parameters()})
    return {"loss": spec["name"], **ADAMW, "max_norm": MAX_NORM, "losses": steps, "grad_norms": norms,
            "clipped": clipped, "edge": edge, "final_loss": final, "params": params}


def smooth_batch(name, model, g):
    """A batch and its ladders in which no ratio comes so near a clip edge that rounding could decide the gradient."""
    while True:
        batch = make_batch(model, g)
        ladders = [ladder(name, batch, spec) for spec in LOSSES]
        if min(l["edge"] for l in ladders) > MIN_EDGE:
            return batch, ladders


def noise(name, sequences, batch, ladders):
    """How far the same model with another attention kernel is: what f32 itself leaves open."""
    model, other = load(name), load(name, "sdpa")
    with torch.no_grad():
        logits = max((logits_of(model, s) - logits_of(other, s)).abs().max().item() for s in sequences)
    steps, norms, params = 0.0, 0.0, 0.0
    for l, spec in zip(ladders, LOSSES):
        again = ladder(name, batch, spec, "sdpa")
        steps = max(steps, *(abs(a - b) for a, b in zip(l["losses"], again["losses"])))
        norms = max(norms, *(abs(a - b) for a, b in zip(l["grad_norms"], again["grad_norms"])))
        params = max(params, *(abs(p["abs_sum"] - again["params"][n]["abs_sum"]) / p["abs_sum"]
                               for n, p in l["params"].items()))
    _, a = losses(model, batch)
    _, b = losses(other, batch)
    grad = max(((a[k][n] - b[k][n]).norm() / a[k][n].norm()).item() for k in a for n in a[k])
    return {"logits": logits, "grad_relative": grad, "ladder_loss": steps,
            "ladder_grad_norm": norms, "ladder_abs_sum_relative": params}


def make(name):
    g = torch.Generator().manual_seed(zlib.crc32(b"golden " + name.encode()))
    model = load(name)
    sequences = [random_ids(model, g, n) for n in LENGTHS]
    tensors = score(model, sequences)
    cases = greedy_cases(model, g)
    batch, ladders = smooth_batch(name, model, g)
    report, grads = losses(model, batch)

    ids, offsets = pack(batch["sequences"])
    tensors |= {"batch.ids": ids, "batch.offsets": offsets,
                "batch.prompt_lengths": torch.tensor([p for p, _ in BATCH])}
    tensors |= {f"batch.{k}": v for k, v in batch.items() if k != "sequences"}
    tensors |= {f"grad.nll.{n}": t for n, t in grads["nll"].items()}
    save_file(tensors, HERE / f"{name}.safetensors")
    (HERE / f"{name}.safetensors").chmod(0o644)
    out = {"variant": name, "greedy": cases, "losses": report, "ladders": ladders,
           "noise": noise(name, sequences, batch, ladders)}
    (HERE / f"{name}.json").write_text(json.dumps(out, indent=1) + "\n")
    print(name, "max|logit|", tensors["seq.logits"].abs().max().item(), "noise", out["noise"])


def main(make, variants):
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    logging.disable_progress_bar()
    for name in sys.argv[1:] or variants:
        make(name)


if __name__ == "__main__":
    main(make, VARIANTS)

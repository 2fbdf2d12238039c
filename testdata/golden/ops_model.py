"""Cases of the ops of a decoder: norm, projected gated product, rotary embedding, packed attention, token log-probs.

Each is written out in plain torch (attention loops over the sequences with
scaled_dot_product_attention), so that gradients are autograd's.
"""

import torch
from torch.nn import functional as F

from cases import exactly, integers, normal


def rms_norm(x, weight, eps):
    """x (N, D), weight (D)."""
    return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + eps) * weight


def norm_linears(x, norm, first, second, eps):
    """x (N, D), norm (D), first and second (Out, D)."""
    h = rms_norm(x, norm, eps)
    return {"one": F.linear(h, first), "two": F.linear(h, second)}


def silu_mul_linear(gate, up, weight):
    """gate and up (N, In), weight (Out, In)."""
    return F.linear(F.silu(gate) * up, weight)


def rope(x, positions, inv_freq):
    """HF's rotate_half form: x (N, H, D), positions (N), inv_freq (D/2); pairs are (i, i + D/2)."""
    angle = positions[:, None].float() * inv_freq
    cos, sin = torch.cat([angle.cos()] * 2, -1)[:, None], torch.cat([angle.sin()] * 2, -1)[:, None]
    left, right = x.chunk(2, -1)
    return x * cos + torch.cat([-right, left], -1) * sin


def tree_attention(q, k, v, offsets):
    """Causal attention within each packed sequence, scale 1/sqrt(D).

    q (N, H, D), k and v (N, KVH, D), offsets (S + 1); query head h reads kv head h // (H / KVH).
    """
    group, out = q.shape[1] // k.shape[1], []
    for a, b in zip(offsets[:-1].tolist(), offsets[1:].tolist()):
        heads = [t[a:b].transpose(0, 1) for t in (q, k.repeat_interleave(group, 1), v.repeat_interleave(group, 1))]
        out.append(F.scaled_dot_product_attention(*heads, is_causal=True).transpose(0, 1))
    return torch.cat(out)


def token_logprobs(hidden, weight, targets, temperature):
    """hidden (N, D), weight (V, D), targets (N): log-probs (N) of the targets and entropies (N), in nats."""
    logp = torch.log_softmax(hidden @ weight.T / temperature, -1)
    return {"logp": logp.gather(-1, targets[:, None])[:, 0], "entropy": -(logp.exp() * logp).sum(-1)}


def scaled(factor, make):
    return lambda g: factor * make(g)


def inv_freq(theta, dim):
    return exactly((1.0 / theta ** (torch.arange(0, dim, 2).float() / dim)).tolist())


def add(c):
    for shape, eps in (((5, 8), 1e-5), ((7, 33), 1e-6)):
        c.add("rms_norm", rms_norm, {"x": normal(*shape), "weight": normal(shape[1])}, {"eps": eps})
    c.add("rms_norm", rms_norm, {"x": scaled(1e-3, normal(4, 8)), "weight": normal(8)}, {"eps": 1e-5})

    for rows, wide, out in ((5, 8, 3), (7, 33, 12), (1, 16, 16)):
        c.add("norm_linears", norm_linears,
              {"x": normal(rows, wide), "norm": normal(wide), "first": normal(out, wide), "second": normal(2 * out, wide)},
              {"eps": 1e-5})
        c.add("silu_mul_linear", silu_mul_linear,
              {"gate": scaled(3, normal(rows, wide)), "up": normal(rows, wide), "weight": normal(out, wide)})

    near, far = exactly([0, 1, 2, 0, 1, 7], torch.int64), exactly([0, 255, 4095, 8191], torch.int64)
    c.add("rope", rope, {"x": normal(6, 3, 8), "positions": near, "inv_freq": inv_freq(1e4, 8)}, fixed=("inv_freq",))
    c.add("rope", rope, {"x": normal(4, 2, 16), "positions": far, "inv_freq": inv_freq(1e5, 16)}, fixed=("inv_freq",))

    for heads, kv, dim, offsets in ((4, 4, 8, [0, 6]), (4, 2, 8, [0, 1, 6, 13]), (4, 1, 16, [0, 9, 10, 12]), (3, 3, 4, [0, 20])):
        q, k = (offsets[-1], heads, dim), (offsets[-1], kv, dim)
        c.add("tree_attention", tree_attention,
              {"q": normal(*q), "k": normal(*k), "v": normal(*k), "offsets": exactly(offsets, torch.int64)})

    for rows, dim, vocab, temperature in ((5, 8, 11, 1.0), (37, 16, 257, 1.0), (37, 16, 257, 0.7), (1, 4, 5, 1.3)):
        c.add("token_logprobs", token_logprobs,
              {"hidden": normal(rows, dim), "weight": normal(vocab, dim), "targets": integers(0, vocab, rows)},
              {"temperature": temperature})
    c.add("token_logprobs", token_logprobs,  # logits of several hundred: softmax must not overflow
          {"hidden": scaled(60, normal(6, 8)), "weight": normal(19, 8), "targets": integers(0, 19, 6)},
          {"temperature": 1.0})

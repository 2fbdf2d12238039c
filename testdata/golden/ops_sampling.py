"""Cases of the sampler: inverse CDF in f64 of one uniform number a row.

Logits are f32, everything after them f64. Temperature divides the logits; top_k
(0: off) keeps the K likeliest tokens; top_p (1: off) keeps the smallest set of
likeliest tokens whose probability, renormalised after top_k, reaches it; ties go
to the lower id. The token is the first in id order at which the running sum of
the kept probabilities exceeds uniform x their total; a token of probability 0 is
never taken. The log-prob is the one at the temperature before truncation;
temperature 0 takes the arg-max (lowest id) and reports the log-prob at temperature 1.
"""

import torch

from cases import exactly, normal, uniform

MARGIN = 1e-6  # least distance of any decision from its boundary, so that rounding cannot turn it


def kept_tokens(p, top_k, top_p):
    """Ids that survive truncation, likeliest first."""
    order = sorted(range(len(p)), key=lambda i: (-p[i], i))
    order = order[:top_k] if top_k else order
    if top_p >= 1:
        return order
    share = torch.tensor([p[i] for i in order], dtype=torch.float64)
    reached = (share / share.sum()).cumsum(0)
    assert (reached - top_p).abs().min() > MARGIN, "top_p falls on a boundary"
    return order[:int((reached < top_p).sum()) + 1]


def pick(p, u, top_k, top_p):
    kept = sorted(i for i in kept_tokens(p, top_k, top_p) if p[i] > 0)
    total, running = sum(p[i] for i in kept), 0.0
    for i in kept[:-1]:
        running += p[i]
        assert abs(running - u * total) > MARGIN, "uniform falls on a boundary"
        if running > u * total:
            return i
    return kept[-1]


def sample(logits, uniforms, temperature, top_k, top_p):
    """logits (N, V) f32, uniforms (N) f64 of [0, 1): token (N) and its log-prob (N) f32."""
    logp = torch.log_softmax(logits.double() / (temperature or 1.0), -1)
    tokens = []
    for row, u in zip(logp, uniforms.tolist()):
        greedy = row.tolist().index(row.max())
        tokens.append(pick(row.exp().tolist(), u, top_k, top_p) if temperature else greedy)
    token = torch.tensor(tokens)
    return {"token": token, "logp": logp.gather(-1, token[:, None])[:, 0].float()}


def sharp(*shape):
    return lambda g: 3 * torch.randn(shape, generator=g)


def add(c):
    fixed = ("logits", "uniforms")

    def case(logits, uniforms, temperature, top_k=0, top_p=1.0):
        args = {"temperature": temperature, "top_k": top_k, "top_p": top_p}
        c.add("sample", sample, {"logits": logits, "uniforms": uniforms}, args, fixed)

    u = lambda n: uniform(n, dtype=torch.float64)
    for temperature, top_k, top_p in ((1.0, 0, 1.0), (0.7, 0, 1.0), (1.5, 0, 0.9), (1.0, 5, 1.0), (1.0, 1, 1.0),
                                      (0.9, 10, 0.8), (1.0, 1000, 0.5), (1.0, 0, 1e-3), (0.0, 0, 1.0), (0.0, 5, 0.5)):
        case(sharp(24, 61), u(24), temperature, top_k, top_p)
    case(normal(8, 301), u(8), 1.0)

    # Ties: top_k 2 of four equal tokens keeps ids 1 and 2, top_p 0.6 keeps three of four, arg-max is id 1.
    tied = exactly([[0.0, 4.0, 4.0, 4.0, 4.0]] * 4)
    ends = exactly([0.01, 0.3, 0.7, 0.99], torch.float64)
    case(tied, ends, 1.0, top_k=2)
    case(tied, ends, 1.0, top_p=0.6)
    case(tied, ends, 0.0)
    # The ends of the unit interval, and tokens whose probability is 0 at both ends of the vocabulary.
    edge = exactly([[-2000.0, 1.0, 0.0, 2.0, -2000.0]] * 2)
    case(edge, exactly([0.0, 1 - 2.0 ** -53], torch.float64), 1.0)

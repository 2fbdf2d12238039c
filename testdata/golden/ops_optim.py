"""Cases of the optimiser: one AdamW step and clipping by global norm, by torch.optim and torch.nn.utils."""

import torch

from cases import normal, positive

SHAPES = ((4, 5), (5,), (2, 3, 2))


def adamw_step(*tensors, lr, beta1, beta2, eps, weight_decay, step, count):
    """The step-th step (from 1). tensors: count params, then as many gradients, first and second moments."""
    params, grads, ms, vs = (tensors[i * count:(i + 1) * count] for i in range(4))
    params = [p.clone() for p in params]
    opt = torch.optim.AdamW(params, lr=lr, betas=(beta1, beta2), eps=eps, weight_decay=weight_decay)
    for p, g, m, v in zip(params, grads, ms, vs):
        p.grad = g.clone()
        opt.state[p] = {"step": torch.tensor(float(step - 1)), "exp_avg": m.clone(), "exp_avg_sq": v.clone()}
    opt.step()
    state = [opt.state[p] for p in params]
    return ({f"new_p{i}": p for i, p in enumerate(params)}
            | {f"new_m{i}": s["exp_avg"] for i, s in enumerate(state)}
            | {f"new_v{i}": s["exp_avg_sq"] for i, s in enumerate(state)})


def clip_grad_norm(*grads, max_norm):
    """The gradients after clipping and their global norm before; the factor is min(1, max_norm / (norm + 1e-6))."""
    params = [torch.zeros_like(g) for g in grads]
    for p, g in zip(params, grads):
        p.grad = g.clone()
    norm = torch.nn.utils.clip_grad_norm_(params, max_norm)
    return {f"clipped{i}": p.grad for i, p in enumerate(params)} | {"norm": norm}


def zeros(*shape):
    return lambda g: torch.zeros(shape)


def small(*shape):
    return lambda g: 0.1 * positive(*shape)(g) ** 2


def add(c):
    hyper = {"lr": 1e-3, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "weight_decay": 0.01}
    for step, moments, change in ((1, (zeros, zeros), {}), (7, (normal, small), {}),
                                  (3, (normal, small), {"lr": 0.05, "beta2": 0.95, "eps": 1e-3, "weight_decay": 0.0})):
        makers = (("p", normal), ("g", normal), ("m", moments[0]), ("v", moments[1]))
        inputs = {f"{r}{i}": make(*s) for r, make in makers for i, s in enumerate(SHAPES)}
        c.add("adamw_step", adamw_step, inputs, {**hyper, **change, "step": step, "count": len(SHAPES)}, fixed=inputs)
    for max_norm in (1.0, 100.0):
        grads = {f"g{i}": normal(*s) for i, s in enumerate(SHAPES)}
        c.add("clip_grad_norm", clip_grad_norm, grads, {"max_norm": max_norm}, fixed=grads)

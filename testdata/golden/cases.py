"""Records golden cases of ops: inputs, arguments, outputs and, where there are any, gradients.

A tensor is named <op>.<n>.<role>, n counting the cases of an op. Random numbers
depend on that prefix alone, so that a new case leaves the others as they are.
"""

import json
import zlib

import torch
from safetensors.torch import save_file


def normal(*shape):
    """Standard normal numbers."""
    return lambda g: torch.randn(shape, generator=g)


def away(*shape):
    """Numbers of either sign, at least 0.1 from 0: for ops with a kink or a pole there."""
    def make(g):
        x = torch.randn(shape, generator=g)
        return x + torch.where(x < 0, -0.1, 0.1)
    return make


def positive(*shape):
    """Numbers of at least 0.1."""
    return lambda g: torch.randn(shape, generator=g).abs() + 0.1


def uniform(*shape, dtype=torch.float32):
    """Numbers of [0, 1)."""
    return lambda g: torch.rand(shape, generator=g, dtype=dtype)


def integers(low, high, *shape):
    """I64 numbers of [low, high)."""
    return lambda g: torch.randint(low, high, shape, generator=g)


def bits(*shape):
    """BOOL numbers, about half of them true."""
    return lambda g: torch.rand(shape, generator=g) < 0.5


def exactly(values, dtype=torch.float32):
    """These very numbers."""
    return lambda g: torch.tensor(values, dtype=dtype)


class Cases:
    """The growing list of cases and their tensors."""

    def __init__(self):
        self.cases, self.tensors, self.counts = [], {}, {}

    def add(self, op, fn, inputs, args=None, fixed=()):
        """Runs fn(*inputs, **args) and records it.

        inputs maps each role to a maker above; roles in fixed get no gradient.
        fn returns a tensor ("out") or a dict of role to tensor. A floating output that
        depends on an input with gradient gets a random upstream gradient "g<role>",
        each such input the gradient "g<role>" of their product's sum.
        """
        n = self.counts[op] = self.counts.get(op, -1) + 1
        prefix = f"{op}.{n}."
        g = torch.Generator().manual_seed(zlib.crc32(prefix.encode()))
        args = args or {}
        made = {r: make(g) for r, make in inputs.items()}
        leaves = {r: t.requires_grad_() for r, t in made.items() if t.is_floating_point() and r not in fixed}
        outs = fn(*made.values(), **args)
        outs = outs if isinstance(outs, dict) else {"out": outs}
        ups = {r: torch.randn(o.shape, generator=g) for r, o in outs.items() if o.requires_grad}
        grads = {}
        if ups:
            found = torch.autograd.grad([outs[r] for r in ups], list(leaves.values()), list(ups.values()))
            grads = dict(zip(leaves, found))

        def keep(role, tensor):
            self.tensors[prefix + role] = tensor.detach().clone().contiguous()
            return prefix + role

        self.cases.append({
            "op": op,
            "inputs": [keep(r, t) for r, t in made.items()],
            "args": args,
            "outputs": [keep(r, o) for r, o in outs.items()],
            "grad_outputs": [keep("g" + r, ups[r]) if r in ups else "" for r in outs] if ups else [],
            "grad_inputs": [keep("g" + r, grads[r]) if r in grads else "" for r in made] if ups else [],
        })

    def save(self, path):
        """Writes path.safetensors and path.json (one case a line)."""
        save_file(self.tensors, path.with_suffix(".safetensors"))
        path.with_suffix(".safetensors").chmod(0o644)
        lines = ",\n".join(json.dumps(c) for c in self.cases)
        path.with_suffix(".json").write_text(f"[\n{lines}\n]\n")

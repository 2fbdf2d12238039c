"""Cases of the regular ops: elementwise, comparison, reduction, shape and indexing."""

import torch

from cases import away, bits, exactly, integers, normal, positive


def add_unary(c):
    for op, make in (("neg", normal), ("exp", normal), ("log", positive), ("sqrt", positive), ("rsqrt", positive),
                     ("sin", normal), ("cos", normal), ("tanh", normal), ("sigmoid", normal), ("relu", away),
                     ("abs", away), ("square", normal), ("reciprocal", away)):
        c.add(op, getattr(torch, op), {"a": make(3, 5)})
    c.add("silu", torch.nn.functional.silu, {"a": normal(3, 5)})
    c.add("sigmoid", torch.sigmoid, {"a": exactly([-100.0, -20.0, 0.0, 20.0, 100.0])})
    c.add("exp", torch.exp, {"a": exactly([])})


def add_scalar(c):
    for s in (1.5, -2.0):
        c.add("add_scalar", lambda a, scalar: a + scalar, {"a": normal(3, 5)}, {"scalar": s})
        c.add("mul_scalar", lambda a, scalar: a * scalar, {"a": normal(3, 5)}, {"scalar": s})
    for s in (2.0, 3.0, 0.5, -1.0, -0.5):
        c.add("pow_scalar", lambda a, scalar: a.pow(scalar), {"a": positive(3, 5)}, {"scalar": s})
    c.add("pow_scalar", lambda a, scalar: a.pow(scalar), {"a": away(3, 5)}, {"scalar": 2.0})


BROADCASTS = (((3, 4), (3, 4)), ((3, 4), (4,)), ((3, 1), (1, 4)), ((2, 3, 4), (3, 1)), ((3, 4), ()))


def add_binary(c):
    for a, b in BROADCASTS:
        for op in ("add", "sub", "mul", "minimum", "maximum"):
            c.add(op, getattr(torch, op), {"a": normal(*a), "b": normal(*b)})
        c.add("div", torch.div, {"a": normal(*a), "b": away(*b)})
    for a, b in (((3, 4), (4, 5)), ((2, 3, 4), (2, 4, 5)), ((2, 3, 4), (4, 5)), ((2, 1, 3, 4), (3, 4, 2)), ((9, 33), (33, 17))):
        c.add("matmul", torch.matmul, {"a": normal(*a), "b": normal(*b)})
    edges = exactly([[-2.0, -1.1, -0.9], [0.0, 0.4, 0.6]])
    c.add("clamp", lambda a, lo, hi: a.clamp(lo, hi), {"a": edges}, {"lo": -1.0, "hi": 0.5})
    c.add("clamp", lambda a, lo, hi: a.clamp(lo, hi), {"a": normal(4, 5)}, {"lo": -0.8, "hi": 1.28})


def add_compare(c):
    for op in ("gt", "ge", "lt", "le", "eq", "ne"):
        fn = getattr(torch, op)
        a, b = exactly([[1.0, 2.0, 3.0], [2.0, 2.0, 2.0]]), exactly([[2.0], [2.0]])
        c.add(op, fn, {"a": a, "b": b}, fixed=("a", "b"))
        c.add(op, fn, {"a": integers(0, 3, 3, 4), "b": integers(0, 3, 4)})
    for shapes in (((3, 4), (3, 4), (3, 4)), ((3, 1), (3, 4), (4,))):
        cond, a, b = shapes
        c.add("where", torch.where, {"cond": bits(*cond), "a": normal(*a), "b": normal(*b)})


def add_reduce(c):
    for dim in (0, 1, -1):
        for keepdim in (False, True):
            args = {"dim": dim, "keepdim": keepdim}
            for op in ("sum", "mean", "amax", "logsumexp"):
                c.add(op, getattr(torch, op), {"a": normal(3, 4, 5)}, args)
            c.add("argmax", torch.argmax, {"a": normal(3, 4, 5)}, args, fixed=("a",))
        for op in ("softmax", "log_softmax"):
            c.add(op, getattr(torch, op), {"a": normal(3, 4, 5)}, {"dim": dim})
    big = exactly([[1000.0, 999.0, -1000.0], [0.0, 50.0, 51.0]])
    for op in ("softmax", "log_softmax"):
        c.add(op, getattr(torch, op), {"a": big}, {"dim": -1})
    c.add("logsumexp", torch.logsumexp, {"a": big}, {"dim": -1, "keepdim": False})
    c.add("sum_all", torch.sum, {"a": normal(3, 4)})
    c.add("mean_all", torch.mean, {"a": normal(3, 4)})


def add_shape(c):
    for shape in ([4, 6], [2, -1], [3, 2, 4], [24]):
        c.add("reshape", lambda a, shape: a.reshape(shape), {"a": normal(2, 3, 4)}, {"shape": shape})
    for d0, d1 in ((0, 1), (-1, -2), (0, 2)):
        args = {"dim0": d0, "dim1": d1}
        c.add("transpose", torch.transpose, {"a": normal(2, 3, 4)}, args)
        # The input of contiguous is a transposed view: out = contiguous(transpose(a, dim0, dim1)).
        c.add("contiguous", lambda a, dim0, dim1: a.transpose(dim0, dim1).contiguous(), {"a": normal(2, 3, 4)}, args)
    c.add("permute", torch.permute, {"a": normal(2, 3, 4)}, {"dims": [2, 0, 1]})
    c.add("permute", torch.permute, {"a": normal(2, 3, 4)}, {"dims": [1, 0, 2]})
    for dim, start, length in ((0, 1, 2), (1, 0, 3), (-1, 2, 1)):
        c.add("narrow", torch.narrow, {"a": normal(4, 5)}, {"dim": dim, "start": start, "length": length})
    for dim in (0, 1, -1):
        c.add("unsqueeze", torch.unsqueeze, {"a": normal(3, 4)}, {"dim": dim})
    c.add("squeeze", torch.squeeze, {"a": normal(3, 1, 4)}, {"dim": 1})
    c.add("squeeze", torch.squeeze, {"a": normal(3, 4)}, {"dim": 0})
    c.add("cat", lambda *t, dim: torch.cat(t, dim), {"a": normal(2, 3), "b": normal(4, 3)}, {"dim": 0})
    c.add("cat", lambda *t, dim: torch.cat(t, dim), {"a": normal(2, 3), "b": normal(2, 1), "c": normal(2, 2)}, {"dim": -1})
    c.add("expand", lambda a, size: a.expand(size), {"a": normal(3, 1)}, {"size": [3, 4]})
    c.add("expand", lambda a, size: a.expand(size), {"a": normal(1, 4)}, {"size": [2, 3, 4]})
    for repeats, dim in ((2, 0), (3, 1)):
        c.add("repeat_interleave", torch.repeat_interleave, {"a": normal(3, 4)}, {"repeats": repeats, "dim": dim})


def add_indexing(c):
    take = lambda a, index, dim: torch.index_select(a, dim, index)
    c.add("index_select", take, {"a": normal(5, 3), "index": exactly([4, 0, 0, 2], torch.int64)}, {"dim": 0})
    c.add("index_select", take, {"a": normal(3, 5), "index": exactly([1, 1, 3], torch.int64)}, {"dim": 1})
    embed = lambda weight, ids: torch.nn.functional.embedding(ids, weight)
    c.add("embedding", embed, {"weight": normal(7, 3), "ids": exactly([6, 0, 0, 2, 6, 6], torch.int64)})
    c.add("embedding", embed, {"weight": normal(7, 3), "ids": integers(0, 7, 2, 4)})
    c.add("linear", torch.nn.functional.linear, {"x": normal(6, 4), "weight": normal(5, 4)})
    c.add("linear", torch.nn.functional.linear, {"x": normal(6, 4), "weight": normal(5, 4), "bias": normal(5)})
    c.add("linear", torch.nn.functional.linear, {"x": normal(2, 3, 4), "weight": normal(5, 4)})


def add(c):
    for part in (add_unary, add_scalar, add_binary, add_compare, add_reduce, add_shape, add_indexing):
        part(c)

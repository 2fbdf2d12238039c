#!/usr/bin/env python3
"""Makes the golden files of this folder. Needs the Python packages safetensors (0.8) and numpy.

    python3 golden.py          write golden.safetensors and golden.json
    python3 golden.py check F  read F and fail unless it holds what golden.safetensors holds

golden.json holds each tensor's dtype, shape and bytes (hexadecimal), as Python reads them.
"""
import json
import os
import sys

import numpy as np
from safetensors import TensorSpec, safe_open, serialize_file

HERE = os.path.dirname(os.path.abspath(__file__))
METADATA = {"format": "pt"}


def tensors():
    """One tensor of each element type, a scalar, an empty one and names that need care."""
    rng = np.random.default_rng(7)
    f32 = rng.standard_normal((3, 5)).astype("<f4")
    bf16 = (f32.view("<u4") >> 16).astype("<u2")  # truncated, which is enough here
    yield "layers.0.f32", "float32", f32
    yield "layers.0.bf16", "bfloat16", bf16
    yield "layers.0.f16", "float16", f32.astype("<f2")
    yield "layers.1.f64", "float64", rng.standard_normal((2, 1, 2)).astype("<f8")
    yield "i64", "int64", np.array([-(2**63), 2**63 - 1], "<i8")
    yield "i32", "int32", np.array([-(2**31), 2**31 - 1], "<i4")
    yield "i16", "int16", np.array([[-32768, 32767]], "<i2")
    yield "i8", "int8", np.arange(-3, 4, dtype="i1")
    yield "u8", "uint8", np.arange(5, dtype="u1")
    yield "bool", "bool", np.array([True, False, True])
    yield "scalar", "float32", np.array(1.5, "<f4")
    yield "empty", "float32", np.zeros((0, 4), "<f4")
    yield "näme \"quoted\" <&> 漢", "uint8", np.array([255], "u1")


def make():
    alive = list(tensors())  # TensorSpec holds bare pointers into these arrays
    entries = {n: TensorSpec(dtype=t, shape=list(a.shape), data_ptr=a.ctypes.data, data_len=a.nbytes) for n, t, a in alive}
    path = os.path.join(HERE, "golden.safetensors")
    serialize_file(entries, path, METADATA)
    names = {"float32": "F32", "bfloat16": "BF16", "float16": "F16", "float64": "F64", "int64": "I64",
             "int32": "I32", "int16": "I16", "int8": "I8", "uint8": "U8", "bool": "BOOL"}
    golden = {n: {"dtype": names[t], "shape": list(a.shape), "data": a.tobytes().hex()} for n, t, a in tensors()}
    with open(os.path.join(HERE, "golden.json"), "w") as f:
        json.dump(golden, f, indent=1, ensure_ascii=False)
        f.write("\n")


def check(path):
    dtypes = {"float32": "F32", "bfloat16": "BF16", "float16": "F16"}
    with safe_open(path, "np") as f:
        assert f.metadata() == METADATA, f.metadata()
        assert set(f.keys()) == {n for n, _, _ in tensors()}, f.keys()
        for name, dtype, want in tensors():
            if dtype != "bfloat16":  # numpy has none
                got = f.get_tensor(name)
                assert got.shape == want.shape and got.tobytes() == want.tobytes(), name
            assert f.get_slice(name).get_dtype() == dtypes.get(dtype, f.get_slice(name).get_dtype())


if __name__ == "__main__":
    check(sys.argv[2]) if sys.argv[1:2] == ["check"] else make()

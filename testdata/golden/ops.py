"""Makes ops.safetensors and ops.json: golden cases of every op of the binding, forward and backward."""

from pathlib import Path

import torch

import ops_model
import ops_optim
import ops_regular
import ops_sampling
from cases import Cases


def main():
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    cases = Cases()
    for part in (ops_regular, ops_model, ops_optim, ops_sampling):
        part.add(cases)
    cases.save(Path(__file__).resolve().parent / "ops")
    print(f"ops: {len(cases.counts)} ops, {len(cases.cases)} cases, {len(cases.tensors)} tensors")


if __name__ == "__main__":
    main()

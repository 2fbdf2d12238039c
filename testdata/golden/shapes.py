"""Makes shapes.json: the weights that transformers gives each config of configs/models.

The models are built on the meta device, so that nothing is downloaded or stored. A
tied head is not listed. Only the first layer is listed, the others being like it;
parameters counts all of them.
"""

import json
import tempfile
from pathlib import Path

import torch
from transformers import AutoConfig, AutoModelForCausalLM

HERE = Path(__file__).resolve().parent
CONFIGS = HERE.parent.parent / "configs" / "models"


def config_of(path):
    """AutoConfig reads folders."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "config.json").write_text(path.read_text())
        return AutoConfig.from_pretrained(folder)


def shapes(path):
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config_of(path))
    weights = {name: list(p.shape) for name, p in model.named_parameters()}
    first = {n: s for n, s in weights.items() if ".layers." not in n or ".layers.0." in n}
    return {"parameters": sum(p.numel() for p in model.parameters()), "weights": first}


def main():
    out = {path.stem: shapes(path) for path in sorted(CONFIGS.glob("*.json"))}
    lines = [f'"{name}": {json.dumps(s)}' for name, s in out.items()]
    (HERE / "shapes.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()

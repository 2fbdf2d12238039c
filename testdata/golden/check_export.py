"""Compares an exported folder in transformers with our own scores: check_export.py MODEL_DIR SCORES

SCORES holds the lines {"ids": [...], "logprobs": [...]} that `azr-train score`
writes: the log-probs of ids[1:]. The folder is loaded in f32 whatever its file
dtype. Prints the largest difference and ends with status 1 if it is above
1e-4 x the largest |logit| seen. A log-prob is a difference of two logits-like
numbers, so this is the same tolerance that logits have.
"""

import json
import math
import sys
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM
from transformers.utils import logging

RELATIVE = 1e-4


def read_scores(path):
    with open(path, encoding="utf-8") as lines:
        scores = [json.loads(line) for line in lines if line.strip()]
    if not scores:
        sys.exit(f"check_export: no lines in {path}")
    for n, s in enumerate(scores, 1):
        if len(s["logprobs"]) != len(s["ids"]) - 1:
            sys.exit(f"check_export: line {n}: {len(s['ids'])} ids want {len(s['ids']) - 1} log-probs, "
                     f"got {len(s['logprobs'])}")
    return scores


@torch.no_grad()
def compare(model, scores):
    """The largest log-prob difference and the largest |logit|."""
    worst, largest = 0.0, 0.0
    for s in scores:
        ids = torch.tensor(s["ids"])
        logits = model(ids[None], use_cache=False).logits[0]
        want = logits.log_softmax(-1)[:-1].gather(-1, ids[1:, None])[:, 0].double()
        difference = (want - torch.tensor(s["logprobs"], dtype=torch.float64)).abs()
        worst = max([worst, *(math.inf if math.isnan(d) else d for d in difference.tolist())])
        largest = max(largest, logits.abs().max().item())
    return worst, largest


def main():
    if len(sys.argv) != 3:
        sys.exit("usage: check_export.py MODEL_DIR SCORES")
    if not (Path(sys.argv[1]) / "config.json").is_file():
        sys.exit(f"check_export: no model folder; {sys.argv[1]} has no config.json")
    torch.set_num_threads(1)
    logging.disable_progress_bar()
    model = AutoModelForCausalLM.from_pretrained(sys.argv[1], dtype=torch.float32).eval()
    scores = read_scores(sys.argv[2])
    worst, largest = compare(model, scores)
    tolerance = RELATIVE * largest
    verdict = "equal" if worst <= tolerance else "DIFFERENT"
    print(f"{verdict}: {len(scores)} sequences, max |log-prob difference| {worst:.3g}, "
          f"tolerance {tolerance:.3g} (1e-4 x max |logit| {largest:.4g})")
    sys.exit(verdict != "equal")


if __name__ == "__main__":
    main()

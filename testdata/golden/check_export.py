"""Compares an exported folder in transformers with our own scores: check_export.py MODEL_DIR SCORES

SCORES holds the lines {"ids": [...], "logprobs": [...], "logits": [...]} that
`azr-train score --logits` writes: the log-probs of ids[1:] and the logits of the
id that follows. The folder is loaded in f32 whatever its file dtype. Prints the
largest differences and ends with status 1 if a logit's is above 1e-4 x the
largest |logit| seen, or a log-prob's above 1e-4.
"""

import json
import math
import sys
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM
from transformers.utils import logging

RELATIVE = 1e-4  # of the largest |logit|
ABSOLUTE = 1e-4  # of a log-prob


def read_scores(path):
    with open(path, encoding="utf-8") as lines:
        scores = [json.loads(line) for line in lines if line.strip()]
    if not scores:
        sys.exit(f"check_export: no lines in {path}")
    for n, s in enumerate(scores, 1):
        if len(s["logprobs"]) != len(s["ids"]) - 1:
            sys.exit(f"check_export: line {n}: {len(s['ids'])} ids want {len(s['ids']) - 1} log-probs, "
                     f"got {len(s['logprobs'])}")
        if "logits" not in s:
            sys.exit(f"check_export: line {n} has no logits; score with --logits")
    return scores


@torch.no_grad()
def compare(model, scores):
    """The largest differences of logits and of log-probs, and the largest |logit|."""
    logit, logprob, largest = 0.0, 0.0, 0.0
    for s in scores:
        ids = torch.tensor(s["ids"])
        logits = model(ids[None], use_cache=False).logits[0].double()
        want = logits.log_softmax(-1)[:-1].gather(-1, ids[1:, None])[:, 0]
        logit = max(logit, difference(logits[-1], s["logits"]))
        logprob = max(logprob, difference(want, s["logprobs"]))
        largest = max(largest, logits.abs().max().item())
    return logit, logprob, largest


def difference(want, got):
    got = torch.tensor(got, dtype=torch.float64)
    if want.shape != got.shape:
        return math.inf
    return max((math.inf if math.isnan(d) else d for d in (want - got).abs().tolist()), default=0.0)


def main():
    if len(sys.argv) != 3:
        sys.exit("usage: check_export.py MODEL_DIR SCORES")
    if not (Path(sys.argv[1]) / "config.json").is_file():
        sys.exit(f"check_export: no model folder; {sys.argv[1]} has no config.json")
    torch.set_num_threads(1)
    logging.disable_progress_bar()
    model = AutoModelForCausalLM.from_pretrained(sys.argv[1], dtype=torch.float32).eval()
    scores = read_scores(sys.argv[2])
    logit, logprob, largest = compare(model, scores)
    equal = logit <= RELATIVE * largest and logprob <= ABSOLUTE
    print(f"{'equal' if equal else 'DIFFERENT'}: {len(scores)} sequences, max |logit difference| {logit:.3g} "
          f"(at most {RELATIVE * largest:.3g}: 1e-4 x max |logit| {largest:.4g}), "
          f"max |log-prob difference| {logprob:.3g} (at most {ABSOLUTE:g})")
    sys.exit(not equal)


if __name__ == "__main__":
    main()

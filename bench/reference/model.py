"""The usual way to sample from a small model and to train it, in PyTorch and transformers.

What bench/speed compares azr-train with: KV cache, left padding, inference mode, logits for response tokens only.
"""

from dataclasses import dataclass

import torch
from transformers import AutoModelForCausalLM, LogitsProcessor, LogitsProcessorList


@dataclass
class Sample:
    """A completion to learn from: token ids, the log-probs it was sampled with, and its advantage."""

    prompt: list[int]
    response: list[int]
    logprobs: list[float]
    advantage: float

    def __len__(self) -> int:
        return len(self.prompt) + len(self.response)


def load(folder: str):
    """The model in f32 on the CPU, with the attention that is fastest there."""
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="sdpa")
    model.generation_config.eos_token_id = None
    return model.eval()


def pad_left(prompts: list[list[int]], pad: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Prompts (B) as ids and mask (B, T): a batch that generates has its prompts' ends side by side."""
    width = max(map(len, prompts))
    ids = torch.tensor([[pad] * (width - len(p)) + p for p in prompts])
    mask = torch.tensor([[0] * (width - len(p)) + [1] * len(p) for p in prompts])
    return ids, mask


@torch.inference_mode()
def prefill(model, ids: list[int]) -> None:
    """Computes a prompt and the logits of the token that follows."""
    model(torch.tensor([ids]), use_cache=True, logits_to_keep=1)


class EndAt(LogitsProcessor):
    """Ends sequence i with token `end` after lengths[i] tokens and not before, so that a batch has given lengths."""

    def __init__(self, start: int, lengths: list[int], end: int):
        self.start, self.end = start, end
        self.lengths = torch.tensor(lengths)

    def __call__(self, ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        last = self.lengths == ids.shape[1] - self.start + 1
        scores[~last, self.end] = -torch.inf
        scores[last] = -torch.inf
        scores[last, self.end] = 0
        return scores


@torch.inference_mode()
def generate(model, prompts: list[list[int]], lengths: list[int], end: int) -> int:
    """Samples a completion of the given length to each prompt; returns the number of tokens sampled."""
    ids, mask = pad_left(prompts, end)
    model.generate(
        ids, attention_mask=mask, do_sample=True, temperature=1.0, top_k=0, top_p=1.0,
        max_new_tokens=max(lengths), pad_token_id=end, eos_token_id=end,
        logits_processor=LogitsProcessorList([EndAt(ids.shape[1], lengths, end)]),
    )
    return sum(lengths)


def response_logprobs(model, batch: list[Sample], pad: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Log-probs of the response tokens (R) of a right-padded batch, and their entropies; no logits of other tokens."""
    width = max(map(len, batch)) - 1
    rows = [(s.prompt + s.response)[:-1] for s in batch]
    ids = torch.tensor([r + [pad] * (width - len(r)) for r in rows])
    mask = torch.tensor([[1] * len(r) + [0] * (width - len(r)) for r in rows])
    hidden = model.model(ids, attention_mask=mask, use_cache=False).last_hidden_state
    predicting = torch.cat([hidden[i, len(s.prompt) - 1 : len(s) - 1] for i, s in enumerate(batch)])
    targets = torch.tensor([t for s in batch for t in s.response])
    logp = torch.log_softmax(model.lm_head(predicting), dim=-1)
    entropy = -(logp.exp() * logp).sum(-1)
    return logp.gather(1, targets[:, None])[:, 0], entropy


def update(model, optimizer, samples: list[Sample], tokens: int, pad: int, entropy_coefficient: float) -> float:
    """One clipped policy-gradient step over micro-batches of at most `tokens` tokens, padding included."""
    model.train()
    response_tokens = sum(len(s.response) for s in samples)
    total = 0.0
    for batch in batches(samples, tokens):
        logp, entropy = response_logprobs(model, batch, pad)
        old = torch.tensor([x for s in batch for x in s.logprobs])
        advantage = torch.tensor([s.advantage for s in batch for _ in s.response])
        ratio = (logp - old).exp()
        gain = torch.minimum(ratio * advantage, ratio.clamp(0.8, 1.2) * advantage) + entropy_coefficient * entropy
        loss = -gain.sum() / response_tokens
        loss.backward()
        total += loss.item()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    model.eval()
    return total


def batches(samples: list[Sample], tokens: int) -> list[list[Sample]]:
    """Samples of about the same length together, so that little is padding."""
    found: list[list[Sample]] = []
    for s in sorted(samples, key=len, reverse=True):
        if not found or (len(found[-1]) + 1) * len(found[-1][0]) > tokens:
            found.append([])
        found[-1].append(s)
    return found

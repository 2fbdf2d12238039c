"""Does what bench/speed asks for, a JSON object a line, and answers with the seconds that it took.

Usage: serve.py MODEL_FOLDER THREADS
"""

import json
import sys
import time
from concurrent.futures import ProcessPoolExecutor

import torch

import model as reference


class Server:
    def __init__(self, folder: str, threads: int):
        torch.set_num_threads(threads)
        torch.manual_seed(0)
        self.model = reference.load(folder)
        self.end = self.model.config.eos_token_id
        self.optimizer = None
        self.pool = ProcessPoolExecutor(max_workers=2)

    def prefill(self, ids):
        reference.prefill(self.model, ids)

    def generate(self, prompts, lengths, batch):
        for i in range(0, len(prompts), batch):
            reference.generate(self.model, prompts[i : i + batch], lengths[i : i + batch], self.end)

    def update(self, samples, tokens, entropy_coefficient=0.0):
        if self.optimizer is None:
            self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=1e-6, weight_decay=0.01, fused=True)
        return reference.update(self.model, self.optimizer, [reference.Sample(*s) for s in samples], tokens, self.end, entropy_coefficient)

    @torch.inference_mode()
    def logprobs(self, samples):
        return reference.response_logprobs(self.model, [reference.Sample(*s) for s in samples], self.end)[0].tolist()

    def execute(self, programs):
        list(self.pool.map(run_program, programs, chunksize=8))


def run_program(code: str) -> str:
    try:
        space: dict = {}
        exec(code, space)
        return repr(space.get("result"))
    except BaseException as error:  # whatever a program does is its own fault
        return type(error).__name__


def peak_bytes() -> int:
    """The most memory the process had resident since reset_peak."""
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))


def reset_peak() -> None:
    with open("/proc/self/clear_refs", "w") as f:
        f.write("5")


def main() -> None:
    server = Server(sys.argv[1], int(sys.argv[2]))
    print(json.dumps({"ready": torch.__version__}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        reset_peak()
        begin = time.perf_counter()
        value = getattr(server, request.pop("do"))(**request)
        seconds = time.perf_counter() - begin
        print(json.dumps({"seconds": seconds, "value": value, "peak": peak_bytes()}), flush=True)


if __name__ == "__main__":
    main()

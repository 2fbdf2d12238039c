"""Writes events.golden, which tensorboard_test.go compares with: the bytes that
TensorBoard's own package writes for the same events.

    pip install tensorboard==2.21.0
    python make_events.py
"""

import pathlib

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter

WALL = 1700000000.25


def scalars(step, values):
    summary = Summary(value=[Summary.Value(tag=tag, simple_value=v) for tag, v in sorted(values.items())])
    return Event(wall_time=WALL, step=step, summary=summary)


events = [
    Event(wall_time=WALL, file_version="brain.Event:2"),
    scalars(0, {"buffer/deduction": 3.0}),
    scalars(1, {"loss": 0.1, "solve/deduction/reward": -0.5, "zero": 0.0, "é 漢": 1e30}),
    scalars(300, {}),
    scalars(2**40, {f"long/{i:03}": i / 7 for i in range(40)}),
]

with open(pathlib.Path(__file__).parent / "events.golden", "wb") as file:
    writer = RecordWriter(file)
    for event in events:
        writer.write(event.SerializeToString())

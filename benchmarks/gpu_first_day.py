# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
Two minutes on a new GPU: time the building blocks of the trackers, each as one CUDA graph.

    python benchmarks/gpu_first_day.py
    python benchmarks/gpu_first_day.py cpu      # in small, to see whether everything runs

It answers which precision, memory layout and cuDNN mode is fastest, what NMS and the parts of EMM
cost by the number of rows, whether a failed capture leaves the process usable, and how much memory
a discarded graph keeps. It needs torch, NumPy and safetensors, nothing else. A time is the median
of replays; on a CPU, of plain calls. A measurement that fails is reported in its line and the next
one runs.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from functools import partial
import itertools
import statistics
import sys
import time
from typing import Any

import _start  # noqa: F401 - must come before torch
import torch
from torch import nn, Tensor

from mot_ros.tracking.nets.ops.nms import fixed_nms
from mot_ros.tracking.nets.ops.precision import lower
from mot_ros.tracking.nets.rcnn.roi_align import CellTable, levels_of, roi_align
from mot_ros.tracking.nets.siammot import emm, emm_decode
from mot_ros.tracking.nets.siammot.network import Architecture
from mot_ros.tracking.nets.ssd.network import SsdMobileNetV3
from mot_ros.tracking.runtime.cuda_graph import CudaGraph

WARM_UPS, REPLAYS = 3, 30
STRIDES, CHANNELS = (4, 8, 16, 32), 128
"""Levels of the feature pyramid, and their width."""
TEMPLATE, SEARCHED = 15, 30
"""Cells of a side of EMM's templates and search regions."""
UPLOADS, UPLOAD_BYTES = 200, 3 * 1280 * 720
DISCARDED = (1, 10, 20, 32, 40)
"""Numbers of discarded graphs after which memory is read."""
BACKBONES: tuple[tuple[torch.dtype, bool, dict[str, bool]], ...] = (
    (torch.bfloat16, True, {}), (torch.bfloat16, True, {'benchmark': True}),
    (torch.bfloat16, False, {}), (torch.float32, True, {}), (torch.float32, False, {}),
    (torch.float32, True, {'allow_tf32': True}),
    (torch.float32, True, {'allow_tf32': True, 'benchmark': True}))
"""Precision, whether channels come last, and flags of cuDNN that differ from tracking's."""

Work = Callable[[], object]


class Bench:
    """Times work on one device and prints a line for each measurement."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.gpu = device.type == 'cuda'
        self.size = (704, 1280) if self.gpu else (64, 64)
        """Height and width of the network's input."""
        self.rows = (16, 32, 64, 256) if self.gpu else (2,)
        """Numbers of tracks."""

    def attempt(self, name: str, make: Callable[..., Work], *args: Any) -> None:
        """Time the work that `make(*args)` returns; report why if either fails."""
        try:
            took = f'{self.milliseconds(make(*args)):8.3f} ms'
        # whatever the first run on a new GPU raises, the others are to be measured
        except Exception as error:
            took = f'FAILED {type(error).__name__}: {(str(error).splitlines() or [""])[0][:110]}'
        say(f'{name:70s} {took}')

    def milliseconds(self, work: Work) -> float:
        """Return the median time of a replay; on a CPU, of one plain call after another."""
        with torch.inference_mode():
            return self._replayed(work) if self.gpu else _called(work)

    def _replayed(self, work: Work) -> float:
        aside = torch.cuda.Stream(self.device)
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            for _ in range(WARM_UPS):
                work()
        torch.cuda.current_stream().wait_stream(aside)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, stream=aside):
            work()
        times = []
        for _ in range(REPLAYS):
            start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
            start.record()
            graph.replay()
            end.record()
            end.synchronize()
            times.append(start.elapsed_time(end))
        return statistics.median(times)


def _called(work: Work) -> float:
    work()
    start = time.perf_counter()
    work()
    return 1e3 * (time.perf_counter() - start)


def say(*words: object) -> None:
    """Print a line at once: the next measurement may end the process."""
    sys.stdout.write(' '.join(map(str, words)) + '\n')
    sys.stdout.flush()


def backbone(bench: Bench, dtype: torch.dtype, last: bool, flags: dict[str, bool]) -> Work:
    """Return DLA-34 and its pyramid on one image."""
    layout = torch.channels_last if last else torch.contiguous_format
    network = Architecture('dla34').make().eval().requires_grad_(False)
    network.fuse()
    network = network.to(bench.device, memory_format=layout)
    lower(network, dtype)
    image = torch.rand(1, 3, *bench.size, device=bench.device).to(memory_format=layout)
    return partial(with_flags, lambda: network.features(image), flags)


def single_shot(bench: Bench, dtype: torch.dtype, last: bool) -> Work:
    """Return SSD-MobileNetV3 on one image of 320 x 320."""
    layout = torch.channels_last if last else torch.contiguous_format
    network: nn.Module = SsdMobileNetV3().eval().requires_grad_(False).to(bench.device)
    network = network.to(memory_format=layout)
    lower(network, dtype)
    image = torch.rand(1, 3, 320, 320, device=bench.device).to(memory_format=layout)
    return partial(with_flags, partial(network, image), {})


def with_flags(work: Work, flags: dict[str, bool]) -> object:
    """Do work under cuDNN's flags of tracking, some of them changed."""
    tracking = {'enabled': True, 'benchmark': False, 'deterministic': True, 'allow_tf32': False}
    with torch.backends.cudnn.flags(**{**tracking, **flags}):
        return work()


def suppression(bench: Bench, batch: int, count: int, rounds: int) -> Work:
    """Return NMS of fixed shape on boxes (batch, count, 4)."""
    boxes = torch.rand(batch, count, 4, device=bench.device) * 300
    boxes[..., 2:] += boxes[..., :2] + 20
    valid = torch.ones(batch, count, dtype=torch.bool, device=bench.device)
    return lambda: fixed_nms(boxes, valid, 0.7, rounds=rounds)


class Emm:
    """The inputs of each part of EMM for `count` tracks, made by the part before it."""

    def __init__(self, bench: Bench, count: int, dtype: torch.dtype) -> None:
        device, (height, width) = bench.device, bench.size
        self.bench, self.count = bench, count
        self.table = CellTable.of([
            torch.rand(1, CHANNELS, height // stride, width // stride, device=device, dtype=dtype)
            .to(memory_format=torch.channels_last) for stride in STRIDES])
        self.boxes = torch.rand(count, 4, device=device) * 100
        self.boxes[:, 2:] += self.boxes[:, :2] + 60
        self.image = torch.zeros(count, dtype=torch.long, device=device)
        self.searched, self.templates = self.pool(SEARCHED), self.pool(TEMPLATE)
        self.predictor = emm.EmmPredictor(CHANNELS).to(device).eval().requires_grad_(False)
        lower(self.predictor, dtype)
        self.correlated = emm.correlate(self.searched, self.templates)
        self.response = self.predictor(self.correlated)
        self.options = emm.EmmOptions()
        self.grid = emm_decode.Grid.of(self.options.response_cells, self.boxes)

    def pool(self, cells: int) -> Tensor:
        """Return the features of all boxes; a search region ends in zeros outside the image."""
        outside = {'outside': 'zeros'} if cells == SEARCHED else {}
        return roi_align(
            self.table, self.boxes, self.image, levels_of(self.boxes), cells, **outside)

    def correlate(self) -> Tensor:
        """Correlate as tracking does."""
        return emm.correlate(self.searched, self.templates)

    def correlate_by_product(self) -> Tensor:
        """Correlate by unfolding and one batched product, which needs 225 times the memory."""
        windows = self.searched.unfold(2, TEMPLATE, 1).unfold(3, TEMPLATE, 1)
        return torch.einsum('kcxyij,kcij->kcxy', windows, self.templates)

    def predict(self) -> object:
        """Run the two towers."""
        return self.predictor(self.correlated)

    def decode(self) -> object:
        """Decode as tracking does, a few tracks at a time."""
        chunks = emm._chunks(self.count, len(self.grid.window), self.bench.device)
        return [emm_decode.decode(
            self.response[rows], self.boxes[rows], self.boxes[rows], self.options, self.grid)
            for rows in chunks]

    def decode_compiled(self) -> Work:
        """Return the decoding of all tracks at once, compiled."""
        compiled = torch.compile(emm_decode.decode, dynamic=False)
        return lambda: compiled(self.response, self.boxes, self.boxes, self.options, self.grid)


def motion_model(bench: Bench, count: int, dtype: torch.dtype) -> None:
    """Time the parts of EMM for so many tracks."""
    with torch.inference_mode():
        parts = Emm(bench, count, dtype)
    plain: dict[str, Work] = {
        f'roi_align {SEARCHED}x{SEARCHED}': partial(parts.pool, SEARCHED),
        'correlate': parts.correlate, 'predictor': parts.predict, 'decode': parts.decode}
    if count <= 32:
        plain['correlate as unfold + bmm'] = parts.correlate_by_product
    for name, work in plain.items():
        bench.attempt(f'{name}, {count} {dtype}', lambda done: done, work)
    bench.attempt(f'decode compiled, {count} {dtype}', parts.decode_compiled)


def failed_capture(device: torch.device) -> None:
    """Report what a capture that fails leaves behind: stream, memory, later captures."""
    before = torch.cuda.current_stream()
    ones = torch.ones(8, device=device)
    try:
        CudaGraph(lambda x: (x * float(x.sum().item()),), device)(ones)
    except Exception as error:
        say('the plain call failed too:', type(error).__name__, str(error).splitlines()[0][:100])
    same = torch.cuda.current_stream() == before
    say('current stream is', 'the same' if same else 'ANOTHER ONE')
    aside, base = torch.cuda.Stream(), torch.cuda.memory_reserved()
    for _ in range(UPLOADS):
        with torch.cuda.stream(aside):
            image = torch.empty(UPLOAD_BYTES, dtype=torch.uint8, device=device)
        torch.cuda.current_stream().wait_stream(aside)
        image.record_stream(torch.cuda.current_stream())
        image.sum()
        del image
    torch.cuda.synchronize()
    grown = (torch.cuda.memory_reserved() - base) / 2 ** 20
    say(f'{UPLOADS} uploads later {grown:.0f} MiB more are reserved (a leak if hundreds)')
    good = CudaGraph(lambda x: (x + 1,), device)
    good(ones)
    say('another CudaGraph still records:', good._on)


def discarded_graphs(device: torch.device) -> None:
    """Report the memory that graphs keep after they were discarded."""
    square = torch.rand(256, 256, device=device)
    for number in range(1, max(DISCARDED) + 1):
        CudaGraph(lambda x: (x @ x,), device)(square)
        if number in DISCARDED:
            torch.cuda.synchronize()
            say(number, 'recordings thrown away:', torch.cuda.memory_allocated() >> 20,
                'MiB allocated')


def run(bench: Bench) -> None:
    """Measure everything."""
    name = torch.cuda.get_device_name(bench.device) if bench.gpu else bench.device
    say(torch.__version__, torch.version.cuda, name)
    say('--- 1 body + FPN of DLA-34: precision, layout, cuDNN choice')
    for dtype, last, flags in BACKBONES:
        bench.attempt(f'dla34 {dtype} {"NHWC" if last else "NCHW"} {flags}',
                      backbone, bench, dtype, last, flags)
    say('--- 2 MobileNetV3 SSD 320: channels last may be slow for its depthwise layers')
    for dtype, last in itertools.product((torch.float32, torch.bfloat16), (True, False)):
        bench.attempt(f'ssd {dtype} {"NHWC" if last else "NCHW"}',
                      single_shot, bench, dtype, last)
    say('--- 3 suppression by rounds')
    for batch, count, rounds in ((5, 1000, 32), (5, 1000, 16), (1, 300, 32), (1, 1024, 16)):
        bench.attempt(f'fixed_nms {batch}x{count}, {rounds} rounds',
                      suppression, bench, batch, count, rounds)
    say('--- 4 EMM by number of rows: pooling, correlation, predictor, decoding')
    for count, dtype in itertools.product(bench.rows, (torch.bfloat16, torch.float32)):
        motion_model(bench, count, dtype)
    if bench.gpu:
        say('--- 5 what a failed capture leaves behind (CudaGraph promises: nothing)')
        failed_capture(bench.device)
        say('--- 6 memory per recording')
        discarded_graphs(bench.device)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure on the first GPU, or in small on the CPU."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('device', nargs='?', choices=('cuda', 'cpu'), default='cuda',
                        help='the first GPU, or the CPU in small (cuda)')
    kind = parser.parse_args(argv).device
    if kind == 'cuda' and not torch.cuda.is_available():
        parser.error('this machine has no CUDA device that torch can use; to see whether '
                     'everything runs: gpu_first_day.py cpu')
    with torch.no_grad():
        run(Bench(torch.device(kind, 0) if kind == 'cuda' else torch.device(kind)))
    return 0


if __name__ == '__main__':
    sys.exit(main())

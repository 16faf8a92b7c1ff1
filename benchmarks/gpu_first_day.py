# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
Answers in two minutes of a GPU what a review on paper could only predict. From the repository root (module names are those before the moves of house.md):
PYTHONPATH=. python3 first_day.py       (CPU: PYTHONPATH=. python first_day.py cpu, to see whether it runs)
"""

import itertools
import sys
import time

import torch

CPU = 'cpu' in sys.argv
dev = torch.device('cpu') if CPU else torch.device('cuda', 0)
SMALL = CPU
torch.set_grad_enabled(False)


def ms(work, turns=3 if CPU else 30):
    """Time of one graph replay (plain calls on the CPU), median."""
    with torch.inference_mode():
        if CPU:
            work()
            t = []
            for _ in range(turns):
                a = time.perf_counter()
                work()
                t.append((time.perf_counter() - a) * 1e3)
            return sorted(t)[len(t) // 2]
        s = torch.cuda.Stream(dev)
        s.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(s):
            for _ in range(3):
                work()
        torch.cuda.current_stream().wait_stream(s)
        g = torch.cuda.CUDAGraph()
        with torch.cuda.graph(g, stream=s):
            work()
        t = []
        for _ in range(turns):
            a, b = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
            a.record()
            g.replay()
            b.record()
            b.synchronize()
            t.append(a.elapsed_time(b))
        return sorted(t)[len(t) // 2]


def say(*what):
    print(*what, flush=True)


def attempt(name, make):
    try:
        say(f'{name:70s} {ms(make()):8.3f} ms')
    except Exception as e:
        say(f'{name:70s} FAILED {type(e).__name__}: {str(e).splitlines()[0][:110]}')


def flags(**k):
    return torch.backends.cudnn.flags(
        **{**dict(enabled=True, benchmark=False, deterministic=True, allow_tf32=False), **k}
    )


from mot_ros.tracking.nets.siammot import emm
from mot_ros.tracking.nets.siammot import emm_decode
from mot_ros.tracking.nets.fixed_nms import fixed_nms
from mot_ros.tracking.nets.ops.precision import lower
from mot_ros.tracking.nets.rcnn.roi_align import CellTable, levels_of, roi_align
from mot_ros.tracking.nets.siammot.network import Architecture
from mot_ros.tracking.nets.ssd.network import SsdMobileNetV3

say(torch.__version__, torch.version.cuda, dev if CPU else torch.cuda.get_device_name(0))
W, H = (320, 192) if SMALL else (1280, 704)

say('--- 1 body + FPN of DLA-34: precision, layout, cuDNN choice')
for prec, last, kw in [
    ('bfloat16', True, {}),
    ('bfloat16', True, {'benchmark': True}),
    ('bfloat16', False, {}),
    ('float32', True, {}),
    ('float32', False, {}),
    ('float32', True, {'allow_tf32': True}),
    ('float32', True, {'allow_tf32': True, 'benchmark': True}),
]:

    def make():
        n = Architecture('dla34').make().eval().requires_grad_(False)
        n.fuse()
        n = n.to(dev, memory_format=torch.channels_last if last else torch.contiguous_format)
        lower(n, getattr(torch, prec))
        x = torch.rand(1, 3, H, W, device=dev).to(
            memory_format=torch.channels_last if last else torch.contiguous_format
        )

        def work():
            with flags(**kw):
                n.pyramid(n.body(x))

        return work

    attempt(f'dla34 {prec} {"NHWC" if last else "NCHW"} {kw}', make)
say('--- 2 MobileNetV3 SSD 320: channels last may be slow for its depthwise layers')
for prec, last in itertools.product(('float32', 'bfloat16'), (True, False)):

    def make():
        n = SsdMobileNetV3().eval().requires_grad_(False).to(dev)
        if last:
            n = n.to(memory_format=torch.channels_last)
        lower(n, getattr(torch, prec))
        x = torch.rand(1, 3, 320, 320, device=dev)
        if last:
            x = x.to(memory_format=torch.channels_last)

        def work():
            with flags():
                n(x)

        return work

    attempt(f'ssd {prec} {"NHWC" if last else "NCHW"}', make)
say('--- 3 suppression by rounds')
for B, K, r in ((5, 1000, 32), (5, 1000, 16), (1, 300, 32), (1, 1024, 16)):
    b = torch.rand(B, K, 4, device=dev) * 300
    b[..., 2:] += b[..., :2] + 20
    v = torch.ones(B, K, dtype=torch.bool, device=dev)
    attempt(f'fixed_nms {B}x{K}, {r} rounds', lambda: lambda: fixed_nms(b, v, 0.7, rounds=r))
say('--- 4 EMM by number of rows: pooling, correlation, predictor, decoding')
for K, dt in itertools.product(
    (4,) if SMALL else (16, 32, 64, 256), (torch.bfloat16, torch.float32)
):
    maps = [
        torch.rand(1, 128, H // s, W // s, device=dev, dtype=dt).to(
            memory_format=torch.channels_last
        )
        for s in (4, 8, 16, 32)
    ]
    with torch.inference_mode():
        table = CellTable.of(maps)
    box = torch.rand(K, 4, device=dev) * 100
    box[:, 2:] += box[:, :2] + 60
    zero = torch.zeros(K, dtype=torch.long, device=dev)
    attempt(
        f'roi_align 30x30, {K} {dt}',
        lambda: lambda: roi_align(table, box, zero, levels_of(box), 30, outside='zeros'),
    )
    with torch.inference_mode():
        reg = roi_align(table, box, zero, levels_of(box), 30, outside='zeros')
        tem = roi_align(table, box, zero, levels_of(box), 15)
    attempt(f'correlate, {K} {dt}', lambda: lambda: emm.correlate(reg, tem))
    if K <= 32:
        attempt(
            f'correlate as unfold + bmm, {K} {dt}',
            lambda: (
                lambda: torch.einsum(
                    'kcxyij,kcij->kcxy', reg.unfold(2, 15, 1).unfold(3, 15, 1), tem
                )
            ),
        )
    p = emm.EmmPredictor(128).to(dev).eval().requires_grad_(False)
    lower(p, dt)
    with torch.inference_mode():
        cor = emm.correlate(reg, tem)
        ans = p(cor)
    attempt(f'predictor, {K} {dt}', lambda: lambda: p(cor))
    opt = emm.EmmOptions()
    grid = emm_decode.Grid.of(opt.response_cells, box)
    attempt(
        f'decode, {K} {dt}',
        lambda: (
            lambda: [
                emm_decode.decode(ans[f], box[f], box[f], opt, grid)
                for f in emm._chunks(K, len(grid.window), dev)
            ]
        ),
    )
    attempt(
        f'decode compiled, {K} {dt}',
        lambda: (
            lambda c=torch.compile(emm_decode.decode, dynamic=False): c(ans, box, box, opt, grid)
        ),
    )
if not CPU:
    say('--- 5 what a failed capture leaves behind (CudaGraph promises: nothing)')
    from mot_ros.tracking.runtime.cuda_graph import CudaGraph

    before = torch.cuda.current_stream()
    bad = CudaGraph(lambda x: (x * float(x.sum().item()),), dev)
    x = torch.ones(8, device=dev)
    try:
        bad(x)
    except Exception as e:
        say('the plain call failed too:', type(e).__name__, str(e).splitlines()[0][:100])
    say(
        'current stream is', 'the same' if torch.cuda.current_stream() == before else 'ANOTHER ONE'
    )
    side = torch.cuda.Stream()
    base = torch.cuda.memory_reserved()
    for _ in range(200):
        with torch.cuda.stream(side):
            y = torch.empty(2764800, dtype=torch.uint8, device=dev)
        torch.cuda.current_stream().wait_stream(side)
        y.record_stream(torch.cuda.current_stream())
        y.sum()
        del y
    torch.cuda.synchronize()
    say(
        f'200 uploads later {(torch.cuda.memory_reserved() - base) / 2**20:.0f} MiB more are reserved (a leak if hundreds)'
    )
    good = CudaGraph(lambda x: (x + 1,), dev)
    good(x)
    say('another CudaGraph still records:', good._on)
    say('--- 6 memory per recording')
    a = torch.rand(256, 256, device=dev)
    for n in range(40):
        CudaGraph(lambda x: (x @ x,), dev)(a)
        if n in (0, 9, 19, 31, 39):
            torch.cuda.synchronize()
            say(
                n + 1,
                'recordings thrown away:',
                torch.cuda.memory_allocated() >> 20,
                'MiB allocated',
            )

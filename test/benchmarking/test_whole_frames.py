# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""What is told of whole frames, of memory, of kernels and of the machine."""

from __future__ import annotations

import itertools
import mmap
import time

import numpy as np
import pytest
import torch

from mot_ros.benchmarking import machine, soak, whole_frames
from mot_ros.benchmarking.peaks import Peaks
from mot_ros.benchmarking.profiling import profiled
from mot_ros.benchmarking.roofline import counted, Layer, Roof
from mot_ros.benchmarking.whole_frames import BenchImages
from mot_ros.tracking.config import Settings
from mot_ros.tracking.config.schema import build

ROOF = Roof(Peaks(1e6, 1e6, ''), 4)


class Said:
    """Tracks of which so many were observed."""

    def __init__(self, count):
        self.observed = [None] * count


def test_footage_goes_on_forever_and_remembers_nothing():
    footage = BenchImages.made_up((64, 48))
    frames = list(itertools.islice(footage, 6))
    assert footage.size == (64, 48)
    assert [frame.stamp for frame in frames] == [number / 30 for number in range(6)]
    assert frames[0].image is frames[4].image and frames[0].image is not frames[1].image
    # what was uploaded for one is not there for the next one with its image
    frames[0].copies['cuda:0'] = 'a copy'
    assert not frames[4].copies


def test_footage_of_a_video_has_its_rate(tmp_path):
    import cv2

    for number in range(3):
        cv2.imwrite(str(tmp_path / f'{number}.png'), np.full((20, 30, 3), number, np.uint8))
    footage = BenchImages.of(tmp_path, 2)
    frames = list(itertools.islice(footage, 3))
    assert [int(frame.image[0, 0, 0]) for frame in frames] == [0, 1, 0]
    assert frames[2].stamp == pytest.approx(2 / 30)


def test_frames_are_timed_by_the_clock(monkeypatch):
    now, shown = [0.0], []
    took = iter([9.0, 9.0, 0.001, 0.002, 0.003, 0.004])

    def update(frames):
        shown.append(frames)
        now[0] += next(took)
        return [Said(len(shown)) for _ in frames]

    monkeypatch.setattr(whole_frames, 'make', lambda *_: update)
    monkeypatch.setattr(time, 'perf_counter', lambda: now[0])
    row = whole_frames.measure(
        build(Settings, {}), BenchImages.made_up((8, 8)), 3, range(4), ROOF, [Layer(1000, 1)],
        cameras=2, warm_up=2)
    assert row['frames'] == 4 and row['ms'] == pytest.approx(2.5)
    assert row['ms_most'] == pytest.approx(4) and row['ms_p99'] == pytest.approx(3.97)
    assert row['fps'] == pytest.approx(2 * 4 / 0.010)
    assert (row['tracks'], row['tracks_least'], row['planted']) == (4.5, 3, 3)
    # two cameras have two frames' layers of a millisecond each
    assert row['least_ms'] == pytest.approx(2) and row['roofline'] == pytest.approx(0.8)
    assert [len(frames) for frames in shown] == [2] * 6
    assert shown[0][0] is not shown[0][1]
    cells = whole_frames.table([row])[1]
    assert cells[:4] == ['2 cameras', '4.5', '800.0', '2.50']


def test_layers_are_counted_on_the_cpu_without_padding():
    settings = counted(build(Settings, {
        'device': 'cpu', 'precision': 'bfloat16', 'backend': 'onnx',
        'bytetrack.track_high_thresh': 0.55}))
    assert (settings.device, settings.precision, settings.backend) == ('cpu', 'float32', 'torch')
    assert settings.bytetrack.track_high_thresh == 0.55


def test_a_leak_is_seen_and_what_settles_is_none(monkeypatch):
    footage = BenchImages.made_up((8, 8))

    def watched(process, allocated):
        frame = itertools.count()
        monkeypatch.setattr(soak, '_memory', lambda: {
            'process': process(at := next(frame)), 'allocated': allocated(at)})
        return soak.measure(lambda frames: None, iter(footage), range(500), 500)

    # 50 looks, one every ten frames
    leaking = watched(lambda at: 100.0, lambda at: 50 + 0.1 * at)
    assert not leaking['flat'] and leaking['at'][:2] == [10, 20]
    assert leaking['mib_per_1000'] == {
        'process': pytest.approx(0, abs=1e-9), 'allocated': pytest.approx(10)}
    assert leaking['most_mib']['allocated'] == pytest.approx(54.9)
    settled = watched(lambda at: 100.0 + min(at, 9), lambda at: 7.0)
    assert settled['flat'] and 'NOT FLAT' not in soak.lines(settled)
    assert 'NOT FLAT over 500 frames' in soak.lines(leaking)
    assert '+10.00 MiB per 1000 frames (1 allowed)' in soak.lines(leaking)


def test_memory_of_this_process_is_read():
    content = b'1' * (1 << 26)
    before = soak._memory()['process']
    # pages of its own, since what others have freed may be taken again
    with mmap.mmap(-1, 1 << 26) as held:
        held.write(content)
        assert soak._memory()['process'] - before == pytest.approx(64, abs=20)


def test_kernels_are_told_by_their_time():
    a = torch.rand(900, 900)
    found = profiled(
        lambda frames: (a @ a, torch.add(a, 1)), iter(BenchImages.made_up((8, 8))), 4,
        torch.device('cpu'))
    named = {row['name']: row for row in found['kernels']}
    assert found['kernels'][0]['name'] == 'aten::mm' and named['aten::mm']['calls'] == 1
    assert named['aten::mm']['ms'] > named['aten::add']['ms'] > 0
    assert found['ms'] >= sum(row['ms'] for row in found['kernels']) - 1e-9


def test_nvidia_smi_is_asked_where_it_is(tmp_path, monkeypatch):
    values = [f'value {number}' for number in range(len(machine.ASKED))]
    program = tmp_path / 'nvidia-smi'
    program.write_text(f'#!/bin/sh\necho "$*" >> {tmp_path}/asked\necho "{", ".join(values)}"\n')
    program.chmod(0o755)
    monkeypatch.setenv('PATH', str(tmp_path), prepend=':')
    assert machine._smi(3) == dict(zip(machine.ASKED, values, strict=True))
    assert '-i 3' in (tmp_path / 'asked').read_text()
    program.write_text('#!/bin/sh\nexit 6\n')
    assert machine._smi(0) == {}
    monkeypatch.setenv('PATH', str(tmp_path / 'nothing'))
    assert machine._smi(0) == {}
    assert machine.describe_gpu(torch.device('cpu')) is None


def test_tracks_of_real_trackers_are_counted():
    settings = build(Settings, {'method': 'sort', 'detector.type': 'external', 'device': 'cpu'})
    footage = BenchImages.made_up((160, 120))
    row = whole_frames.measure(settings, footage, 5, range(2), ROOF, warm_up=3)
    assert (row['tracks'], row['cameras']) == (5, 1)
    assert row['layers'] is None

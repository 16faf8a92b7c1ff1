# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""The published table of speeds: every item in small on the CPU, and how a run goes on."""

from __future__ import annotations

import dataclasses
import json
import logging
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest
import torch

from mot_ros.benchmarking import peaks
from mot_ros.tracking.errors import ConfigError
from test.benchmarks.scripts import load


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return load('gpu', monkeypatch)


@pytest.fixture
def small(gpu: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Return what runs it in small on a video of its own, and returns code and results."""
    monkeypatch.setitem(peaks.TURNS, 'cpu', 1)
    monkeypatch.setattr(gpu, 'QUICK', dataclasses.replace(gpu.QUICK, frames=2, soak=30))
    video, truth = tmp_path / 'v.avi', tmp_path / 'gt.txt'
    writer = cv2.VideoWriter(str(video), cv2.VideoWriter.fourcc(*'MJPG'), 7.0, (160, 120))
    for number in range(6):
        image = np.full((120, 160, 3), 90, np.uint8)
        image[30:90, 20 + number:50 + number] = 200
        writer.write(image)
    writer.release()
    truth.write_text(''.join(
        f'{number},1,{20 + number},30,30,60,1,-1,-1,-1\n' for number in range(1, 6)))

    def ran(*words: str):
        code = gpu.main([
            '--device', 'cpu', '--quick', '--out', str(tmp_path / 'out'), '--video', str(video),
            '--truth', str(truth), *words])
        file = tmp_path / 'out' / 'gpu.json'
        return code, json.loads(file.read_text())['parts'] if file.exists() else {}

    return ran


def test_without_a_gpu_it_says_what_to_do(gpu, capsys):
    if torch.cuda.is_available():
        pytest.skip('there is a CUDA device')
    with pytest.raises(SystemExit, match='2'):
        gpu.main([])
    assert "device is 'cuda', but" in (said := capsys.readouterr().err)
    assert '--device cpu --quick' in said


@pytest.mark.parametrize('items, complaint', [('9', 'there are 1, 2'), ('a', 'give numbers')])
def test_items_that_are_not_there_are_named(gpu, capsys, items, complaint):
    with pytest.raises(SystemExit, match='2'):
        gpu.main(['--device', 'cpu', '--items', items])
    assert complaint in capsys.readouterr().err


@pytest.mark.parametrize('item, parts, found, goal', [
    ('1', 'bfloat16', 4, 'at least 300 frames/s'),
    ('2', 'smot,', 2, 'smot: 6 tracks against 2 at most 1.05x'),
    ('3', 'slm code', 4, 'slm code, 4 crops: at most 1 ms'),
    ('4', 'resnet34, 64x64', 2, 'resnet34 at 64: at least 0 frames/s'),
    ('5', 'bytetrack', 3, 'bytetrack, device bfloat16: MOTA within 0.5 point'),
    ('6', 'bytetrack', 2, 'bytetrack, 2 cameras: frames/s of all'),
    ('7', 'bytetrack', 1, 'bytetrack: flat over 30 frames')])
def test_every_item_is_measured_and_judged(small, capsys, tmp_path, item, parts, found, goal):
    code, kept = small('--items', item, '--parts', parts)
    assert code == 0
    rows = kept[item]
    assert [row['error'] for row in rows.values() if 'error' in row] == []
    assert len(rows) == found
    assert all(row['took_s'] > 0 and row['hardware'] and row['at'] for row in rows.values())
    assert goal in (tmp_path / 'out' / 'gpu.md').read_text()
    assert '**In small: these figures mean nothing.**' in capsys.readouterr().out


def test_a_run_goes_on_where_it_was(gpu, small, monkeypatch, capsys):
    done = []

    def parts(_):
        def part(name):
            done.append(name)
            if name == 'b' and done.count('b') == 1:
                raise ConfigError('not today\nfor a long reason')
            if name == 'c':
                logging.getLogger('mot_ros.somewhere').warning('graphs are %s', 'left out')
            return {'value': len(done)}
        return {name: lambda name=name: part(name) for name in 'abc'}

    def verdicts(_, rows):
        return [gpu.Verdict('three', str(len(rows)), len(rows) == 3)]

    monkeypatch.setattr(gpu, 'ITEMS', {1: gpu.Item('title', parts, verdicts)})
    code, kept = small('--items', '1')
    assert code == 0 and done == ['a', 'b', 'c']
    assert kept['1']['b']['error'] == 'ConfigError: not today\nfor a long reason'
    out = capsys.readouterr().out
    assert '|    1 | three |     2 | MISSED |' in out
    assert 'b: **failed**: ConfigError: not today\n' in out
    # a figure without graphs must not pass for one with them
    assert 'c: **warned**: graphs are left out\n' in out
    assert kept['1']['c']['warnings'] == ['graphs are left out'] and not kept['1']['a']['warnings']
    # nothing is left; what failed is asked for
    assert small('--items', '1')[0] == 0 and done == ['a', 'b', 'c']
    code, kept = small('--items', '1', '--retry')
    assert done[3:] == ['b'] and kept['1']['b']['value'] == 4
    assert '|    1 | three |     3 | met |' in capsys.readouterr().out
    small('--items', '1', '--report', '--again')
    assert len(done) == 4
    # a part at a time that is over already
    code, kept = small('--items', '1', '--again', '--minutes', '0')
    assert code == 3 and len(done) == 4
    small('--items', '1', '--again', '--parts', 'c')
    assert done[4:] == ['c']


def test_what_breaks_the_gpu_is_noted_and_left_out_by_a_new_process(
        gpu, small, monkeypatch, tmp_path):
    def broken():
        raise RuntimeError('CUDA error: an illegal memory access was encountered')

    never = []
    monkeypatch.setattr(gpu, 'ITEMS', {1: gpu.Item(
        'title', lambda _: {'a': broken, 'b': lambda: never.append('b') or {}},
        lambda *_: [])})
    begun = []
    monkeypatch.setattr(gpu.os, 'execv', lambda program, words: begun.append(words))
    code, kept = small('--items', '1', '--retry', '--minutes', '9')
    assert code == 3 and not never
    assert 'illegal memory access' in kept['1']['a']['error']
    words, = begun
    assert words[1].endswith('benchmarks/gpu.py') and '--retry' not in words
    assert words[-2] == '--minutes' and 8 < float(words[-1]) < 9
    # the new one
    assert small('--items', '1')[0] == 0 and never == ['b']


def test_tracks_that_differ_miss_their_goals(gpu, small, tmp_path):
    small('--items', '5', '--parts', 'bytetrack')
    lines = [f'{number},1,{20 + number},30,30,60,0.9,-1,-1,-1\n' for number in range(1, 6)]
    moved = [line.replace(',30,30,60', ',31,30,60') for line in lines[:4]]
    (tmp_path / 'out' / 'tracks_bytetrack_cpu_float32.txt').write_text(''.join(lines))
    (tmp_path / 'out' / 'tracks_bytetrack_device_float32.txt').write_text(''.join(moved))
    (tmp_path / 'out' / 'tracks_bytetrack_device_bfloat16.txt').write_text(''.join(lines[:2]))
    small('--report')
    text = (tmp_path / 'out' / 'gpu.md').read_text()
    found = {line.split('|')[2].strip(): [cell.strip() for cell in line.split('|')[3:5]]
             for line in text.splitlines() if line.startswith('|    5')}
    assert found["bytetrack, device float32: IDF1 with the CPU's tracks at least .999"] == [
        '0.8889, 1 differing ids (see ids_bytetrack_device_float32.txt)', 'MISSED']
    assert found['bytetrack, device float32: boxes within 0.5 px'] == ['1.000 px', 'MISSED']
    mota = found['bytetrack, device bfloat16: MOTA within 0.5 point']
    assert mota == ['-60.00 points (1.0000 to 0.4000)', 'MISSED']
    assert (tmp_path / 'out' / 'ids_bytetrack_device_float32.txt').read_text() == (
        'A: id 1, frame 5: nothing in the other run\n')


def test_goals_are_held_against_the_right_numbers(gpu):
    class Bench:
        scale = gpu.Scale()

    fast = {'fps': 310.0, 'ms_p99': 6.0, 'roofline': 0.1}
    slow = {'fps': 290.0, 'ms_p99': 4.0, 'roofline': 0.2}
    assert [one.met for one in gpu.siammot_verdicts(Bench, {
        'float32, graphs on': slow, 'bfloat16, graphs on': fast,
        'bfloat16, next frame sent ahead': {**fast, 'fps': 999.0, 'ms_p99': 1.0}})] == [
        True, False, None]
    few, many = {'ms': 2.0}, {'ms': 2.4}
    rows = {f'{kind}, {count} tracks': row for kind in ('siammot', 'smot')
            for count, row in ((10, few), (200, many))}
    assert [one.met for one in gpu.growth_verdicts(Bench, rows)] == [True, False]
    assert [one.met for one in gpu.smot_verdicts(Bench, {
        'mobilenetv3, 1024x1024, float32': {'fps': 169.0},
        'mobilenetv3, 1024x1024, bfloat16': {'fps': 171.0},
        'mobilenetv3, 256x256, float32': {'fps': 399.0}})] == [True, False]

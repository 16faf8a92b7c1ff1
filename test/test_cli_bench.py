# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""`mot_ros bench`: stages, their work, and the figures that are written."""

import json
import sys

import cv2
import numpy as np
import pytest
import torch

from mot_ros import cli
from mot_ros.benchmarking import method_stages, stages
from mot_ros.benchmarking.peaks import Peaks
from mot_ros.benchmarking.roofline import Layer, Roof
from mot_ros.tracking.config import METHODS, Settings
from mot_ros.tracking.config.schema import build
from mot_ros.tracking.nets.siammot.network import Architecture

TINY = ['--size', '96x64', '--rounds', '2', '--frames', '2']
SMALL = ['--random', '--body', 'mobilenetv3', '--set', 'rcnn.short_side=64']
COMMON = ['decode JPEG', 'preprocess', 'body', 'FPN', 'RPN', 'selection', 'box head']
FIXED = [*COMMON[:1], 'upload', *COMMON[1:], 'look']
ROOF = Roof(Peaks(1e9, 1e9, 'made up'), 4)


def stages_of(lines):
    """Return the first column of the first table."""
    table = lines[2:lines.index('')]
    return [line.split('|')[1].strip() for line in table]


def test_every_stage_of_siammot_is_timed_and_counted(tmp_path, capsys):
    file = tmp_path / 'a.json'
    assert cli.main([
        'bench', 'siammot', *TINY, *SMALL, '--tracks', '0,3', '--json', str(file)]) == 0
    found = json.loads(file.read_text())
    assert [(row['stage'], row['tracks']) for row in found['rows']] == [
        *((name, None) for name in (COMMON if found['device'] == 'cpu' else FIXED)),
        ('solver', 0),
        *((name, 3) for name in (
            ('remember', 'search', 'judge', 'solver') if found['device'] == 'cpu'
            else ('remember', 'follow', 'solver')))]
    by_name = {row['stage']: row for row in found['rows']}
    for row in found['rows']:
        assert 0 < row['ms'] <= row['ms_p95'] <= row['ms_p99'] and row['cpu_ms'] >= 0
    assert found['network_size'] == [96, 64] and found['weights'] == 'random'
    # 3x3 convolutions of 128 to 128 channels on every cell of P2 to P6, and what is behind them
    cells = sum(-(-96 // 2 ** level) * -(-64 // 2 ** level) for level in range(2, 7))
    rpn = cells * (128 * 128 * 9 + 128 * 15) * 2 / 1e9
    assert by_name['RPN']['gflop'] == pytest.approx(rpn)
    # correlation and towers of methods 8.1: 0.17 GFLOP a track
    followed = by_name['search' if found['device'] == 'cpu' else 'follow']
    assert followed['gflop'] / 3 == pytest.approx(0.17, abs=0.015)
    # the light body is packed for the CPU, and counted nevertheless
    assert by_name['body']['gflop'] > 0 and by_name['solver']['gflop'] is None
    row = by_name['RPN']
    assert row['layers'] == 15 and row['roofline'] == pytest.approx(row['least_ms'] / row['ms'])
    assert row['least_ms'] >= 1e3 * rpn * 1e9 / found['peak']['flops'] * 0.999
    assert found['peak']['bandwidth'] > 0 and found['versions']['torch'] == torch.__version__
    assert [(row['planted'], row['tracks'], row['frames']) for row in found['whole_frames']] == [
        (0, 0, 2), (3, 3, 2)]
    none, some = found['whole_frames']
    assert some['gflop'] > none['gflop'] > by_name['body']['gflop']
    assert found['settings']['rcnn.short_side'] == 64
    out = capsys.readouterr().out
    assert 'The weights are random' in out and '| least ms |' in out


def test_fixed_shapes_have_the_same_layers():
    settings = build(Settings, {
        'method': 'siammot', 'device': 'cpu', 'rcnn.short_side': 64, 'rcnn.long_side': 96})
    cpu = torch.device('cpu')

    def made(fixed):
        torch.manual_seed(0)
        return method_stages.siammot_stages(
            Architecture('mobilenetv3').make(), settings, (96, 64), [3], cpu, fixed)[0]

    layers = stages.count(made(fixed=False))
    rows = stages.measure(made(fixed=True), range(1), cpu, ROOF, layers)
    assert [row['stage'] for row in rows] == [*FIXED, 'remember', 'follow', 'solver']
    gflop = {row['stage']: row['gflop'] for row in rows}
    assert gflop['look'] == pytest.approx(
        sum(gflop[name] for name in ('body', 'FPN', 'RPN', 'box head')))
    assert gflop['follow'] == pytest.approx(sum(
        layer.flop for name in ('search', 'judge') for layer in layers[name, 3]) / 1e9)


@pytest.mark.parametrize('method', [name for name in METHODS if name != 'siammot'])
def test_every_other_method_is_timed(capsys, method):
    words = ['--tracks', '0,5', '--set', 'rcnn.short_side=64', '--set', 'detector.width=96',
             '--set', 'detector.height=64', '--crops', '4', '--device', 'cpu']
    assert cli.main(['bench', method, *TINY, *words]) == 0
    looks = ['4 crops'] if method in ('smiletrack', 'deepsort', 'botsort') else []
    names = stages_of(lines := capsys.readouterr().out.splitlines())
    assert names == (
        [*COMMON, 'solver', 'judge', 'solver'] if method == 'tracktor' else
        ['decode JPEG', 'detector', *looks, 'association', 'association'])
    whole = [[cell.strip() for cell in line.split('|')[1:3]] for line in lines
             if line.startswith('|     1 camera ')]
    assert whole == [['1 camera', '0'], ['1 camera', '5']]


def test_given_boxes_have_their_association_timed(capsys):
    assert cli.main([
        'bench', 'bytetrack', *TINY, '--tracks', '0,5', '--set', 'detector.type=external']) == 0
    assert stages_of(capsys.readouterr().out.splitlines()) == [
        'decode JPEG', 'association', 'association']


def test_several_cameras_a_video_and_memory(tmp_path, capsys):
    video, file, chart = tmp_path / 'v.avi', tmp_path / 'a.json', tmp_path / 'a.png'
    writer = cv2.VideoWriter(str(video), cv2.VideoWriter.fourcc(*'MJPG'), 10.0, (96, 64))
    for number in range(5):
        writer.write(np.full((64, 96, 3), 40 * number, np.uint8))
    writer.release()
    small = ['--set', 'detector.width=96', '--set', 'detector.height=64', '--device', 'cpu']
    assert cli.main([
        'bench', 'sort', '--video', str(video), '--rounds', '1', '--frames', '2', '--streams',
        '3', '--soak', '60', *small, '--json', str(file), '--png', str(chart)]) == 0
    found = json.loads(file.read_text())
    row, = found['whole_frames']
    # nobody was planted, and nobody is there
    assert (row['cameras'], row['planted'], row['tracks']) == (3, None, 0)
    assert found['size'] == [96, 64] and found['soak']['frames'] == 60
    assert len(found['soak']['at']) == 60 and found['soak']['mib']['process'][0] > 50
    assert cv2.imread(str(chart)).shape[1] > 500
    out = capsys.readouterr().out
    assert '3 cameras' in out and 'over 60 frames' in out


def test_turns_are_taken_and_the_first_does_not_count():
    order = []
    chosen = [
        stages.Stage('a', lambda: order.append('a')), stages.Stage('b', lambda: order.append('b')),
        stages.Stage('both', lambda: order.append('c'), parts=('a', 'b'))]
    layers = {('a', None): [Layer(1000, 1)], ('b', None): [Layer(3000, 1)], ('both', None): []}
    rows = stages.measure(chosen, range(3), torch.device('cpu'), ROOF, layers)
    # warmed up, then in turns
    assert order == ['a', 'b', 'c'] * 4
    assert [row['gflop'] for row in rows] == [1e-6, 3e-6, 4e-6]


def test_percentiles_are_of_the_times():
    assert stages.spread(list(range(101))) == {'ms': 50, 'ms_p95': 95, 'ms_p99': 99}


def test_the_gpu_is_waited_for():
    if not torch.cuda.is_available():
        pytest.skip('no CUDA device')
    device = torch.device('cuda')
    a = torch.rand(4096, 4096, device=device)
    row, = stages.measure([stages.Stage('product', lambda: a @ a)], range(3), device, ROOF, {})
    assert row['gpu_ms'] > 0.5 and row['ms'] >= row['gpu_ms'] * 0.9


def test_a_chart_without_matplotlib_is_refused_at_once(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, 'matplotlib', None)
    monkeypatch.setattr(stages, 'measure', None)
    assert cli.main(['bench', 'sort', '--png', 'a.png']) == 2
    assert '--png needs matplotlib' in capsys.readouterr().err


@pytest.mark.parametrize('words, complaint', [
    (['siammot', '--weights', '/no/where'], "'/no/where', which is neither a name"),
    (['siammot', '--random', '--weights', 'x'], 'but not both'),
    (['siammot', '--body', 'dla34'], 'with --random weights'),
    (['sort', '--random'], 'mean nothing for sort; leave them out'),
    (['siammot', '--random', '--body', 'vgg'], "there is no backbone 'vgg'"),
    (['sort', '--size', '12'], "--size is '12'"),
    (['sort', '--size', '9x9', '--video', 'x'], 'leave it out, or --video'),
    (['sort', '--video', '/no/where'], '/no/where'),
    (['sort', '--tracks', '1,a'], "--tracks is '1,a'"),
    (['sort', '--rounds', '-1'], '--rounds is -1'),
    (['sort', '--streams', '0'], '--streams is 0'),
    (['sort', '--rounds', '0', '--png', 'a.png'], '--png draws the stages'),
    (['sort', '--rounds', '0', '--frames', '0'], 'there is nothing to measure')])
def test_wrong_options_are_named(capsys, words, complaint):
    assert cli.main(['bench', *words]) == 2
    assert complaint in capsys.readouterr().err

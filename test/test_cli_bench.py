# Copyright 2026 mot_ros contributors
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""`mot_ros bench`: stages, their work, and the figures that are written."""

import json
from unittest import mock

import pytest
import torch

from mot_ros import cli
from mot_ros.evaluation import stages

TINY = ['--size', '96x64', '--rounds', '2']
SMALL = ['--random', '--body', 'mobilenetv3', '--set', 'rcnn.short_side=64']
COMMON = ['decode JPEG', 'preprocess', 'body', 'FPN', 'RPN', 'selection', 'box head']


def test_every_stage_of_siammot_is_timed_and_counted(tmp_path, capsys):
    file = tmp_path / 'a.json'
    assert cli.main([
        'bench', 'siammot', *TINY, *SMALL, '--tracks', '0,3', '--json', str(file)]) == 0
    found = json.loads(file.read_text())
    assert [(row['stage'], row['tracks']) for row in found['rows']] == [
        *((name, None) for name in COMMON), ('solver', 0),
        *((name, 3) for name in ('remember', 'search', 'judge', 'solver'))]
    by_name = {row['stage']: row for row in found['rows']}
    for row in found['rows']:
        assert 0 < row['ms'] <= row['ms_p99'] and row['cpu_ms'] >= 0
    assert found['network_size'] == [96, 64] and found['weights'] == 'random'
    # 3x3 convolutions of 128 to 128 channels on every cell of P2 to P6, and what is behind them
    cells = sum(-(-96 // 2 ** level) * -(-64 // 2 ** level) for level in range(2, 7))
    rpn = cells * (128 * 128 * 9 + 128 * 15) * 2 / 1e9
    assert by_name['RPN']['gflop'] == pytest.approx(rpn)
    # correlation and towers of methods 8.1: 0.17 GFLOP a track
    assert by_name['search']['gflop'] / 3 == pytest.approx(0.17, abs=0.015)
    # the light body is packed for the CPU, and counted nevertheless
    assert by_name['body']['gflop'] > 0 and by_name['solver']['gflop'] is None
    assert found['peak']['flops'] > 0 and found['versions']['torch'] == torch.__version__
    out = capsys.readouterr().out
    assert 'The weights are random' in out and '| least ms |' in out


def test_any_other_method_has_its_association_timed(capsys):
    assert cli.main([
        'bench', 'bytetrack', *TINY, '--tracks', '0,5', '--set', 'detector.type=external']) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split('|')[1].strip() for line in lines[2:5]] == [
        'decode JPEG', 'association', 'association']


def test_turns_are_taken_and_the_first_does_not_count():
    order = []
    chosen = [
        stages.Stage('a', lambda: order.append('a')), stages.Stage('b', lambda: order.append('b'))]
    rows = stages.measure(chosen, range(3), torch.device('cpu'))
    # counted, warmed up, then in turns
    assert order == ['a', 'b'] * 5
    assert [row['gflop'] for row in rows] == [None, None]


def test_a_known_gpu_has_its_peak_by_name():
    with mock.patch('torch.cuda.get_device_name', return_value='NVIDIA H200'):
        assert stages.peak(torch.device('cuda')) == (67e12, 'NVIDIA H200: vendor')


def test_the_gpu_is_waited_for():
    if not torch.cuda.is_available():
        pytest.skip('no CUDA device')
    device = torch.device('cuda')
    a = torch.rand(4096, 4096, device=device)
    row, = stages.measure([stages.Stage('product', lambda: a @ a)], range(3), device)
    assert row['gpu_ms'] > 0.5 and row['ms'] >= row['gpu_ms'] * 0.9


@pytest.mark.parametrize('words, complaint', [
    (['siammot', '--weights', '/no/where'], "'/no/where', which is neither a name"),
    (['siammot', '--random', '--weights', 'x'], 'but not both'),
    (['siammot', '--body', 'dla34'], 'with --random weights'),
    (['sort', '--random'], 'mean nothing for sort; leave them out'),
    (['siammot', '--random', '--body', 'vgg'], "there is no body 'vgg'"),
    (['sort', '--size', '12'], "--size is '12'"),
    (['sort', '--tracks', '1,a'], "--tracks is '1,a'"),
    (['sort', '--rounds', '0'], '--rounds is 0')])
def test_wrong_options_are_named(capsys, words, complaint):
    assert cli.main(['bench', *words]) == 2
    assert complaint in capsys.readouterr().err

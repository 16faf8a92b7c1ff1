# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""The ablations: what they measure of networks that know the truth, and that nothing is lost."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest
import safetensors.torch
import torch

from mot_ros.data.synthetic import frame_pairs as pairs
from mot_ros.data.synthetic.figures import draw_figures
from mot_ros.tracking.nets.siammot.search_region import Memory
from mot_ros.tracking.nets.slm.variants import make_slm
from mot_ros.tracking.types import Detections, Frame
from mot_ros.training import datasets as supplies
from test.benchmarks.knowing import Knowing
from test.benchmarks.scripts import load
from test.tracking.oracle import OracleMotion, SEEN

FRAMES = 20


class YesMan(OracleMotion):
    """Says of everyone that they are where it is told to look."""

    def search(self, features, memory: Memory, options=None):
        return memory.template.clone(), torch.full((len(memory),), SEEN)


class Telling:
    """A detector that is told what there is, of everyone in turn with a score of doubt."""

    class_names = ('person',)

    def __init__(self, network: Knowing) -> None:
        self.network, self.calls = network, 0

    def detect(self, frames: list[Frame]) -> list[Detections]:
        self.calls += len(frames)
        there = self.network.now
        sure = (there.ids + round(10 * frames[0].stamp) // 3) % 2 == 0
        scores = np.where(sure, 0.9, 0.25).astype(np.float32)
        return [Detections(there.boxes, scores, there.labels)[np.argsort(-scores, kind='stable')]]


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    module = load('ablations', monkeypatch)
    # drawing them takes longer than all the rest
    monkeypatch.setattr(supplies, 'FIGURES', 6)
    network = Knowing()
    module.network, module.telling = network, Telling(network)
    monkeypatch.setattr(module, 'make_network', lambda rcnn, device: network)
    monkeypatch.setattr(module, 'make_detector', lambda settings: module.telling)
    monkeypatch.setattr(module, 'frames', network.watch(module.frames))
    return module


@pytest.fixture
def words(tmp_path: Path) -> list[str]:
    for name in 'ab':
        (tmp_path / f'{name}.safetensors').write_text(f'{name} is only hashed here')
    return ['--figures', '--size', '320x240', '--seeds', '3', '--frames', str(FRAMES),
            '--people', '8', '--work', str(tmp_path / 'work'),
            '--json', str(tmp_path / 'result.json'),
            '--set', f'detector.weights={tmp_path}/a.safetensors']


def result(folder: Path) -> dict:
    return json.loads((folder / 'result.json').read_text())


def rows(folder: Path) -> dict[str, dict]:
    return {row['name']: row for row in result(folder)['rows']}


def test_no_training_sees_these_scenes(benchmark, words, tmp_path, monkeypatch):
    taken = []

    def scene(cutouts, photographs, what, seed):
        taken.append(seed)
        return None

    for name in ('CrowdScene', 'DrivingScene'):
        monkeypatch.setattr(pairs, name, scene)
    training = pairs.SyntheticPairs(draw_figures(2), seed=0)
    for index in range(50):
        training._scene(np.random.default_rng((0, 0, index)))
    assert len(taken) == 50 and max(taken) < benchmark.HELD_OUT
    args = benchmark.parse(['--part', 'tau', *words, '--seeds', '3,4'])
    assert benchmark.Bench(args).clips.seeds == (benchmark.HELD_OUT + 3, benchmark.HELD_OUT + 4)


def test_people_of_images_that_training_left_out(benchmark, tmp_path):
    for part in ('images', 'labels', 'polygons'):
        (tmp_path / part).mkdir()
    outline, grey = '0 .4 .1 .6 .1 .6 .9 .4 .9', np.full((200, 200, 3), 99, np.uint8)
    for number in range(8):
        cv2.imwrite(str(tmp_path / 'images' / f'{number}.png'), grey)
        nobody = number >= 4
        for part, line in (('labels', '0 .5 .5 .2 .8'), ('polygons', outline)):
            (tmp_path / part / f'{number}.txt').write_text('' if nobody else line)
    held = benchmark.held_out_people([str(tmp_path)], [], 0, 2)
    known = supplies.read_datasets([str(tmp_path)], hold_out=2)
    assert [cutout.path.stem for cutout in held.cutouts] == ['0', '2']
    assert [cutout.path.stem for cutout in known.cutouts] == ['1', '3']
    assert {path.stem for path in held.photographs} | {path.stem for path in known.photographs} \
        == {'4', '5', '6', '7'}
    assert not set(held.photographs) & set(known.photographs)
    assert len(benchmark.held_out_people([str(tmp_path)], [], 0, 0).cutouts) == 4
    elsewhere = benchmark.held_out_people([str(tmp_path)], [tmp_path], 0, 2)
    assert len(elsewhere.photographs) == 4


def test_who_knows_the_truth_makes_no_mistake(benchmark, words, tmp_path, capsys):
    command = ['--part', 'triplets', *words, '--seeds', '3,4',
               '--weights', f'P+N={tmp_path}/a.safetensors']
    assert benchmark.main(command) == 0
    assert benchmark.network.seen == 2 * FRAMES
    row = rows(tmp_path)['P+N']
    assert row['MOTA'] > 0.95 and row['AP@.5'] > 0.99
    for when in ('next frame', '1 s'):
        assert row[f'asked {when}'] > 10 and row[f'else {when}'] > 10
        assert row[f'found {when}'] == row[f'other {when}'] == 1
    assert row['gone 1 s'] > 0 and row['left 1 s'] == 1
    assert len(row['by clip']) == 2
    assert '| P+N |' in capsys.readouterr().out

    benchmark.network.motion = YesMan()
    assert benchmark.main([
        *command, '--weights', f'P+H={tmp_path}/b.safetensors']) == 0
    # the first row was there already, and stays
    assert benchmark.network.seen == 4 * FRAMES
    assert rows(tmp_path)['P+N'] == row
    worse = rows(tmp_path)['P+H']
    assert worse['left 1 s'] == worse['other 1 s'] == 0
    assert 0 < worse['found next frame'] < 0.9
    assert worse['asked 1 s'] == row['asked 1 s']
    content = result(tmp_path)
    assert content['hardware']['cores'] >= 1
    assert content['clips']['data'] == ['drawn figures']
    assert 'P+H=b.safetensors' in content['command'] and str(tmp_path) not in content['command']


def test_other_weights_of_a_name_are_computed_anew(benchmark, words, tmp_path):
    command = ['--part', 'triplets', *words, '--weights', f'P={tmp_path}/a.safetensors']
    assert benchmark.main(command) == 0
    before = rows(tmp_path)['P']
    (tmp_path / 'a.safetensors').write_text('trained for longer')
    assert benchmark.main(command) == 0
    assert benchmark.network.seen == 2 * FRAMES
    assert rows(tmp_path).keys() == {'P'}
    assert rows(tmp_path)['P']['key'] != before['key']


def test_what_was_broken_off_goes_on(benchmark, words, tmp_path, monkeypatch):
    command = ['--part', 'tau', *words, '--weights', f'{tmp_path}/a.safetensors',
               '--taus', '1,5,60']
    keep = benchmark.Report.keep

    def interrupted(report, row):
        keep(report, row)
        raise KeyboardInterrupt

    monkeypatch.setattr(benchmark.Report, 'keep', interrupted)
    assert benchmark.main(command) == 130
    assert rows(tmp_path).keys() == {'tau 1'}
    monkeypatch.setattr(benchmark.Report, 'keep', keep)
    assert benchmark.main(command) == 0
    assert benchmark.network.seen == 3 * FRAMES
    assert list(rows(tmp_path)) == ['tau 1', 'tau 5', 'tau 60']


def test_people_who_come_back_are_known_by_those_who_wait(benchmark, words, tmp_path):
    assert benchmark.main([
        '--part', 'tau', *words, '--weights', f'{tmp_path}/a.safetensors', '--taus', '1,30',
        '--obstacles', '8', '--frames', '40']) == 0
    short, long = rows(tmp_path).values()
    assert (short['tau'], short['seconds'], long['seconds']) == (1, 0.1, 3)
    assert short['IDsw'] > long['IDsw']
    assert short['IDF1'] < long['IDF1']
    assert (tmp_path / 'result.png').stat().st_size > 10000
    # only networks that are compared are asked about themselves
    assert 'found 1 s' not in short


def test_smiletrack_is_taken_apart(benchmark, words, tmp_path, capsys):
    command = ['--part', 'slm', *words, '--frames', '12', '--people', '5', '--slm']
    assert benchmark.main([*command, 'none']) == 0
    assert [(row['looks'], row['gate']) for row in rows(tmp_path).values()] == [
        ('none', 'none'), ('colours', '0.55')]
    torch.manual_seed(0)
    safetensors.torch.save_file(make_slm('small').state_dict(), tmp_path / 's.safetensors')
    assert benchmark.main([*command, f'{tmp_path}/s.safetensors', '--gate', '0.7']) == 0
    # every row takes the detections of the first one
    assert benchmark.telling.calls == 12
    table = [(row['looks'], row['second stage'], row['gate']) for row in result(tmp_path)['rows']]
    assert table[2:] == [
        *(('SLM', second, gate) for second in ('by overlap', 'mean look', 'best look')
          for gate in ('none', '0.7')), ('SLM', 'none', '0.7'), ('both', 'by overlap', '0.55')]
    misses = {row['name']: row['FN'] for row in result(tmp_path)['rows']}
    # the doubtful are for the second stage
    assert misses['SLM, none, gate 0.7'] > misses['SLM, by overlap, gate 0.7']
    assert ' best look |' in capsys.readouterr().out


def test_settings_of_the_stages(benchmark, words):
    args = benchmark.parse(['--part', 'slm', *words, '--slm', 's.safetensors'])
    args.changes = {}
    jobs = {job.name: job.settings for job in benchmark.slm_jobs(args)}
    assert jobs['none, by overlap, gate 0'].appearance.type == 'none'
    assert jobs['colours, by overlap, gate 0.55'].appearance.type == 'colour'
    best = jobs['SLM, best look, gate 0']
    assert (best.smiletrack.second, best.smiletrack.gate) == ('multi', 0)
    assert (best.appearance.type, best.appearance.weights) == ('slm', 's.safetensors')
    assert jobs['SLM, mean look, gate 0.55'].smiletrack.second == 'single'
    both = jobs['both, by overlap, gate 0.55'].appearance
    assert (both.type, both.weights) == ('both', 's.safetensors')
    alone = jobs['SLM, none, gate 0.55'].smiletrack
    usual = jobs['SLM, mean look, gate 0.55'].smiletrack
    assert alone.track_low_thresh == alone.track_high_thresh > usual.track_low_thresh


def test_results_on_other_clips_are_not_mixed(benchmark, words, tmp_path, capsys):
    command = ['--part', 'triplets', *words, '--weights', f'P={tmp_path}/a.safetensors']
    assert benchmark.main(command) == 0
    assert benchmark.main([*command, '--people', '9']) == 2
    assert 'on other clips; name another --json' in capsys.readouterr().err
    assert rows(tmp_path).keys() == {'P'}


@pytest.mark.parametrize(('more', 'complaint'), [
    (['--part', 'tau', '--weights', 'none.safetensors'], 'none.safetensors'),
    (['--part', 'triplets', '--data', 'nowhere'], 'nowhere'),
    (['--part', 'tau', '--set', 'siammot.searhc=5'], 'did you mean siammot.search'),
    (['--part', 'slm', '--set', 'smiletrack.split=adaptive'], 'it must be fixed'),
])
def test_errors_take_one_line(benchmark, words, more, complaint, capsys):
    given = words[1:] if '--data' in more else words
    assert benchmark.main([*given, *more]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert 'ablations.py: error: ' in lines[-1]
    assert complaint in lines[-1]


@pytest.mark.parametrize('more', [
    [], ['--part', 'tau', '--taus', 'long'], ['--part', 'tau', '--weights', 'a', '--weights', 'b'],
    ['--part', 'triplets', '--weights', 'P=a', '--weights', 'P=b'],
    ['--part', 'tau', '--figures', '--data', 'x']])
def test_usage_errors(benchmark, more):
    with pytest.raises(SystemExit, match='2'):
        benchmark.parse(more)

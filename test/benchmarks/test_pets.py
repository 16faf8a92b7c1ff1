# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""The PETS benchmark on a small video of its own: every mode, its JSON, and resuming."""

from collections.abc import Sequence
import json
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest

from mot_ros.tracking.config import Settings
from mot_ros.tracking.config.schema import build, flatten
import mot_ros.tracking.detectors
from mot_ros.tracking.types import Detections, Frame
from test.benchmarks.scripts import load
from test.tracking.oracle import Objects, OracleDetector

FRAMES = 30


class TwoWalkers:
    """Reports two boxes that walk, whatever the image shows."""

    class_names = ('person',)
    calls = 0

    def detect(self, frames: Sequence[Frame]) -> list[Detections]:
        type(self).calls += len(frames)
        return [Detections(boxes_at(round(frame.stamp * 7)), np.full(2, 0.9, np.float32),
                           np.zeros(2, np.int64)) for frame in frames]


def boxes_at(index: int) -> np.ndarray:
    return np.array([
        [10 + index, 20, 40 + index, 100], [120 - index, 10, 150 - index, 90]], np.float32)


@pytest.fixture
def pets(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    module = load('pets', monkeypatch)
    TwoWalkers.calls = 0
    for place in (module, mot_ros.tracking.detectors):
        monkeypatch.setattr(place, 'make_detector', lambda settings: TwoWalkers())
    return module


@pytest.fixture
def words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    video, truth, weights = (tmp_path / name for name in ('v.avi', 'gt.txt', 'w.safetensors'))
    writer = cv2.VideoWriter(str(video), cv2.VideoWriter.fourcc(*'MJPG'), 10.0, (160, 120))
    for _ in range(FRAMES):
        writer.write(np.zeros((120, 160, 3), np.uint8))
    writer.release()
    truth.write_text(''.join(
        f'{index + 1},{person + 1},{x1},{y1},{x2 - x1},{y2 - y1},1,-1,-1,-1\n'
        for index in range(FRAMES)
        for person, (x1, y1, x2, y2) in enumerate(boxes_at(index).tolist())))
    weights.write_bytes(b'only hashed here')
    return ['--video', str(video), '--truth', str(truth), '--work', str(tmp_path / 'work'),
            '--set', f'detector.weights={weights}', '--methods', 'bytetrack,sort']


def result(tmp_path: Path) -> dict:
    return json.loads((tmp_path / 'work' / 'pets.json').read_text())


def test_methods_are_run_and_resumed(
        pets: ModuleType, words: list[str], tmp_path: Path,
        capsys: pytest.CaptureFixture[str]) -> None:
    assert pets.main(words) == 0
    assert TwoWalkers.calls == FRAMES
    first = result(tmp_path)
    assert [row['method'] for row in first['rows']] == ['bytetrack', 'sort']
    assert all(row['switches'] == 0 for row in first['rows'])
    assert first['rows'][0]['MOTA'] > 0.95
    assert first['settings'] == json.loads(json.dumps(flatten(
        build(Settings, {'detector.weights': str(tmp_path / 'w.safetensors')}))))
    assert len(first['sha256']['video']) == 64
    assert first['hardware']['cores'] >= 1
    assert '| bytetrack |' in capsys.readouterr().out
    assert pets.main(words) == 0
    assert TwoWalkers.calls == FRAMES
    assert result(tmp_path)['rows'] == first['rows']


def test_table_has_a_row_per_size_and_method(
        pets: ModuleType, words: list[str], tmp_path: Path) -> None:
    assert pets.main([*words, '--table', '--sizes', '320x240,160x128', '--methods', 'sort']) == 0
    rows = result(tmp_path)['rows']
    assert [row['input'] for row in rows] == ['320x240', '160x128']
    assert [row['AP@0.5'] for row in rows] == pytest.approx([1, 1])
    assert all(row['frames/s'] > 0 for row in rows)


def test_spread_is_seeded(pets: ModuleType, words: list[str], tmp_path: Path) -> None:
    command = [*words, '--spread', '3', '--methods', 'bytetrack']
    assert pets.main(command) == 0
    mean, lowest, highest = result(tmp_path)['rows']
    assert [row['of 3 runs'] for row in (mean, lowest, highest)] == ['mean', 'lowest', 'highest']
    assert lowest['MOTA'] < mean['MOTA'] < highest['MOTA'] <= 1
    assert pets.main(command) == 0
    assert result(tmp_path)['rows'] == [mean, lowest, highest]


def test_a_preset_leaves_the_detector_alone(
        pets: ModuleType, words: list[str], tmp_path: Path) -> None:
    assert pets.main([*words, '--methods', 'smiletrack,smiletrack:code,bytetrack:fast']) == 0
    assert [(row['method'], row['preset']) for row in result(tmp_path)['rows']] == [
        ('smiletrack', 'accurate'), ('smiletrack', 'code'), ('bytetrack', 'fast')]
    assert TwoWalkers.calls == FRAMES
    assert pets.main([*words, '--methods', 'smiletrack:best']) == 2


def test_a_method_that_sees_runs_its_network_on_the_images(
        pets: ModuleType, words: list[str], tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch) -> None:
    # sure enough to start tracks by the default thresholds
    walkers = OracleDetector(
        lambda number: Objects(boxes_at(round(number / 30 * 7)), [1, 2]), score=0.98)
    made = []
    monkeypatch.setattr(pets, 'make_detector', lambda settings: made.append(settings) or walkers)
    rcnn = ['--set', f'rcnn.weights={tmp_path / "w.safetensors"}']
    assert pets.main([*words, *rcnn, '--methods', 'siammot:crp,tracktor']) == 0
    assert [settings.detector_type for settings in made] == ['rcnn', 'rcnn']
    assert len(walkers.seen) == 2 * FRAMES
    rows = result(tmp_path)['rows']
    assert [(row['method'], row['preset']) for row in rows] == [
        ('siammot', 'crp'), ('tracktor', 'accurate')]
    assert all(row['switches'] == 0 and row['MOTA'] > 0.9 for row in rows)
    assert len(result(tmp_path)['sha256']['rcnn']) == 64


def test_every_switch_of_the_ablation_is_a_setting_that_changes_something(
        pets: ModuleType, words: list[str], tmp_path: Path) -> None:
    assert pets.main([*words, '--ablation']) == 0
    rows = result(tmp_path)['rows']
    assert [row['preset'] for row in rows] == [
        *['accurate'] * 10, *['paper'] * 6, *['accurate'] * 2]
    args = pets.parse(words)
    for preset, switches in pets.ABLATIONS.items():
        whole = pets.chosen(args, f'smiletrack:{preset}')
        for changes in switches.values():
            assert pets.chosen(args, f'smiletrack:{preset}', **changes) != whole


def test_the_time_of_a_frame_goes_into_stages(
        pets: ModuleType, words: list[str], tmp_path: Path) -> None:
    assert pets.main([*words, '--stages', '--methods', 'sort,smiletrack']) == 0
    sort, smile = result(tmp_path)['rows']
    assert sort['looks ms'] == sort['camera ms'] == sort['boxes looked at'] == 0
    assert smile['boxes looked at'] == 2
    for row in (sort, smile):
        assert row['whole ms'] == pytest.approx(
            row['looks ms'] + row['camera ms'] + row['the rest ms'])
        assert row['the rest ms'] > 0


def test_disturbance_is_small_and_depends_on_the_seed(pets: ModuleType) -> None:
    count = 400
    boxes = np.tile(np.array([[100, 100, 200, 300]], np.float32), (count, 1))
    seen = {0.0: Detections(boxes, np.full(count, 0.5), np.zeros(count, np.int64))}
    moved = pets.disturbed(seen, 1)[0.0]
    assert 0.96 * count <= len(moved) < count
    shift = moved.boxes - boxes[:len(moved)]
    assert shift[:, [0, 2]].std() == pytest.approx(1, rel=0.15)
    assert shift[:, [1, 3]].std() == pytest.approx(2, rel=0.15)
    assert moved.scores.std() == pytest.approx(0.01, rel=0.15)
    assert (np.diff(moved.scores) <= 0).all()
    assert np.array_equal(moved.boxes, pets.disturbed(seen, 1)[0.0].boxes)
    assert not np.array_equal(moved.boxes[:50], pets.disturbed(seen, 2)[0.0].boxes[:50])


def test_result_file_is_scored(
        pets: ModuleType, words: list[str], tmp_path: Path,
        capsys: pytest.CaptureFixture[str]) -> None:
    assert pets.main([*words, '--tracks', str(tmp_path / 'gt.txt')]) == 0
    assert '| gt.txt | 1.000 | 1.000 | 1.000 |' in capsys.readouterr().out
    assert TwoWalkers.calls == 0


@pytest.mark.parametrize(('more', 'complaint'), [
    (['--tracks', 'none.txt'], 'none.txt cannot be read'),
    (['--set', 'detector.widht=5'], 'did you mean detector.width'),
    (['--video', 'none.avi'], 'none.avi does not exist'),
    (['--methods', 'best'], "method is 'best'"),
    (['--spread', '2', '--methods', 'sort,siammot:crp'], '--spread works on detections'),
])
def test_errors_take_one_line(
        pets: ModuleType, words: list[str], more: list[str], complaint: str,
        capsys: pytest.CaptureFixture[str]) -> None:
    assert pets.main([*words, *more]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert [line for line in lines if line.startswith('pets.py: error: ')] == lines[-1:]
    assert complaint in lines[-1]


def test_bad_sizes_are_a_usage_error(pets: ModuleType, words: list[str]) -> None:
    with pytest.raises(SystemExit, match='2'):
        pets.main([*words, '--table', '--sizes', '320'])

# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""The detection benchmark on drawn people, with a detector that knows where they are."""

import json
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest

from mot_ros.evaluation import detection_scenes
from mot_ros.tracking.types import Detections
from mot_ros.training.datasets import read_datasets
from test.benchmarks.scripts import load

FRAMES = 60
WIDE, TALL = 25, 90


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return load('detection', monkeypatch)


def boxes_in(image: np.ndarray) -> list[tuple[int, int, int, int]]:
    """Return the boxes of what is bright."""
    outlines, _ = cv2.findContours(
        (image[..., 2] > 150).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    found = sorted(cv2.boundingRect(outline) for outline in outlines)
    return [(x, y, x + width, y + height) for x, y, width, height in found]


class Knowing:
    """Finds what is bright, a fifth narrower than it is, and at times something that is not."""

    def __init__(self, settings: object) -> None:
        self.settings = settings

    def detect(self, frames: list) -> list[Detections]:
        seen = []
        for frame in frames:
            boxes = np.array(boxes_in(np.asarray(frame.image)), np.float32).reshape(-1, 4)
            boxes[:, 2] -= WIDE // 5
            boxes = np.concatenate([boxes, [[300, 200, 310, 220]]]).astype(np.float32)
            scores = np.append(np.full(len(boxes) - 1, .9), .5).astype(np.float32)
            seen.append(Detections(boxes, scores, np.zeros(len(boxes), np.int64)))
        return seen


def drawn(number: int) -> tuple[np.ndarray, list[tuple[int, int]]]:
    """Return an image with two people and their upper left corners."""
    image, corners = np.full((240, 320, 3), 60, np.uint8), []
    for person in (0, 1):
        x, y = 16 + 4 * number, 20 + 100 * person
        image[y:y + TALL, x:x + WIDE] = 255
        corners.append((x, y))
    return image, corners


def words(folder: Path) -> list[str]:
    """Write a sequence and a folder of images with masks; return the words that name them."""
    lines = []
    for name in ('few/images', 'few/masks', 'street/img1', 'street/gt', 'data'):
        (folder / name).mkdir(parents=True)
    for number in range(FRAMES):
        image, corners = drawn(number % 20)
        cv2.imwrite(str(folder / f'street/img1/{number + 1:06}.png'), image)
        lines += [f'{number + 1},{person},{x},{y},{WIDE},{TALL},1,-1,-1,-1\n'
                  for person, (x, y) in enumerate(corners, 1)]
        if number < 10:
            mask = np.zeros((240, 320), np.uint8)
            for person, (x, y) in enumerate(corners, 1):
                mask[y:y + TALL, x:x + WIDE] = person
            cv2.imwrite(str(folder / f'few/images/{number}.png'), image)
            cv2.imwrite(str(folder / f'few/masks/{number}.png'), mask)
    (folder / 'street/gt/gt.txt').write_text(''.join(lines))
    return ['--data', str(folder / 'data'), '--video', str(folder / 'none'),
            '--sequence', str(folder / 'street'), '--images', str(folder / 'few'),
            '--json', str(folder / 'a.json')]


def result(folder: Path) -> dict:
    return json.loads((folder / 'a.json').read_text())


@pytest.fixture
def knowing(benchmark: ModuleType, monkeypatch: pytest.MonkeyPatch) -> list:
    """Put a detector that knows in the place of all; return those made."""
    made: list[Knowing] = []

    def make(settings: object) -> Knowing:
        made.append(Knowing(settings))
        return made[-1]

    monkeypatch.setattr(benchmark, 'make_detector', make)
    return made


def test_what_fits_by_four_fifths_is_measured(
        benchmark: ModuleType, knowing: list, tmp_path: Path,
        capsys: pytest.CaptureFixture[str]) -> None:
    assert benchmark.main([
        *words(tmp_path), '--detector', 'nanodet', '--detector', 'ssd-512x384']) == 0
    found = result(tmp_path)
    street, _, few, _ = found['rows']
    assert (street['people'], few['people']) == (120, 20)
    for row in (street, few):
        assert row['AP@.5'] == row['AP@.75'] == pytest.approx(1)
        assert row['recall'] == row['recall@P.85'] == 1
        assert row['precision'] == pytest.approx(2 / 3)
        assert row['at score'] == pytest.approx(.9)
    # 90 of 240 rows; the few images have too few boxes for a line of their own
    cells = [row for row in found['bins']['at score'] if row['.25-.45']]
    assert [(row['scene'], row['.25-.45']['boxes']) for row in cells] == [
        ('street', 120), ('street', 120), ('all', 140), ('all', 140)]
    assert cells[0]['.25-.45']['low'] == cells[0]['.25-.45']['high'] == 1
    printed = capsys.readouterr().out
    assert '1.00 [1.00 1.00] of 140' in printed and ' nanodet |' in printed
    assert [one.settings.detector.type for one in knowing] == ['nanodet', 'ssd']


def test_recall_counts_those_above_the_threshold_alone(
        benchmark: ModuleType, knowing: list, tmp_path: Path) -> None:
    assert benchmark.main([
        *words(tmp_path), '--detector', 'rcnn', '--raw-score', '.95', '--thin', '7']) == 0
    street = result(tmp_path)['rows'][0]
    assert (street['people'], street['recall'], street['precision']) == (18, 0, None)
    assert street['recall@P.85'] == 1


def test_a_scene_of_one_person_has_no_precision(
        benchmark: ModuleType, knowing: list, tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = words(tmp_path)
    folder = tmp_path / 'data/davis'
    folder.mkdir()
    (tmp_path / 'street').rename(folder / 'DAVIS-parkour')
    del arguments[4:6]
    assert benchmark.main([*arguments, '--detector', 'nanodet']) == 0
    found = result(tmp_path)
    assert found['rows'][0]['scene'] == 'DAVIS-parkour'
    assert found['rows'][0]['precision'] is None and found['rows'][0]['recall'] == 1
    assert {row['scene'] for row in found['bins']['at precision']} == {'few', 'all'}


def test_held_out_are_those_that_a_training_leaves_out(tmp_path: Path) -> None:
    words(tmp_path)
    root = str(tmp_path / 'few')
    trained = {image.path for image in read_datasets([root], hold_out=3).images}
    every = {image.path for image in read_datasets([root]).images}
    scene = detection_scenes.annotated(root, 3)
    seen = [np.asarray(frame.image) for _, frame in scene.frames()]
    left = sorted(every - trained)
    assert len(seen) == 4 and len(scene.truth) == 8
    for image, path in zip(seen, left, strict=True):
        np.testing.assert_array_equal(image, cv2.imread(str(path)))


def test_a_real_network_goes_through(benchmark: ModuleType, tmp_path: Path) -> None:
    pytest.importorskip('matplotlib')
    assert benchmark.main([
        *words(tmp_path), '--set', 'detector.type=nanodet', '--set', 'detector.short_side=64',
        '--thin', '30', '--png', str(tmp_path / 'a.png')]) == 0
    assert [row['detector'] for row in result(tmp_path)['rows']] == ['given', 'given']
    assert cv2.imread(str(tmp_path / 'a.png')) is not None


def test_what_is_wrong_is_said(
        benchmark: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = words(tmp_path)
    assert benchmark.main([*arguments, '--set', 'detector.weights=none.safetensors']) == 2
    assert 'detection.py: error: weights are' in capsys.readouterr().err
    assert benchmark.main([*arguments[:4], '--detector', 'nanodet']) == 2
    assert 'there is no scene' in capsys.readouterr().err
    for part in ('images', 'polygons'):
        (tmp_path / 'empty' / part).mkdir(parents=True)
    cv2.imwrite(str(tmp_path / 'empty/images/a.png'), np.full((200, 200, 3), 99, np.uint8))
    (tmp_path / 'empty/polygons/a.txt').write_text('0 .4 .1 .6 .1 .6 .9 .4 .9\n')
    assert benchmark.main([*arguments[:4], '--images', str(tmp_path / 'empty')]) == 2
    assert 'holds no images with boxes' in capsys.readouterr().err

# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""The detection benchmark on drawn people, with a detector that knows where they are."""

import json
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest
import safetensors.torch
import torch

from mot_ros.tracking.nets.ssd.network import SsdMobileNetV3
from mot_ros.tracking.types import Detections
from test.benchmarks.scripts import load

FRAMES = 20
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
    """Write a video and a folder of images with masks; return the words that name them."""
    writer = cv2.VideoWriter(
        str(folder / 'v.avi'), cv2.VideoWriter.fourcc(*'MJPG'), 7.0, (320, 240))
    lines = []
    for name in ('images', 'masks'):
        (folder / 'few' / name).mkdir(parents=True)
    for number in range(FRAMES):
        image, corners = drawn(number)
        writer.write(image)
        lines += [f'{number + 1},{person},{x},{y},{WIDE},{TALL},1,-1,-1,-1\n'
                  for person, (x, y) in enumerate(corners, 1)]
        if number < 10:
            mask = np.zeros((240, 320), np.uint8)
            for person, (x, y) in enumerate(corners, 1):
                mask[y:y + TALL, x:x + WIDE] = person
            cv2.imwrite(str(folder / f'few/images/{number}.png'), image)
            cv2.imwrite(str(folder / f'few/masks/{number}.png'), mask)
    writer.release()
    (folder / 'gt.txt').write_text(''.join(lines))
    return ['--video', str(folder / 'v.avi'), '--truth', str(folder / 'gt.txt'),
            '--images', str(folder / 'few'), '--json', str(folder / 'a.json')]


def rows(folder: Path) -> list[dict]:
    return json.loads((folder / 'a.json').read_text())['rows']


@pytest.fixture
def knowing(benchmark: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list:
    """Put a detector that knows in the place of the SSD; return those made."""
    made: list[Knowing] = []
    path = tmp_path / 'w.safetensors'
    safetensors.torch.save_file({'a': torch.zeros(1)}, path)

    def make(settings: object) -> Knowing:
        made.append(Knowing(settings))
        return made[-1]

    monkeypatch.setattr(benchmark, 'make_detector', make)
    return made


def test_what_fits_by_four_fifths_is_measured(
        benchmark: ModuleType, knowing: list, tmp_path: Path,
        capsys: pytest.CaptureFixture[str]) -> None:
    weights = str(tmp_path / 'w.safetensors')
    assert benchmark.main([
        *words(tmp_path), '--weights', weights, '--every', '5', '--image-size', '640x480']) == 0
    video, few = rows(tmp_path)
    assert (video['images'], video['people'], few['images'], few['people']) == (4, 8, 10, 20)
    for row in (video, few):
        assert row['AP@.5'] == row['AP@.75'] == pytest.approx(1)
        assert row['recall'] == 1 and row['precision'] == pytest.approx(2 / 3)
    # compression moves the edges in the video
    assert video['mean IoU'] == pytest.approx(.8, abs=.05)
    assert few['mean IoU'] == pytest.approx(.8, abs=1e-3)
    assert '|  few |     10 |     20 |' in capsys.readouterr().out
    detectors = [one.settings.detector for one in knowing]
    assert [(one.width, one.weights) for one in detectors] == [(1024, weights), (640, weights)]


def test_what_is_no_match_at_three_quarters_is_none(
        benchmark: ModuleType, knowing: list, tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f'{__name__}.WIDE', 40)
    monkeypatch.setattr(Knowing, 'detect', lambda self, frames: [Detections(
        np.array([[x, y, x2 - 14, y2] for x, y, x2, y2 in boxes_in(np.asarray(frame.image))],
                 np.float32), np.full(2, .9, np.float32), np.zeros(2, np.int64))
        for frame in frames])
    assert benchmark.main([
        *words(tmp_path), '--weights', str(tmp_path / 'w.safetensors'), '--every', '0']) == 0
    few, = rows(tmp_path)
    assert few['AP@.5'] == pytest.approx(1) and few['AP@.75'] == 0


def test_held_out_are_those_that_a_training_leaves_out(
        benchmark: ModuleType, tmp_path: Path) -> None:
    words(tmp_path)
    root = str(tmp_path / 'few')
    trained = {image.path for image in benchmark.read_datasets([root], hold_out=3).images}
    every = {image.path for image in benchmark.read_datasets([root]).images}
    frames, truth = benchmark.annotated(root, 3)
    seen = [np.asarray(frame.image) for _, frame in frames]
    left = sorted(every - trained)
    assert len(seen) == 4 and len(truth) == 8
    for image, path in zip(seen, left, strict=True):
        np.testing.assert_array_equal(image, cv2.imread(str(path)))


def test_a_real_network_goes_through(benchmark: ModuleType, tmp_path: Path) -> None:
    torch.manual_seed(0)
    path = tmp_path / 'ssd.safetensors'
    safetensors.torch.save_file(SsdMobileNetV3().state_dict(), path)
    assert benchmark.main([
        *words(tmp_path), '--weights', str(path), '--every', '0', '--hold-out', '5',
        '--image-size', '128x96']) == 0
    assert rows(tmp_path)[0]['images'] == 2


def test_what_is_wrong_is_said(
        benchmark: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert benchmark.main([*words(tmp_path), '--weights', str(tmp_path / 'none')]) == 2
    assert 'detection.py: error: weights are' in capsys.readouterr().err
    with pytest.raises(SystemExit):
        benchmark.main(['--image-size', '640'])
    assert 'write it like 384x288' in capsys.readouterr().err


def test_nothing_to_look_at_is_an_error(benchmark, tmp_path, capsys):
    with pytest.raises(SystemExit):
        benchmark.main(['--every', '0'])
    assert 'give --images' in capsys.readouterr().err
    for part in ('images', 'polygons'):
        (tmp_path / part).mkdir()
    cv2.imwrite(str(tmp_path / 'images' / 'a.png'), np.full((200, 200, 3), 99, np.uint8))
    (tmp_path / 'polygons' / 'a.txt').write_text('0 .4 .1 .6 .1 .6 .9 .4 .9\n')
    assert benchmark.main(['--every', '0', '--images', str(tmp_path)]) == 2
    assert 'holds no images with boxes' in capsys.readouterr().err

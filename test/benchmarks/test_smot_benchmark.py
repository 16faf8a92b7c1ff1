# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""What the SMOT benchmark counts and plants."""

from __future__ import annotations

import json
from types import ModuleType

import cv2
import numpy as np
import pytest
import torch

from mot_ros.data.datasets.mot import MotRows
from mot_ros.tracking.detectors.ssd.raw_outputs import RawDetections
from mot_ros.tracking.types import Detections, Frame
from test.benchmarks.scripts import load


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return load('smot', monkeypatch)


def rows(*frames: dict[int, int]) -> MotRows:
    """Return boxes by {id: place} per frame; places are 100 px apart."""
    flat = [(number, who, place) for number, frame in enumerate(frames, 1)
            for who, place in frame.items()]
    numbers, ids, places = np.array(flat, np.int64).reshape(-1, 3).T
    boxes = np.stack([places * 100, places * 0, places * 100 + 40, places * 0 + 80], axis=1)
    return MotRows(numbers, ids, boxes.astype(np.float64), np.ones(len(ids)))


def test_a_track_that_goes_on_as_another_person_is_a_transfer(benchmark):
    truth = rows({1: 0, 2: 5}, {1: 1, 2: 5}, {1: 2, 2: 4}, {1: 3, 2: 4})
    assert benchmark.changes(truth, rows({7: 0}, {7: 1}, {7: 4}, {7: 4})) == (1, 0)
    # a person who gets another track is a switch, no transfer
    assert benchmark.changes(truth, rows({7: 0}, {7: 1}, {8: 2}, {8: 3})) == (0, 0)


def test_a_person_seen_again_is_a_fragment(benchmark):
    truth = rows(*[{1: n} for n in range(6)])
    assert benchmark.changes(truth, rows({7: 0}, {}, {7: 2}, {7: 3}, {}, {9: 5})) == (0, 2)
    # before the first time and after the last nothing is lost
    assert benchmark.changes(truth, rows({}, {7: 1}, {7: 2})) == (0, 0)


def test_who_goes_on_comes_before_who_fits_better(benchmark):
    truth = rows({1: 0}, {1: 0})
    tracks = rows({7: 0}, {7: 0, 8: 0})
    nearer = tracks.boxes.copy()
    nearer[1, [0, 2]] += 8
    assert benchmark.changes(
        truth, MotRows(tracks.frames, tracks.ids, nearer, tracks.values)) == (0, 0)


def test_the_detector_runs_once_per_frame_for_all_rows(benchmark):
    class Counting:
        class_names, runs = ('person',), 0

        def detect_densely(self, frames):
            self.runs += 1
            return [Detections.empty()], None

    inner = Counting()
    shared = benchmark.Remembering(inner)
    for stamp in (0.0, 1.0, 0.0, 1.0):
        shared.detect([Frame(None, stamp, (4, 4))])
    assert inner.runs == len(shared.ms) == 2


def test_a_planted_pan_moves_the_image(benchmark):
    image = np.zeros((20, 30, 3), np.uint8)
    image[5, 6] = 255
    moved = benchmark.panned(Frame.of(image, 0.0), np.array([3, -2], np.float32)).image
    assert moved[3, 9].tolist() == [255] * 3


def test_every_planted_person_is_tracked(benchmark):
    raw = RawDetections(*(torch.zeros(1) for _ in range(4)))
    crowd = benchmark.Crowd(raw, 50, (768, 576))
    assert len(crowd.detect([None])[0]) == len(crowd.boxes) == 50


def test_help_can_be_shown(benchmark, capsys):
    with pytest.raises(SystemExit, match='0'):
        benchmark.parse(['--help'])
    assert '--linking' in capsys.readouterr().out


def test_settings_of_the_rows_are_valid_and_share_the_detector(benchmark):
    args = benchmark.parse([])
    made = [benchmark.made(row.get('method', 'smot'), row, args)
            for row in benchmark.ROWS.values()]
    assert len({repr(settings.detector) for settings in made}) == 1


def test_linking_tells_people_of_plain_colours_apart(benchmark, tmp_path):
    writer = cv2.VideoWriter(
        str(tmp_path / 'v.avi'), cv2.VideoWriter.fourcc(*'MJPG'), 7.0, (320, 240))
    lines = []
    for number in range(60):
        image = np.full((240, 320, 3), 90, np.uint8)
        for person, colour in enumerate(((0, 0, 220), (0, 220, 0), (220, 0, 0))):
            x, y = 10 + 4 * number, 10 + 75 * person
            image[y:y + 60, x:x + 24] = colour
            lines.append(f'{number + 1},{person + 1},{x},{y},24,60,1,-1,-1,-1\n')
        writer.write(image)
    writer.release()
    (tmp_path / 'gt.txt').write_text(''.join(lines))
    result = tmp_path / 'result.json'
    assert benchmark.main([
        '--linking', '--video', str(tmp_path / 'v.avi'), '--truth', str(tmp_path / 'gt.txt'),
        '--json', str(result)]) == 0
    written = json.loads(result.read_text())
    at = {row['distance']: row for row in written['rows']}
    assert at[0.75]['same person'] > 0.95 and at[0.75]['another person'] < 0.05


def test_how_far_people_are_held_is_read_off_the_curve(benchmark):
    shares = [1.0, 1.0, 0.8, 0.4, *[0.0] * 7]
    assert benchmark.held_to(shares, 0.9) == pytest.approx(0.15)
    assert benchmark.held_to(shares, 0.5) == pytest.approx(0.275)
    assert benchmark.held_to([1.0] * 11, 0.5) == 1.0

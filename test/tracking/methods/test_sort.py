# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from mot_ros.tracking.boxes import iou
from mot_ros.tracking.config import Settings, SortSettings
from mot_ros.tracking.methods.sort import Sort
from mot_ros.tracking.types import Detections, TrackState
from test.tracking.scenes import detections, person, random_script, run

NOBODY = Detections.empty()
C, T, L = TrackState.CONFIRMED, TrackState.TENTATIVE, TrackState.LOST


def sort(**values):
    chosen = SortSettings(**{'min_score': 0.5, 'nominal_rate': 30.0, **values})
    return lambda detector: Sort(detector, Settings(sort=chosen))


def states(results):
    return [t.states.tolist() for t in results]


def test_confirmation_takes_min_hits_matches_except_at_the_start():
    here = detections([person(300)])
    assert states(run(sort(), [here] * 4)) == [[C]] * 4
    assert states(run(sort(), [NOBODY] * 3 + [here] * 5)) == [
        [], [], [], [T], [T], [T], [C], [C]]


def test_a_track_survives_max_age_frames_and_must_prove_itself_anew():
    here = detections([person(300)])
    results = run(sort(max_age=1), [here] * 6 + [NOBODY] + [here] * 4)
    assert states(results)[6:] == [[L], [T], [T], [C], [C]]
    assert results[-1].ids.tolist() == [1]
    assert states(run(sort(max_age=1), [here] * 6 + [NOBODY] * 2))[-1] == []
    assert states(run(sort(max_age=3), [here] * 6 + [NOBODY] * 3))[-1] == [L]


def test_weak_detections_do_not_exist_and_sources_count_them_all_the_same():
    script = [detections([person(700), person(300)], [0.3, 0.9])] * 3
    last = run(sort(), script)[-1]
    assert last.sources.tolist() == [1]
    assert len(last) == 1


class _PublishedSort:
    """SORT as its paper tells it, one 7-state filter per track, plain loops."""

    def __init__(self):
        self.tracks, self.count, self.next_id = [], 0, 1
        self.transition = np.eye(7)
        self.transition[:3, 4:] = np.eye(3)
        self.observe = np.eye(4, 7)
        self.process = np.diag([1, 1, 1, 1, 0.01, 0.01, 0.0001])
        self.noise = np.diag([1.0, 1, 10, 10])

    @staticmethod
    def measure(box):
        w, h = box[2] - box[0], box[3] - box[1]
        return np.array([box[0] + w / 2, box[1] + h / 2, w * h, w / h])

    @staticmethod
    def corners(x):
        w = np.sqrt(x[2] * x[3])
        h = x[2] / w
        return np.array([x[0] - w / 2, x[1] - h / 2, x[0] + w / 2, x[1] + h / 2])

    def update(self, boxes):
        self.count += 1
        for t in self.tracks:
            if t['x'][6] + t['x'][2] <= 0:
                t['x'][6] = 0
            t['x'] = self.transition @ t['x']
            t['p'] = self.transition @ t['p'] @ self.transition.T + self.process
            if t['unmatched'] > 0:
                t['streak'] = 0
            t['unmatched'] += 1
        predicted = np.array([self.corners(t['x']) for t in self.tracks]).reshape(-1, 4)
        overlap = iou(predicted.astype(np.float32), boxes)
        matched_boxes = set()
        for row, col in zip(*linear_sum_assignment(overlap, maximize=True), strict=True):
            if overlap[row, col] < 0.3:
                continue
            t = self.tracks[row]
            matched_boxes.add(col)
            total = self.observe @ t['p'] @ self.observe.T + self.noise
            gain = t['p'] @ self.observe.T @ np.linalg.inv(total)
            t['x'] = t['x'] + gain @ (self.measure(boxes[col]) - self.observe @ t['x'])
            t['p'] = (np.eye(7) - gain @ self.observe) @ t['p']
            t['unmatched'] = 0
            t['streak'] += 1
        for col in range(len(boxes)):
            if col not in matched_boxes:
                self.tracks.append({
                    'x': np.concatenate([self.measure(boxes[col]), np.zeros(3)]),
                    'p': np.diag([10.0, 10, 10, 10, 1e4, 1e4, 1e4]),
                    'unmatched': 0, 'streak': 0, 'id': self.next_id})
                self.next_id += 1
        shown = {t['id']: self.corners(t['x']) for t in self.tracks
                 if t['unmatched'] == 0 and (t['streak'] >= 3 or self.count <= 3)}
        self.tracks = [t for t in self.tracks if t['unmatched'] <= 1]
        return shown


@pytest.mark.parametrize('seed', range(8))
def test_equals_a_plain_implementation_of_the_paper(seed):
    """Back to back on random scenes: same ids in the same frames, same boxes."""
    script = random_script(
        np.random.default_rng(seed), frames=120, classes=1, least_score=0.5)
    reference = _PublishedSort()
    shown = 0
    for ours, seen in zip(run(sort(), script), script, strict=True):
        expected = reference.update(seen.boxes)
        observed = ours.observed
        assert sorted(observed.ids.tolist()) == sorted(expected)
        for track, box in zip(observed.ids.tolist(), observed.boxes, strict=True):
            assert box == pytest.approx(expected[track], abs=0.05)
        shown += len(expected)
    assert shown > 100

# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Scores: worked out by hand, and equal to TrackEval's own way through folders."""

import contextlib
import io
import math
from pathlib import Path
import sys

import numpy as np
import pytest

from mot_ros.data.datasets.mot import MotRows, NO_ID, read_tracks, read_truth
from mot_ros.evaluation.scores.metrics import average_precision, matched_overlaps, score
from mot_ros.tracking.errors import ConfigError

A, B = (0, 0, 10, 20), (100, 0, 110, 20)
CLOSE = {'abs': 1e-6}


def rows(*each: tuple[int, int, tuple[float, ...]], values: list[float] | None = None) -> MotRows:
    """Make rows of (frame, id, box)."""
    return MotRows(
        np.array([frame for frame, _, _ in each], np.int64),
        np.array([identity for _, identity, _ in each], np.int64),
        np.array([box for _, _, box in each], np.float64).reshape(-1, 4),
        np.array(values if values is not None else [1.0] * len(each)))


def two_people(frames: int = 4) -> MotRows:
    return rows(*((frame, identity, box) for frame in range(1, frames + 1)
                  for identity, box in ((7, A), (9, B))))


def test_perfect() -> None:
    truth = two_people()
    got = score(truth, MotRows(truth.frames, truth.ids + 100, truth.boxes, truth.values))
    assert (got.hota, got.deta, got.assa, got.mota, got.idf1) == pytest.approx((1,) * 5, **CLOSE)
    assert (got.switches, got.false_positives, got.misses, got.truth_boxes) == (0, 0, 0, 8)


def test_empty() -> None:
    got = score(two_people(), rows())
    assert (got.hota, got.deta, got.assa, got.mota, got.idf1) == (0,) * 5
    assert (got.switches, got.false_positives, got.misses, got.truth_boxes) == (0, 0, 8, 8)


def test_nothing_to_find() -> None:
    truth = two_people()
    got = score(MotRows(truth.frames, truth.ids, truth.boxes, np.zeros(8)), truth)
    assert (got.hota, got.mota, got.idf1) == (0, 0, 0)
    assert (got.false_positives, got.misses, got.truth_boxes) == (8, 0, 0)


def test_swapped() -> None:
    tracks = rows(*((frame, 1 if (box is A) == (frame < 3) else 2, box)
                    for frame in range(1, 5) for box in (A, B)))
    got = score(two_people(), tracks)
    # every pairing holds for 2 of 4 frames: 2 / (4 + 4 - 2) for each match
    assert got.assa == pytest.approx(1 / 3, **CLOSE)
    assert got.deta == pytest.approx(1, **CLOSE)
    assert got.hota == pytest.approx(math.sqrt(1 / 3), **CLOSE)
    assert got.mota == pytest.approx((8 - 2) / 8, **CLOSE)
    assert got.idf1 == pytest.approx(0.5, **CLOSE)
    assert (got.switches, got.false_positives, got.misses) == (2, 0, 0)


def test_fragmented() -> None:
    truth = rows(*((frame, 1, A) for frame in range(1, 7)))
    tracks = rows((1, 1, A), (2, 1, A), (4, 2, A), (5, 2, A), (6, 2, A))
    got = score(truth, tracks)
    assert got.deta == pytest.approx(5 / 6, **CLOSE)
    assert got.assa == pytest.approx((2 * 2 / 6 + 3 * 3 / 6) / 5, **CLOSE)
    assert got.hota == pytest.approx(math.sqrt(5 / 6 * (2 * 2 / 6 + 3 * 3 / 6) / 5), **CLOSE)
    assert got.mota == pytest.approx((5 - 1) / 6, **CLOSE)
    assert got.idf1 == pytest.approx(6 / 11, **CLOSE)
    assert (got.switches, got.false_positives, got.misses) == (1, 0, 1)


def test_ignored() -> None:
    truth = two_people()
    truth = MotRows(truth.frames, truth.ids, truth.boxes, (truth.ids == 7).astype(float))
    without = score(truth, truth[truth.values == 1])
    assert (without.hota, without.mota, without.idf1) == pytest.approx((1, 1, 1), **CLOSE)
    # TrackEval's MOT15 rule: a track on a person who is not considered is a false one
    both = score(truth, two_people())
    assert both.hota == pytest.approx(math.sqrt(0.5), **CLOSE)
    assert both.mota == pytest.approx((4 - 4) / 4, **CLOSE)
    assert both.idf1 == pytest.approx(2 * 4 / (4 + 8), **CLOSE)
    assert (both.false_positives, both.misses, both.truth_boxes) == (4, 0, 4)


def test_loose_boxes_and_the_overlap_asked_for() -> None:
    truth = rows(*((frame, 1, A) for frame in range(1, 5)))
    # 8 / 12 of overlap: matched at the thresholds .05 to .65, 13 of 19
    tracks = rows(*((frame, 1, (2, 0, 12, 20)) for frame in range(1, 5)))
    got = score(truth, tracks)
    assert (got.hota, got.deta, got.assa) == pytest.approx((13 / 19,) * 3, **CLOSE)
    assert got.mota == pytest.approx(1, **CLOSE)
    assert score(truth, tracks, iou=0.7).mota == pytest.approx(-1, **CLOSE)
    assert score(truth, tracks, iou=0.7).idf1 == 0


def test_frames_beyond_the_truth_hold_false_positives() -> None:
    truth = rows((1, 1, A))
    assert score(truth, rows((1, 1, A), (5, 1, A))).false_positives == 1


def test_nothing_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    score(two_people(), two_people())
    assert capsys.readouterr() == ('', '')


def test_missing_trackeval_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, 'trackeval', None)
    with pytest.raises(ConfigError, match='pip install trackeval'):
        score(two_people(), two_people())


def test_equals_trackeval_through_its_folders(tmp_path: Path) -> None:
    trackeval = pytest.importorskip('trackeval')
    generator = np.random.default_rng(5)
    truth_lines, track_lines = [], []
    for frame in range(1, 41):
        for person in range(8):
            x, y = 40 * person + frame * (person - 4), 30 + 3 * person
            considered = int(person != 3)
            truth_lines.append(f'{frame},{person + 1},{x},{y},30,70,{considered},-1,-1,-1')
            if generator.random() < 0.85:
                dx, dy = generator.normal(0, 5, 2)
                identity = person + 1 + 10 * int(frame > 20 and person % 2)
                track_lines.append(
                    f'{frame},{identity},{x + dx:.3f},{y + dy:.3f},29,72,0.9,-1,-1,-1')
    for folder, lines in (('gt/s/gt/gt.txt', truth_lines), ('tr/x/data/s.txt', track_lines)):
        file = tmp_path / folder
        file.parent.mkdir(parents=True)
        file.write_text('\n'.join(lines) + '\n')
    (tmp_path / 'gt/s/seqinfo.ini').write_text('[Sequence]\nname=s\nseqLength=40\n')
    quiet = {'PRINT_CONFIG': False}
    with contextlib.redirect_stdout(io.StringIO()):
        evaluator = trackeval.Evaluator({
            'PRINT_RESULTS': False, 'PRINT_CONFIG': False, 'OUTPUT_SUMMARY': False,
            'OUTPUT_DETAILED': False, 'PLOT_CURVES': False, 'TIME_PROGRESS': False})
        folders = trackeval.datasets.MotChallenge2DBox({
            'GT_FOLDER': str(tmp_path / 'gt'), 'TRACKERS_FOLDER': str(tmp_path / 'tr'),
            'BENCHMARK': 'MOT15', 'SKIP_SPLIT_FOL': True, 'SEQ_INFO': {'s': None}, **quiet})
        result, _ = evaluator.evaluate([folders], [
            trackeval.metrics.HOTA(), trackeval.metrics.CLEAR(dict(quiet)),
            trackeval.metrics.Identity(dict(quiet))])
    theirs = result['MotChallenge2DBox']['x']['s']['pedestrian']
    ours = score(
        read_truth(tmp_path / 'gt/s/gt/gt.txt'), read_tracks(tmp_path / 'tr/x/data/s.txt'))
    assert ours.switches > 0
    assert 0 < ours.hota < 1
    assert ours.hota == pytest.approx(theirs['HOTA']['HOTA'].mean(), abs=1e-12)
    assert ours.deta == pytest.approx(theirs['HOTA']['DetA'].mean(), abs=1e-12)
    assert ours.assa == pytest.approx(theirs['HOTA']['AssA'].mean(), abs=1e-12)
    assert ours.mota == pytest.approx(theirs['CLEAR']['MOTA'], abs=1e-12)
    assert ours.idf1 == pytest.approx(theirs['Identity']['IDF1'], abs=1e-12)
    assert (ours.switches, ours.false_positives, ours.misses) == (
        theirs['CLEAR']['IDSW'], theirs['CLEAR']['CLR_FP'], theirs['CLEAR']['CLR_FN'])


def test_average_precision_by_hand() -> None:
    truth = rows((1, 1, A), (1, 2, B), (2, 1, A), (2, 3, B), values=[1, 1, 1, 0])
    detections = rows(
        (1, NO_ID, A), (2, NO_ID, (300, 0, 310, 20)), (2, NO_ID, A), (1, NO_ID, A),
        (2, NO_ID, B), values=[0.9, 0.8, 0.7, 0.6, 0.95])
    # hit, miss, hit, second on the same person; the best one lies on what is not considered
    # precision 1, 1/2, 2/3, 2/4 at recall 1/3, 1/3, 2/3, 2/3
    assert average_precision(truth, detections) == pytest.approx(1 / 3 + 2 / 3 / 3, **CLOSE)


def test_average_precision_interpolates_with_later_points() -> None:
    truth = rows(*((1, number, (20 * number, 0, 20 * number + 10, 20)) for number in range(3)))
    far = (500, 500, 510, 520)
    detections = rows(
        (1, NO_ID, far), (1, NO_ID, (0, 0, 10, 20)), (1, NO_ID, (20, 0, 30, 20)),
        values=[0.9, 0.8, 0.7])
    # precision 0, 1/2, 2/3: the second recall step also takes 2/3
    assert average_precision(truth, detections) == pytest.approx(2 / 3 * 2 / 3, **CLOSE)


def test_average_precision_of_extremes() -> None:
    truth = two_people()
    assert average_precision(truth, truth) == pytest.approx(1, **CLOSE)
    assert average_precision(truth, rows()) == 0
    assert average_precision(truth[truth.values == 0], truth) == 0


def test_detection_takes_the_box_it_overlaps_most() -> None:
    near = (4, 0, 14, 20)
    truth = rows((1, 1, A), (1, 2, near))
    detections = rows((1, NO_ID, (3, 0, 13, 20)), (1, NO_ID, A), values=[0.9, 0.8])
    assert average_precision(truth, detections) == pytest.approx(1, **CLOSE)


def test_overlaps_of_those_that_match_by_hand() -> None:
    truth = rows((1, 1, A), (1, 2, B), (2, 3, B), values=[1, 0, 1])
    detections = rows(
        (1, NO_ID, (0, 0, 10, 10)), (1, NO_ID, (0, 0, 10, 16)), (1, NO_ID, B),
        (2, NO_ID, A), (2, NO_ID, B), values=[0.5, 0.9, 0.8, 0.7, 0.6])
    np.testing.assert_allclose(
        matched_overlaps(truth, detections), [0, 0.8, np.nan, 0, 1], atol=1e-9)
    # the better one no longer takes the person
    np.testing.assert_allclose(matched_overlaps(truth, detections, 0.85)[:2], 0)

# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""MOTChallenge text: what is written is read back, and bad lines are named."""

from pathlib import Path

import numpy as np
import pytest

from mot_ros.data.datasets.mot import MotRows, MotWriter, read_detections, read_tracks, read_truth
from mot_ros.tracking.errors import SourceError
from mot_ros.tracking.types import Detections, Tracks, TrackState


def tracks_of(boxes: list[list[float]], ids: list[int], states: list[int]) -> Tracks:
    count = len(boxes)
    zero = np.zeros(count, np.float32)
    return Tracks(
        np.array(boxes, np.float32).reshape(-1, 4), zero + 0.75, np.zeros(count, np.int64),
        np.array(ids, np.int64), np.array(states, np.uint8), zero, zero,
        np.zeros((count, 2), np.float32), zero + 1, np.arange(count))


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding='utf-8')
    return path


def test_written_tracks_are_read_back(tmp_path: Path) -> None:
    path = tmp_path / 'out.txt'
    seen = TrackState.CONFIRMED
    with MotWriter(path) as writer:
        writer.write(1, tracks_of([[10.5, 20.25, 30.125, 60]], [1], [seen]), (100, 80))
        writer.write(2, tracks_of([], [], []), (100, 80))
        writer.write(3, tracks_of([[1, 2, 3, 4], [5, 6, 7, 8]], [2, 2**31], [seen, seen]),
                     (100, 80))
        assert not path.exists()
    assert path.read_text().splitlines()[0] == '1,1,10.500,20.250,19.625,39.750,0.7500,-1,-1,-1'
    rows = read_tracks(path)
    assert rows.frames.tolist() == [1, 3, 3]
    assert rows.ids.tolist() == [1, 2, 2**31]
    assert rows.boxes[0].tolist() == [10.5, 20.25, 30.125, 60]
    assert rows.values.tolist() == [0.75] * 3
    assert list(tmp_path.iterdir()) == [path]


def test_only_what_is_observed_and_inside_is_written(tmp_path: Path) -> None:
    path = tmp_path / 'out.txt'
    tracks = tracks_of(
        [[-5, -5, 10, 10], [1, 1, 2, 2], [3, 3, 4, 4], [200, 0, 210, 9], [90, 70, 120, 90]],
        [1, 2, 3, 4, 5], [TrackState.CONFIRMED, TrackState.LOST, TrackState.TENTATIVE,
                          TrackState.CONFIRMED, TrackState.CONFIRMED])
    with MotWriter(path) as writer:
        writer.write(1, tracks, (100, 80))
    rows = read_tracks(path)
    assert rows.ids.tolist() == [1, 5]
    assert rows.boxes.tolist() == [[0, 0, 10, 10], [90, 70, 100, 80]]


def test_interrupted_file_is_kept_and_failed_one_is_not(tmp_path: Path) -> None:
    one = tracks_of([[1, 1, 5, 5]], [1], [TrackState.CONFIRMED])
    with pytest.raises(KeyboardInterrupt), MotWriter(tmp_path / 'a.txt') as writer:
        writer.write(1, one, (9, 9))
        raise KeyboardInterrupt
    assert len(read_tracks(tmp_path / 'a.txt')) == 1
    write(tmp_path / 'b.txt', 'from before')
    with pytest.raises(ValueError, match='bug'), MotWriter(tmp_path / 'b.txt') as writer:
        writer.write(1, one, (9, 9))
        raise ValueError('bug')
    assert (tmp_path / 'b.txt').read_text() == 'from before'
    assert sorted(path.name for path in tmp_path.iterdir()) == ['a.txt', 'b.txt']


def test_truth_is_sorted_by_frame(tmp_path: Path) -> None:
    rows = read_truth(write(
        tmp_path / 'gt.txt',
        '3,1,1,1,2,2,1,-1,-1,-1\n1,1,5,5,2,2,1,-1,-1,-1\n\n1,2,7,7,2,2,0,1.5,2,0\r\n'))
    assert rows.frames.tolist() == [1, 1, 3]
    assert rows.ids.tolist() == [1, 2, 1]
    assert rows.values.tolist() == [1, 0, 1]
    assert rows.last_frame == 3
    assert rows.at(1).ids.tolist() == [1, 2]
    assert rows.at(2).boxes.shape == (0, 4)
    assert rows.at(3).boxes.tolist() == [[1, 1, 3, 3]]


def test_detections_have_no_ids(tmp_path: Path) -> None:
    rows = read_detections(write(
        tmp_path / 'det.txt', '1,-1,1,1,2,2,12.5,-1,-1,-1\n1,-1,3,3,2,2,-0.5\n'))
    assert rows.ids.tolist() == [-1, -1]
    assert rows.values.tolist() == [12.5, -0.5]


def test_results_may_be_empty_and_may_lack_scores(tmp_path: Path) -> None:
    assert len(read_tracks(write(tmp_path / 'a.txt', ''))) == 0
    assert read_tracks(write(tmp_path / 'b.txt', '1,1,1,1,2,2\n')).values.tolist() == [1.0]


def test_regions_without_id_may_repeat_in_truth(tmp_path: Path) -> None:
    path = write(tmp_path / 'gt.txt', '1,-1,1,1,2,2,0\n1,-1,5,5,2,2,0\n')
    assert len(read_truth(path)) == 2


@pytest.mark.parametrize(('line', 'complaint'), [
    ('2,1,1,1,2', 'line 2: 5 columns'),
    ('2 1 1 1 2 2 1', 'line 2: 1 columns'),
    ('2,1,1,x,2,2,1', "line 2: .*'x'"),
    ('2,1,1,nan,2,2,1', 'line 2: .*not finite'),
    ('2,1,1,1,inf,2,1', 'line 2: .*not finite'),
    ('0,1,1,1,2,2,1', 'line 2: frame is 0'),
    ('1.5,1,1,1,2,2,1', r'line 2: frame is 1\.5'),
    ('2,1.5,1,1,2,2,1', r'line 2: id is 1\.5'),
    ('2,-7,1,1,2,2,1', 'line 2: id is -7'),
    ('1,1,5,5,2,2,1', 'line 2: id 1 comes a second time in frame 1, first in line 1'),
    ('2,1,1,1,2,2,0.9', r'line 2: column 7 is 0\.9'),
])
def test_bad_truth_names_file_line_and_value(
        tmp_path: Path, line: str, complaint: str) -> None:
    path = write(tmp_path / 'gt.txt', f'1,1,1,1,2,2,1\n{line}\n3,1,1,1,2,2,1\n')
    with pytest.raises(SourceError, match=rf'gt\.txt, {complaint}'):
        read_truth(path)


def test_bad_line_is_counted_in_the_file_and_not_among_the_sorted_rows(tmp_path: Path) -> None:
    path = write(tmp_path / 'gt.txt', '9,1,1,1,2,2,1\n\n5,1,1,1,2,2,1\n1,1,1,1,2,2,7\n')
    with pytest.raises(SourceError, match='line 4: column 7 is 7'):
        read_truth(path)
    write(path, '9,1,1,1,2,2,1\n1,1,1,1,2,2,1\n\n9,1,4,4,2,2,1\n')
    with pytest.raises(SourceError, match='line 4: id 1 comes a second time in frame 9, first'
                                          ' in line 1'):
        read_tracks(path)


def test_empty_missing_and_binary_truth_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match='holds no boxes'):
        read_truth(write(tmp_path / 'gt.txt', '\n\n'))
    with pytest.raises(SourceError, match='cannot be read'):
        read_truth(tmp_path / 'none.txt')
    (tmp_path / 'x.txt').write_bytes(b'\xff\xfe\x00\x80')
    with pytest.raises(SourceError, match='cannot be read'):
        read_truth(tmp_path / 'x.txt')


def test_detections_of_numbered_frames_are_joined() -> None:
    seen = Detections(
        np.array([[1, 1, 2, 2], [3, 3, 5, 5]], np.float32), np.array([0.5, 0.25], np.float32),
        np.zeros(2, np.int64))
    rows = MotRows.of_detections([(4, seen), (2, seen[:1]), (3, Detections.empty())])
    assert rows.frames.tolist() == [2, 4, 4]
    assert rows.boxes.tolist() == [[1, 1, 2, 2], [1, 1, 2, 2], [3, 3, 5, 5]]
    assert rows.values.tolist() == [0.5, 0.5, 0.25]
    assert len(MotRows.of_detections([])) == 0


def test_columns_of_different_length_are_refused() -> None:
    with pytest.raises(SourceError, match='ids have shape'):
        MotRows(np.array([1, 2]), np.array([1]), np.zeros((2, 4)), np.zeros(2))

# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Results in the columns of KITTI, as its own evaluation and TrackEval take them."""

from pathlib import Path

import numpy as np
import pytest

from mot_ros import cli
from mot_ros.data.datasets.kitti import is_kitti_result, read_kitti_tracks
from mot_ros.tracking.errors import SourceError


def line(frame: int, track: int | str, kind: str = 'Pedestrian', score: str = ' 0.75') -> str:
    x = 100 + 5 * frame
    return f'{frame} {track} {kind} 0 0 -10 {x} 50 {x + 40} 150 1 1 1 0 0 0 0{score}\n'


def write(path: Path, lines: list[str]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(''.join(lines))
    return path


def test_tracks_of_people_are_read(tmp_path: Path) -> None:
    file = write(tmp_path / '0000.txt', [
        line(0, 1), line(1, 1), line(1, 2, 'Car'), line(1, 3, 'Cyclist'), line(2, 1, score='')])
    assert is_kitti_result(file)
    found = read_kitti_tracks(file)
    assert found.frames.tolist() == [1, 2, 3]
    assert found.ids.tolist() == [1, 1, 1]
    assert found.boxes[0].tolist() == [100, 50, 140, 150]
    assert found.values.tolist() == [.75, .75, 1]
    assert read_kitti_tracks(file, ('car', 'Cyclist')).ids.tolist() == [2, 3]
    assert len(read_kitti_tracks(file, ('Tram',))) == 0


@pytest.mark.parametrize('text', [
    '', '1,1,10,10,5,5,1,-1,-1,-1\n', '1 1 10 10 5 5 1 -1 -1 -1\n', '1 1 -10 10 5 5 1 -1 -1 -1\n'])
def test_results_of_motchallenge_are_none_of_kitti(tmp_path: Path, text: str) -> None:
    assert not is_kitti_result(write(tmp_path / 'r.txt', [text]))


@pytest.mark.parametrize('identity', [0, 2**53 + 1, 2**63 - 1])
def test_ids_keep_their_digits(tmp_path: Path, identity: int) -> None:
    assert read_kitti_tracks(write(tmp_path / 'r.txt', [line(0, identity)])).ids == [identity]


def test_errors_name_the_line(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r'line 2: id 1 comes a second time in frame 0'):
        read_kitti_tracks(write(tmp_path / 'r.txt', [line(0, 1), line(0, 1)]))
    with pytest.raises(SourceError, match=r'line 1: could not convert'):
        read_kitti_tracks(write(tmp_path / 'r.txt', [line(0, 1, score=' high')]))
    with pytest.raises(SourceError, match=r'line 1: id is 1e30; it must be a whole number'):
        read_kitti_tracks(write(tmp_path / 'r.txt', [line(0, '1e30')]))


def test_evaluation_is_that_of_trackeval(tmp_path: Path) -> None:
    import json

    import trackeval

    labels = [line(frame, 1, score='') for frame in range(10)] + [
        line(frame, 2, 'Person', '') for frame in range(5)]
    results = [line(frame, 5) for frame in range(8)] + [line(9, 6), line(3, 9, 'Car')] + [
        line(frame, 8, 'Cyclist') for frame in range(4)]
    write(tmp_path / 'gt' / 'label_02' / '0000.txt', labels)
    write(tmp_path / 'gt' / 'evaluate_tracking.seqmap.training', ['0000 empty 000000 000010\n'])
    write(tmp_path / 'trackers' / 'mine' / 'data' / '0000.txt', results)
    assert cli.main([
        'evaluate', '--kitti', str(tmp_path / 'gt'), '--tracks',
        str(tmp_path / 'trackers' / 'mine' / 'data'), '-o', str(tmp_path / 'r')]) == 0
    found = json.loads(next((tmp_path / 'r').glob('*.json')).read_text())
    dataset = trackeval.datasets.Kitti2DBox({
        'GT_FOLDER': str(tmp_path / 'gt'), 'TRACKERS_FOLDER': str(tmp_path / 'trackers'),
        'CLASSES_TO_EVAL': ['pedestrian'], 'PRINT_CONFIG': False})
    raw = dataset.get_raw_seq_data('mine', '0000')
    data = dataset.get_preprocessed_seq_data(raw, 'pedestrian')
    wanted = trackeval.metrics.HOTA().eval_sequence(data)
    text = json.dumps(found)
    assert '"HOTA"' in text
    scores = _values(found, 'HOTA')
    np.testing.assert_allclose(scores[0], np.mean(wanted['HOTA']), atol=1e-6)
    assert 0.1 < scores[0] < 0.99


def _values(content: object, key: str) -> list[float]:
    """Return every number under a key, wherever in the content it stands."""
    if isinstance(content, dict):
        own = [content[key]] if isinstance(content.get(key), int | float) else []
        return own + [found for inner in content.values() for found in _values(inner, key)]
    if isinstance(content, list):
        return [found for inner in content for found in _values(inner, key)]
    return []

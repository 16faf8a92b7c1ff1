# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""KITTI's labels: what is scored, complaints that name the place, and TrackEval's own figures."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from mot_ros.data.datasets.kitti import kitti_places, KittiLabels
from mot_ros.data.datasets.mot import MotRows, NO_ID
from mot_ros.data.datasets.mot_folder import find_sequences
from mot_ros.evaluation.scores.ignore_regions import considered, without_ignored
from mot_ros.evaluation.scores.scoring import measure
from mot_ros.tracking.errors import ConfigError, SourceError

SHARED = Path(__file__).resolve().parents[3] / 'shared' / 'data'
IN_SPACE = '-1 -1 -1 -1000 -1000 -1000 -10'


def line(
        frame: object, identity: object, kind: str = 'Pedestrian', truncated: object = 0,
        occluded: object = 0, box: str = '100 50 130 150') -> str:
    return f'{frame} {identity} {kind} {truncated} {occluded} -10 {box} {IN_SPACE}\n'


def write(folder: Path, text: str, name: str = '0000') -> Path:
    (folder / 'label_02').mkdir(parents=True, exist_ok=True)
    file = folder / 'label_02' / f'{name}.txt'
    file.write_text(text)
    return file


def test_what_is_scored(tmp_path: Path) -> None:
    # not sorted, and the second frame comes first
    write(tmp_path, line(1, 7) + line(0, 1) + line(0, 2, truncated=1) + line(0, 3, occluded=3)
          + line(0, 4, occluded=2) + line(0, 5, 'Person') + line(0, 6, 'Person_sitting')
          + line(0, 8, 'Cyclist') + line(0, -1, 'DontCare', -1, -1) + line(0, -1, 'Pedestrian'))
    place, = kitti_places(tmp_path)
    sequence = place.read()
    assert (sequence.name, sequence.rate, sequence.rule) == ('0000', 10.0, 'kitti_labels')
    truth = sequence.truth
    assert truth.frames.tolist() == [1] * 7 + [2]
    assert sorted(truth.ids[truth.values == 1].tolist()) == [1, 4, 7]
    assert sorted(truth.ids[sequence.distractors].tolist()) == [2, 3, 5, 6]
    assert truth.ids[(truth.values == 0) & ~sequence.distractors].tolist() == [NO_ID]
    assert truth.boxes[0].tolist() == [100, 50, 130, 150]
    assert set(sequence.checksums) == {'0000.txt'}


def test_other_classes(tmp_path: Path) -> None:
    write(tmp_path, line(0, 1, 'Car') + line(0, 2, 'Van') + line(0, 3) + line(0, 4, 'Person'))
    cars, = kitti_places(tmp_path, ['car'])
    truth = cars.read().truth
    assert truth.ids.tolist() == [1, 2]
    both, = kitti_places(tmp_path, ['Car', 'Van'])
    assert both.read().truth.values.tolist() == [1, 1]
    assert not both.read().distractors.any()
    with pytest.raises(ConfigError, match=r"'dog' is no type of KITTI; there are Car, Van"):
        kitti_places(tmp_path, ['dog'])


def test_length_and_size_come_from_images_or_seqmap_or_boxes(tmp_path: Path) -> None:
    write(tmp_path, line(2, 1))
    place, = kitti_places(tmp_path / 'label_02')
    assert place.read().length == 3
    assert place.read().size == (1242, 375)
    assert len(place.read().notes) == 2
    (tmp_path / 'evaluate_tracking.seqmap.training').write_text('0001 empty 0 9\n0000 empty 0 5\n')
    sized = KittiLabels('0000', place.labels, size=(64, 48))
    assert (sized.read().length, sized.read().size, sized.read().notes) == (5, (64, 48), [])
    images = tmp_path / 'image_02' / '0000'
    images.mkdir(parents=True)
    for number in range(4):
        cv2.imwrite(str(images / f'{number:06d}.png'), np.zeros((40, 60, 3), np.uint8))
    place, = kitti_places(tmp_path)
    sequence = place.read()
    assert (sequence.length, sequence.size, sequence.notes) == (4, (60, 40), [])
    source = sequence.open_images()
    assert source is not None
    assert [frame.stamp for frame in source] == [0.0, 0.1, 0.2, 0.3]


@pytest.mark.parametrize(('text', 'complaint'), [
    ('', r'0000.txt: no Pedestrian that is neither'),
    (line(0, 1, 'Car'), r'0000.txt: no Pedestrian that is neither'),
    ('0 1 Pedestrian 0 0\n', r'0000.txt, line 1: 5 columns, expected at least 10'),
    (line(0, 1) + line(0, 1), r'line 2: id 1 comes a second time in frame 0, first in line 1'),
    (line(0, 1) + '\n' + line(-1, 2), r'line 3: frame is -1; frames are counted from 0'),
    (line(0, 1.5), r'line 1: id is 1.5; it must be a whole number'),
    (line(0, 1, box='1 1 nan 9'), r"line 1: '0 1 Pedestrian .*' holds a number that is not"),
    (line(0, 1, box='1 1 x 9'), r"line 1: could not convert string to float: 'x'"),
    (line(0, 1, 'Dog'), r"line 1: type is 'Dog'; KITTI knows Car, Van"),
    (line('1,1,5,5,9,9,1,-1,-1,-1', ''), r'line 1: type is'),
])
def test_bad_labels(tmp_path: Path, text: str, complaint: str) -> None:
    place = KittiLabels('0000', write(tmp_path, text))
    with pytest.raises(SourceError, match=complaint):
        place.read()


def test_labels_of_another_sequence(tmp_path: Path) -> None:
    write(tmp_path, line(7, 1))
    seqmap = tmp_path / 'evaluate_tracking.seqmap'
    seqmap.write_text('0000 empty 0 7\n')
    with pytest.raises(SourceError, match=r'a box in frame 7, but the sequence has 7 frames'):
        kitti_places(tmp_path)[0].read()
    seqmap.write_text('0000 empty\n')
    with pytest.raises(SourceError, match=r"seqmap, line 1: '0000 empty' holds no number"):
        kitti_places(tmp_path)[0].read()
    with pytest.raises(SourceError, match=r'holds no labels of KITTI'):
        kitti_places(tmp_path / 'label_02' / 'nowhere')


def made_up(seed: int, frames: int) -> tuple[str, MotRows]:
    """Return labels with everything in them, and tracks that are partly right."""
    generator = np.random.default_rng(seed)
    kinds = ['Pedestrian'] * 5 + ['Person', 'Person', 'Cyclist', 'Car']
    text = ''
    rows: list[tuple[int, int, list[float]]] = []
    for frame in range(frames):
        for number, kind in enumerate(kinds):
            left, top = 60.0 + 90 * number + 3 * frame, 40.0 + 5 * number
            high = (18.0, 27.0, 60.0)[number % 3]
            box = [left, top, left + high / 2, top + high]
            hidden = generator.choice([0, 0, 0, 1]), generator.choice([0, 1, 2, 3])
            text += line(frame, number, kind, *hidden, box=' '.join(f'{x:.3f}' for x in box))
            if generator.random() < 0.85:
                shift = generator.normal(0, high / 10, 4)
                identity = number + 10 * int(generator.random() < 0.1)
                rows.append((frame + 1, identity, [round(x, 3) for x in np.array(box) + shift]))
        text += line(frame, -1, 'DontCare', -1, -1, '900 100 1000 200')
        # in the region, half in it, of little height, and plainly wrong
        for number, box in enumerate(
                ([910, 110, 940, 190], [980, 110, 1030, 190], [20, 10, 30, 35], [20, 60, 40, 99])):
            rows.append((frame + 1, 50 + number, [float(x) for x in box]))
    return text, MotRows(
        np.array([row[0] for row in rows]), np.array([row[1] for row in rows]),
        np.array([row[2] for row in rows]), np.ones(len(rows)))


@pytest.mark.parametrize('seed', [0, 1, 2])
def test_figures_are_those_of_trackeval(tmp_path: Path, seed: int) -> None:
    from trackeval import datasets, metrics

    text, tracks = made_up(seed, 20)
    write(tmp_path, text)
    (tmp_path / 'evaluate_tracking.seqmap.training').write_text('0000 empty 0 20\n')
    results = tmp_path / 'trackers' / 'ours' / 'data'
    results.mkdir(parents=True)
    (results / '0000.txt').write_text(''.join(
        line(frame - 1, identity, 'Pedestrian', -1, -1, ' '.join(f'{x:.3f}' for x in box))
        for frame, identity, box in zip(
            tracks.frames.tolist(), tracks.ids.tolist(), tracks.boxes.tolist(), strict=True)))
    theirs = datasets.Kitti2DBox({
        'GT_FOLDER': str(tmp_path), 'TRACKERS_FOLDER': str(tmp_path / 'trackers'),
        'TRACKERS_TO_EVAL': ['ours'], 'CLASSES_TO_EVAL': ['pedestrian'], 'PRINT_CONFIG': False})
    data = theirs.get_preprocessed_seq_data(theirs.get_raw_seq_data('ours', '0000'), 'pedestrian')

    sequence = kitti_places(tmp_path)[0].read()
    kept = without_ignored(sequence, tracks)
    assert 0 < len(kept) < len(tracks)
    truth = considered(sequence)
    assert (len(truth), len(kept)) == (data['num_gt_dets'], data['num_tracker_dets'])
    ours = measure(truth, kept, 0)
    for name, metric in (
            ('HOTA', metrics.HOTA()), ('CLEAR', metrics.CLEAR({'PRINT_CONFIG': False})),
            ('Identity', metrics.Identity({'PRINT_CONFIG': False}))):
        expected = metric.eval_sequence(data)
        assert set(ours[name]) == set(expected)
        for key, value in expected.items():
            np.testing.assert_allclose(ours[name][key], value, atol=1e-6, err_msg=f'{name} {key}')


@pytest.mark.skipif(not (SHARED / 'kitti_tracking_pedestrian').is_dir(), reason='no shared data')
def test_reads_the_same_from_labels_as_from_mot_folders(tmp_path: Path) -> None:
    for other in find_sequences(SHARED / 'kitti_tracking_pedestrian'):
        truth = other.truth
        kinds = np.where(truth.ids == NO_ID, 'DontCare',
                         np.where(truth.values == 1, 'Pedestrian', 'Person'))
        file = write(tmp_path, ''.join(
            line(frame - 1, identity, kind, box=' '.join(f'{x:.3f}' for x in box))
            for frame, identity, kind, box in zip(
                truth.frames.tolist(), truth.ids.tolist(), kinds.tolist(), truth.boxes.tolist(),
                strict=True)), other.name[-4:])
        sequence = KittiLabels(other.name, file).read()
        for name in ('frames', 'ids', 'values'):
            assert np.array_equal(getattr(sequence.truth, name), getattr(truth, name))
        assert np.allclose(sequence.truth.boxes, truth.boxes, atol=1e-3)
        assert np.array_equal(sequence.distractors, other.distractors)


@pytest.mark.parametrize('between', [' ', '  ', '\t', ',', ', ', ';', ' ; '])
def test_columns_are_separated_by_anything(tmp_path: Path, between: str) -> None:
    text = line(0, 1) + line(1, 1, box='104 50 134 150') + line(1, 2, 'Car')
    plain = KittiLabels('0000', write(tmp_path / 'plain', text)).read().truth
    other = KittiLabels('0000', write(
        tmp_path / 'other', '\ufeff' + text.replace(' ', between))).read().truth
    assert len(plain) == 2
    for name in ('frames', 'ids', 'boxes', 'values'):
        np.testing.assert_array_equal(getattr(plain, name), getattr(other, name))


@pytest.mark.parametrize('box', ['9 1 9 9', '9 1 5 9', '9 1 9 1'])
def test_boxes_without_area_match_nothing_and_are_told(tmp_path: Path, box: str) -> None:
    sequence = KittiLabels('0000', write(tmp_path, line(0, 1) + line(0, 2, box=box))).read()
    assert any('1 of 2 boxes have no area and match nothing, the first in line 2' in note
               for note in sequence.notes)
    x1, y1, x2, y2 = sequence.truth.boxes[1].tolist()
    assert (x2 - x1) * (y2 - y1) == 0


def test_a_line_that_names_its_columns_is_told(tmp_path: Path) -> None:
    file = write(tmp_path, 'frame id type truncated occluded alpha x1 y1 x2 y2\n' + line(0, 1))
    with pytest.raises(SourceError, match=r'line 1: .* is a header .*frame id type truncated'):
        KittiLabels('0000', file).read()

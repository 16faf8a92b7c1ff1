# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""TAO's videos: which count, where their frames are, and TrackEval's own figures."""

import json
from pathlib import Path
import pickle
from typing import Any

import cv2
import numpy as np
import pytest

from mot_ros import cli
from mot_ros.data.datasets.mot import MotRows
from mot_ros.data.datasets.tao import tao_places
from mot_ros.evaluation.scores.ignore_regions import considered, without_ignored
from mot_ros.evaluation.scores.scoring import measure
from mot_ros.evaluation.scores.track_ap import track_ap, TrackSet
from mot_ros.tracking.errors import SourceError

PERSON, CAT = 805, 3
CATEGORIES = [{'id': PERSON, 'name': 'baby'}, {'id': CAT, 'name': 'cat', 'merged': [
    {'id': 4, 'name': 'kitten'}]}, {'id': 4, 'name': 'kitten'}]


def box(image: int, track: int, category: int = PERSON, at: float = 10.0) -> dict[str, Any]:
    return {'image_id': image, 'track_id': track, 'category_id': category,
            'bbox': [at, 5, 8, 20], 'video_id': image // 10}


def write(folder: Path, boxes: list[dict[str, Any]], **videos: dict[str, Any]) -> Path:
    """Write a file with images 10, 11, 12 of video 1, and so on; frames 30, 60 and 90."""
    file = folder / 'validation.json'
    numbers = {name: number for number, name in enumerate(videos, 1)}
    file.write_text(json.dumps({
        'info': {}, 'licenses': [], 'tracks': [], 'categories': CATEGORIES,
        'videos': [{'id': number, 'name': f'val/Home/{name}', 'width': 64, 'height': 48,
                    'neg_category_ids': [], 'not_exhaustive_category_ids': [], **videos[name]}
                   for name, number in numbers.items()],
        'images': [{'id': 10 * number + place, 'video_id': number, 'width': 64, 'height': 48,
                    'file_name': f'val/Home/{name}/frame{30 * place + 31:04d}.jpg',
                    'frame_index': 30 * place + 30}
                   for name, number in numbers.items() for place in range(3)],
        'annotations': [{'id': number, **each} for number, each in enumerate(boxes)]}))
    return file


def make_images(root: Path, name: str, numbers: range) -> None:
    folder = root / 'val' / 'Home' / name
    folder.mkdir(parents=True)
    for number in numbers:
        cv2.imwrite(str(folder / f'frame{number:04d}.jpg'), np.zeros((48, 64, 3), np.uint8))


def test_only_videos_in_which_a_class_was_looked_for(tmp_path: Path) -> None:
    file = write(
        tmp_path, [box(10, 1), box(12, 1), box(20, 2, CAT), box(41, 3), box(51, 4, 4)],
        a={}, b={}, c={'neg_category_ids': [PERSON]},
        d={'not_exhaustive_category_ids': [PERSON]}, e={})
    places = tao_places(file)
    assert [place.name for place in places] == ['val-Home-a', 'val-Home-c', 'val-Home-d']
    every = [pickle.loads(pickle.dumps(place)).read() for place in places]  # noqa: S301
    assert [(one.negative, one.exhaustive) for one in every] == [
        (False, True), (True, True), (False, False)]
    first = every[0]
    assert (first.size, first.rate, first.rule, first.length) == ((64, 48), 30.0, 'tao', 91)
    # about one frame per second is annotated
    assert first.scored.tolist() == [31, 61, 91]
    assert first.truth.frames.tolist() == [31, 91]
    assert first.truth.boxes[0].tolist() == [10, 5, 18, 25]
    assert not len(every[1].truth)
    assert first.open_images() is None
    assert set(first.checksums) == {'validation.json'}
    # what is merged counts as one
    assert [place.name[-1] for place in tao_places(file, classes=['cat'])] == ['b', 'e']
    assert [place.name[-1] for place in tao_places(file, classes=['person', 'cat'])] == [
        'a', 'b', 'd', 'e']


def test_frames_are_the_images_of_the_folder(tmp_path: Path) -> None:
    file = write(tmp_path, [box(10, 1), box(12, 1)], whole={}, thin={}, late={})
    # all images; only those with annotations; a video that does not begin at 1
    make_images(tmp_path, 'whole', range(1, 101))
    sequence = tao_places(file, tmp_path)[0].read()
    assert (sequence.length, sequence.rate, sequence.scored.tolist()) == (100, 30, [31, 61, 91])
    source = sequence.open_images()
    assert source is not None
    assert source.announced == 100
    file = write(tmp_path, [box(10, 1), box(12, 1)], thin={})
    make_images(tmp_path, 'thin', range(31, 92, 30))
    sequence = tao_places(file, tmp_path)[0].read()
    assert (sequence.length, sequence.rate, sequence.scored.tolist()) == (3, 1, [1, 2, 3])
    assert sequence.truth.frames.tolist() == [1, 3]
    assert sequence.stamps.tolist() == [0, 10**9, 2 * 10**9]
    file = write(tmp_path, [box(10, 1)], late={})
    make_images(tmp_path, 'late', range(31, 101))
    assert tao_places(file, tmp_path)[0].read().scored.tolist() == [1, 31, 61]
    (tmp_path / 'val' / 'Home' / 'late' / 'frame0061.jpg').unlink()
    with pytest.raises(SourceError, match=r'late/frame0061.jpg does not exist, but .*validation'):
        tao_places(file, tmp_path)[0].read()
    with pytest.raises(SourceError, match=r'nowhere/val/Home/late cannot be read .No such file'):
        tao_places(file, tmp_path / 'nowhere')[0].read()


def test_what_is_wrong_with_a_file(tmp_path: Path) -> None:
    file = write(tmp_path, [box(10, 1)], a={})
    with pytest.raises(SourceError, match=r"has no category 'dog'"):
        tao_places(file, classes=['dog'])
    with pytest.raises(SourceError, match=r'no video has a box of cat; there is nothing to'):
        tao_places(file, classes=['cat'])
    text = file.read_text()
    for old, new, complaint in (
            ('"annotations"', '"notes"', r"has no list 'annotations'"),
            ('"track_id": 1', '"track_id": null', r"'val/Home/a' has boxes without track_id"),
            ('[10.0, 5, 8, 20]', '[NaN, 5, 8, 20]', r'annotations\[0\].bbox is .*four finite'),
            ('"image_id": 10', '"image_id": 7', r'annotations\[0\].image_id is 7; no image has'),
            ('"height": 48, "file_name": "val/Home/a/frame0031', '"height": 47, "file_name": "val'
             '/Home/a/frame0031', r'images have the sizes .*; every one must have the same'),
            ('a/frame0031', 'b/frame0031', r'its images lie in 2 folders'),
            ('frame0031', 'frame0091x', r'not in the order of their frame_index')):
        assert old in text
        file.write_text(text.replace(old, new))
        (tmp_path / 'val').mkdir(exist_ok=True)
        if not (tmp_path / 'val' / 'Home').exists():
            make_images(tmp_path, 'a', range(1, 95))
            cv2.imwrite(str(tmp_path / 'val/Home/a/frame0091x.jpg'), np.zeros((48, 64), np.uint8))
        with pytest.raises(SourceError, match=complaint):
            for place in tao_places(file, tmp_path):
                place.read()
    file.write_text(text.replace('"id": 1, "name"', '"id": 1, "no": 0, "name"')
                    .replace('"frame_index"', '"frame_number"'))
    with pytest.raises(SourceError, match=r'its images have no frame_index; give the folder'):
        tao_places(file)[0].read()


@pytest.mark.parametrize('seed', [0, 1, 2])
def test_figures_are_those_of_trackeval(tmp_path: Path, seed: int) -> None:
    from trackeval import datasets, metrics

    generator = np.random.default_rng(seed)
    boxes, found = [], []
    tracks: dict[str, list[tuple[int, int, float, list[float]]]] = {}
    names = ['a', 'b', 'c', 'd']
    for video in range(1, 5):
        # TrackEval leaves out images in which there is nothing of any class
        boxes += [box(10 * video + place, 100 * video + 99, CAT) for place in range(3)]
        tracks[f'val-Home-{names[video - 1]}'] = []
        for track in range(6):
            for place in range(3):
                at = 30.0 * track + generator.uniform(0, 3)
                # video 2 is known to be empty, of video 3 one frame has no truth
                if track < 4 and video != 2 and (video, place) != (3, 1):
                    boxes.append(box(10 * video + place, 100 * video + track, at=at))
                if generator.random() < 0.8:
                    score = round(float(generator.random()), 4)
                    high = round(20 + generator.normal(0, 2), 3)
                    found.append({
                        'image_id': 10 * video + place, 'video_id': video, 'score': score,
                        'track_id': 1000 * video + track, 'category_id': PERSON,
                        'bbox': [at, 5, 8, high]})
                    tracks[f'val-Home-{names[video - 1]}'].append(
                        (30 * place + 31, track, score, [at, 5, at + 8, 5 + high]))
    folder = tmp_path / 'truth'
    folder.mkdir()
    file = write(folder, boxes, a={}, b={'neg_category_ids': [PERSON]}, c={},
                 d={'not_exhaustive_category_ids': [PERSON]})
    content = json.loads(file.read_text())
    for each in content['annotations']:
        each['area'] = 1
    content['tracks'] = [
        {'id': number, 'category_id': category, 'video_id': number // 100}
        for number, category in sorted(
            {(each['track_id'], each['category_id']) for each in boxes})]
    file.write_text(json.dumps(content))
    results = tmp_path / 'trackers' / 'ours' / 'data'
    results.mkdir(parents=True)
    (results / 'found.json').write_text(json.dumps(found))
    theirs = datasets.TAO({
        'GT_FOLDER': str(folder), 'TRACKERS_FOLDER': str(tmp_path / 'trackers'),
        'TRACKERS_TO_EVAL': ['ours'], 'CLASSES_TO_EVAL': ['baby'], 'PRINT_CONFIG': False})
    whole = metrics.TrackMAP({'PRINT_CONFIG': False})
    expected, sets = {}, []
    for place in tao_places(file):
        data = theirs.get_preprocessed_seq_data(
            theirs.get_raw_seq_data('ours', place.name), 'baby')
        expected[place.name] = whole.eval_sequence(data)
        sequence = place.read()
        rows = tracks[place.name]
        mine = MotRows(
            np.array([row[0] for row in rows]), np.array([row[1] for row in rows]),
            np.array([row[3] for row in rows]), np.array([row[2] for row in rows]))
        truth, kept = considered(sequence), without_ignored(sequence, mine)
        assert (len(truth), len(kept)) == (data['num_gt_dets'], data['num_tracker_dets'])
        raw = measure(truth, kept, 0)
        for name, metric in (('HOTA', metrics.HOTA()),
                             ('CLEAR', metrics.CLEAR({'PRINT_CONFIG': False})),
                             ('Identity', metrics.Identity({'PRINT_CONFIG': False}))):
            for key, value in metric.eval_sequence(data).items():
                if key in ('CLR_Frames', 'FP_per_frame'):
                    # TAO's counts annotated frames only; neither is reported
                    continue
                np.testing.assert_allclose(
                    raw[name][key], value, atol=1e-6, err_msg=f'{place.name} {name} {key}')
        sets.append(TrackSet(truth, mine, sequence.exhaustive, sequence.negative))
    precision = whole.combine_sequences(expected)['AP_all']
    figures = track_ap(sets)
    assert figures == pytest.approx(
        {'TAP': np.mean(precision), 'TAP50': precision[0], 'TAP75': precision[5]}, abs=1e-6)
    assert 0.1 < figures['TAP'] < figures['TAP50'] < 1


def test_results_are_a_list_for_all_videos(tmp_path: Path) -> None:
    file = write(tmp_path, [box(10, 1), box(12, 1), box(20, 2)], a={}, b={})
    result = tmp_path / 'result.json'
    result.write_text(json.dumps([
        {**box(10, 7), 'score': 0.5}, {**box(12, 7, at=11), 'score': 0.6},
        {**box(12, 8, CAT), 'score': 0.9}, {**box(20, 9), 'score': 0.7}]))
    first, second = (place.read() for place in tao_places(file))
    assert first.results is not None and second.results is not None
    rows = first.results(result)
    # frames are those of the truth; the cat is no person
    assert rows.frames.tolist() == [31, 91]
    assert rows.ids.tolist() == [7, 7]
    assert rows.boxes[1].tolist() == [11, 5, 19, 25]
    assert rows.values.tolist() == [0.5, 0.6]
    assert second.results(result).ids.tolist() == [9]
    result.write_text(json.dumps([{**box(10, 7), 'score': 0.5}] * 2))
    with pytest.raises(SourceError, match='track_id 7 comes twice in image 10'):
        first.results(result)
    without = {**box(10, 7), 'score': 0.5}
    del without['track_id']
    result.write_text(json.dumps([without]))
    with pytest.raises(SourceError, match='results without track_id'):
        first.results(result)


def test_a_result_file_or_its_folder_is_scored(tmp_path: Path) -> None:
    file = write(tmp_path, [box(10, 1), box(11, 1), box(12, 1)], a={})
    folder = tmp_path / 'mine'
    folder.mkdir()
    (folder / 'result.json').write_text(json.dumps(
        [{**box(image, 7), 'score': 0.5} for image in (10, 11, 12)]))
    for name, path in (('file', folder / 'result.json'), ('folder', folder)):
        assert cli.main(['evaluate', '--tao', str(file), '--tracks', f'mine={path}', '-o',
                         str(tmp_path / name)]) == 0
        report = json.loads((tmp_path / name / 'report.json').read_text())
        scores = report['results'][0]['scores']
        assert (scores['MOTA'], scores['IDF1']) == (1, 1)

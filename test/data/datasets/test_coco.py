# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Annotation files of COCO's kind: what is read, what is refused, what is written."""

from collections.abc import Callable
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from mot_ros.data.datasets.coco import NO_CATEGORY, read_coco, read_results
from mot_ros.data.datasets.coco_source import boxes_of, CocoFrames, image_files
from mot_ros.data.datasets.coco_writer import CocoContent, write_annotations, write_coco
from mot_ros.data.datasets.mot import MotRows, NO_ID
from mot_ros.data.video.frames import open_source
from mot_ros.tracking.errors import ConfigError, OutputError, SourceError

SIZE = (64, 48)


def example() -> dict[str, Any]:
    """Two videos, the first as TAO has it with images out of order."""
    sides = {'width': SIZE[0], 'height': SIZE[1]}
    return {
        'info': {'fps': 30, 'description': 'walk'},
        'videos': [
            {'id': 7, 'name': 'train/street', 'neg_category_ids': [3],
             'not_exhaustive_category_ids': [2], 'fps': 24, **sides},
            {'id': 8, 'name': 'train/park', **sides}],
        'categories': [
            {'id': 1, 'name': 'person', 'merged': [{'id': 9, 'name': 'baby'}]},
            {'id': 2, 'name': 'car'}, {'id': 3, 'name': 'dog'}],
        'images': [
            {'id': 12, 'video_id': 7, 'frame_index': 30, 'file_name': 'a/2.png', **sides},
            {'id': 11, 'video_id': 7, 'frame_index': 0, 'file_name': 'a/1.png'},
            {'id': 13, 'video_id': 7, 'frame_index': 60, 'file_name': 'a/3.png', **sides},
            {'id': 21, 'video_id': 8, 'frame_index': 4, 'file_name': 'b/1.png', **sides}],
        'annotations': [
            {'id': 1, 'image_id': 12, 'category_id': 1, 'bbox': [1, 2, 10, 20.5], 'track_id': 5},
            {'id': 2, 'image_id': 11, 'category_id': 1, 'bbox': [0, 2, 10, 20], 'track_id': 5},
            {'id': 3, 'image_id': 11, 'category_id': 2, 'bbox': [30, 2, 9, 8], 'track_id': 6,
             'iscrowd': 1},
            {'id': 4, 'image_id': 21, 'category_id': 3, 'bbox': [3, 4, 5, 6], 'score': 0.5}]}


def write(path: Path, content: Any) -> Path:
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def make_images(folder: Path, size: tuple[int, int] = SIZE) -> None:
    for image in example()['images']:
        path = folder / image['file_name']
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), np.full((size[1], size[0], 3), image['id'], np.uint8))


def test_videos_with_their_images_in_order(tmp_path: Path) -> None:
    file = read_coco(write(tmp_path / 'a.json', example()))
    street, park = file.videos
    assert [image.id for image in street.images] == [11, 12, 13]
    assert [image.frame_index for image in street.images] == [0, 30, 60]
    assert {image.size for image in street.images} == {SIZE}
    assert (street.fps, park.fps) == (24, 30)
    assert street.neg_category_ids == (3,)
    assert street.not_exhaustive_category_ids == (2,)
    assert street.rows.frames.tolist() == [1, 1, 2]
    assert street.rows.ids.tolist() == [5, 6, 5]
    assert street.rows.values.tolist() == [1, 0, 1]
    assert street.categories.tolist() == [1, 2, 1]
    assert street.rows.boxes.tolist() == [[0, 2, 10, 22], [30, 2, 39, 10], [1, 2, 11, 22.5]]
    assert (street.has_tracks, park.has_tracks) == (True, False)
    assert park.scores.tolist() == [0.5]
    assert file.categories[0].merged == (9,)
    assert file.info['description'] == 'walk'
    assert file.category_ids(['dog', 'person']) == [3, 1]


def test_what_other_projects_call_it(tmp_path: Path) -> None:
    content = example()
    for image in content['images']:
        image['frame_id'] = image.pop('frame_index') // 30 + 1
    for video in content['videos']:
        video['file_name'] = video.pop('name')
        del video['width']
    for box in content['annotations'][:3]:
        box['instance_id'] = box.pop('track_id')
    content['annotations'][1]['category_id'] = -1
    del content['info']
    video = read_coco(write(tmp_path / 'a.json', content)).video('train/street')
    assert [image.frame_index for image in video.images] == [1, 2, 3]
    assert [image.size for image in video.images] == [None, SIZE, SIZE]
    assert video.rows.ids.tolist() == [5, 6, 5]
    assert video.categories.tolist() == [NO_CATEGORY, 2, 1]
    # neither right nor wrong to find
    assert video.rows.values.tolist() == [0, 0, 1]
    assert video.fps == 24


def test_without_videos_the_images_are_one_by_name(tmp_path: Path) -> None:
    content = example()
    del content['videos']
    for number, image in enumerate(content['images']):
        del image['video_id'], image['frame_index']
        image['file_name'] = f'{12 - number}.png'
    file = read_coco(write(tmp_path / 'val.json', content))
    assert [image.file_name for image in file.video().images] == [
        '9.png', '10.png', '11.png', '12.png']
    assert file.video('val').rows.frames.tolist() == [1, 3, 3, 4]


def test_videos_that_only_images_name(tmp_path: Path) -> None:
    content = example()
    content['videos'] = []
    file = read_coco(write(tmp_path / 'a.json', content))
    assert [video.name for video in file.videos] == ['7', '8']
    assert len(file.video('8').rows) == 1


def test_choosing_a_video(tmp_path: Path) -> None:
    content = example()
    file = read_coco(write(tmp_path / 'a.json', content))
    assert file.video('train/park') is file.video('8')
    with pytest.raises(ConfigError, match=r'2 videos; name .*--video.*train/street, train/park'):
        file.video()
    with pytest.raises(SourceError, match=r"no video 'x'; there is train/street, train/park"):
        file.video('x')
    with pytest.raises(SourceError, match=r"no category 'persn'; there is person, car, dog"):
        file.category_ids(['persn'])
    content['videos'] += [{'id': number, 'name': f'clip{number}'} for number in range(50, 90)]
    content['videos'] += [{'id': 90, 'name': 'clip89'}]
    file = read_coco(write(tmp_path / 'b.json', content))
    with pytest.raises(SourceError, match=r"'clip-77'; there is clip77, .* and \d+ more"):
        file.video('clip-77')
    with pytest.raises(SourceError, match=r"2 videos are called 'clip89'.*89, 90"):
        file.video('clip89')


@pytest.mark.parametrize('key, index, change, text', [
    ('images', 1, {'file_name': None}, r'images[1].file_name is None; it must be a text'),
    ('images', 1, {'id': 12}, 'images[1].id is 12; '),
    ('images', 1, {'id': 'x'}, "images[1].id is 'x'; it must be a whole number"),
    ('images', 1, {'video_id': 3}, 'images[1].video_id is 3; no video has this id'),
    ('images', 1, {'frame_index': 30}, 'images[1].frame_index is 30; '),
    ('images', 1, {'frame_index': -1}, 'frame_index is -1; it must be a whole number from 0 on'),
    ('images', 1, {'frame_index': None}, 'images[1].frame_index is None; other images'),
    ('images', 0, {'width': 0}, 'images[0].width is 0; it must be a whole number from 1 on'),
    ('videos', 0, {'fps': 0}, 'videos[0].fps is 0; it must be above 0'),
    ('videos', 1, {'id': 7}, 'videos[1].id is 7; '),
    ('videos', 0, {'neg_category_ids': 3}, 'neg_category_ids is 3; it must be a list of ids'),
    ('categories', 2, {'id': 1}, 'categories[2].id is 1; '),
    ('categories', 2, {'name': ''}, "categories[2].name is ''; it must be a text"),
    ('annotations', 2, {'image_id': 5}, 'annotations[2].image_id is 5; no image has this id'),
    ('annotations', 2, {'category_id': 4}, 'annotations[2].category_id is 4; no category has'),
    ('annotations', 2, {'track_id': 5}, 'annotations[2].track_id is 5; '),
    ('annotations', 2, {'track_id': -2}, 'track_id is -2; it must be a whole number from -1 on'),
    ('annotations', 2, {'track_id': 10**30}, 'it must be a whole number'),
    ('annotations', 2, {'track_id': 1.5}, 'track_id is 1.5; it must be a whole number'),
    ('annotations', 2, {'bbox': [1, 2, 3]}, 'bbox is [1, 2, 3]; it must be four finite numbers'),
    ('annotations', 2, {'bbox': [1, 2, 3, '4']}, 'it must be four finite numbers'),
    ('annotations', 2, {'bbox': [1, float('nan'), 3, 4]}, 'bbox is [1, nan, 3, 4]; it must be'),
    ('annotations', 2, {'bbox': [1, 2, 10**400, 4]}, 'it must be four finite numbers'),
    ('annotations', 2, {'bbox': 7}, 'bbox is 7; it must be four finite numbers'),
    ('annotations', 2, {'iscrowd': 2}, 'annotations[2].iscrowd is 2; it must be 0 or 1'),
    ('annotations', 2, {'score': 'high'}, "score is 'high'; it must be a finite number"),
])
def test_a_wrong_value_is_named(
        tmp_path: Path, key: str, index: int, change: dict[str, Any], text: str) -> None:
    content = example()
    content[key][index].update(change)
    path = write(tmp_path / 'a.json', content)
    with pytest.raises(SourceError) as caught:
        read_coco(path)
    assert str(caught.value).startswith(f'{path}: {key}[{index}].')
    assert text in str(caught.value)


@pytest.mark.parametrize('key, inner', [
    ('images', 'id'), ('images', 'file_name'), ('images', 'video_id'), ('videos', 'id'),
    ('categories', 'id'), ('categories', 'name'), ('annotations', 'image_id'),
    ('annotations', 'category_id'), ('annotations', 'bbox')])
def test_a_missing_key_is_named(tmp_path: Path, key: str, inner: str) -> None:
    content = example()
    del content[key][1][inner]
    with pytest.raises(SourceError, match=rf"a.json: {key}\[1\] has no '{inner}', which is"):
        read_coco(write(tmp_path / 'a.json', content))


@pytest.mark.parametrize('change, text', [
    (lambda content: content.pop('annotations'), "has no list 'annotations'"),
    (lambda content: content.pop('categories'), "has no list 'categories'"),
    (lambda content: content.update(images={}), "has no list 'images'"),
    (lambda content: content['images'].append(3), 'images[4] is 3; it must be an object'),
])
def test_a_wrong_list_is_named(
        tmp_path: Path, change: Callable[[dict[str, Any]], Any], text: str) -> None:
    content = example()
    change(content)
    with pytest.raises(SourceError) as caught:
        read_coco(write(tmp_path / 'a.json', content))
    assert text in str(caught.value)


@pytest.mark.parametrize('content, text', [
    ('{"images": [', 'is no JSON'), ('[]', 'is a list, as results are'), ('3', 'holds 3;'),
    ('', 'is no JSON'), ('[' * 100_000, 'is no JSON')])
def test_what_is_no_annotation_file(tmp_path: Path, content: str, text: str) -> None:
    with pytest.raises(SourceError, match=text):
        read_coco(write(tmp_path / 'a.json', content))
    with pytest.raises(SourceError, match=r'none\.json cannot be read'):
        read_coco(tmp_path / 'none.json')


def test_results_of_one_video(tmp_path: Path) -> None:
    video = read_coco(write(tmp_path / 'a.json', example())).video('7')
    box = {'category_id': 1, 'bbox': [1, 2, 3, 4]}
    path = write(tmp_path / 'r.json', [
        {'image_id': 13, 'score': 0.25, **box}, {'image_id': 21, 'score': 0.5, **box},
        {'image_id': 11, 'score': 0.75, 'track_id': 4, **box}])
    rows, labels = read_results(path, video)
    assert rows.frames.tolist() == [1, 3]
    assert rows.ids.tolist() == [4, NO_ID]
    assert rows.values.tolist() == [0.75, 0.25]
    assert labels.tolist() == [1, 1]
    write(path, [box])
    with pytest.raises(SourceError, match=r"r\.json: \[0\] has no 'score'"):
        read_results(path, video)
    with pytest.raises(SourceError, match='holds no list'):
        read_results(tmp_path / 'a.json', video)


def test_the_step_of_the_places_divides_the_rate(tmp_path: Path) -> None:
    make_images(tmp_path / 'images')
    file = read_coco(write(tmp_path / 'a.json', example()))
    source = CocoFrames(file, file.video('7'))
    assert (source.fps, source.length, source.size) == (0.8, 3, SIZE)
    frames = list(source)
    assert [int(frame.image[0, 0, 0]) for frame in frames] == [11, 12, 13]
    assert [frame.stamp for frame in frames] == [0, 1.25, 2.5]
    assert source.moved(file.video('7').rows).frames.tolist() == [1, 1, 2]
    assert CocoFrames(file, file.video('7'), fps=30).fps == 1


def test_a_gap_between_places_is_one_in_time(tmp_path: Path) -> None:
    make_images(tmp_path)
    content = example()
    content['images'][2]['frame_index'] = 120
    file = read_coco(write(tmp_path / 'a.json', content))
    source = CocoFrames(file, file.video('7'))
    frames = list(source)
    assert [frame.stamp for frame in frames] == [0, 1.25, 5]
    assert [source.index_of(frame) for frame in frames] == [0, 1, 4]
    assert source.shortcomings == []
    rows = MotRows([2, 3], [1, 1], [[0, 0, 1, 1]] * 2, [1, 1])
    assert source.moved(rows).frames.tolist() == [2, 5]
    (tmp_path / 'a/2.png').write_bytes(b'no image')
    assert len(list(source)) == 2
    assert source.unreadable == [1]
    content['images'][2]['frame_index'] = 10**18 + 1
    file = read_coco(write(tmp_path / 'a.json', content))
    with pytest.raises(SourceError, match='frame_index must count frames'):
        CocoFrames(file, file.video('7'))


def test_where_the_images_are(tmp_path: Path) -> None:
    make_images(tmp_path / 'frames')
    (tmp_path / 'annotations').mkdir()
    file = read_coco(write(tmp_path / 'annotations' / 'train.json', example()))
    video = file.video('7')
    assert [path.name for path in image_files(file, video)] == ['1.png', '2.png', '3.png']
    (tmp_path / 'frames').rename(tmp_path / 'train')
    assert image_files(file, video)[0].resolve() == (tmp_path / 'train/a/1.png').resolve()
    (tmp_path / 'train').rename(tmp_path / 'elsewhere')
    with pytest.raises(SourceError, match=r'train\.json: there is no a/1\.png in .*--images'):
        image_files(file, video)
    assert len(image_files(file, video, tmp_path / 'elsewhere')) == 3
    (tmp_path / 'elsewhere/a/2.png').unlink()
    with pytest.raises(SourceError, match=r'1 of the 3 images of train/street.*elsewhere/a/2'):
        image_files(file, video, tmp_path / 'elsewhere')
    with pytest.raises(SourceError, match='has no images'):
        image_files(file, read_coco(write(tmp_path / 'b.json', {
            **example(), 'images': [], 'annotations': []})).video('7'))


def test_images_of_another_size_are_refused(tmp_path: Path) -> None:
    make_images(tmp_path, (32, 24))
    file = read_coco(write(tmp_path / 'a.json', example()))
    with pytest.raises(SourceError, match=r'1\.png is 32x24, but .*a\.json states 64x48'):
        CocoFrames(file, file.video('7'))


def test_categories_are_chosen_by_name(tmp_path: Path) -> None:
    file = read_coco(write(tmp_path / 'a.json', example()))
    every = boxes_of(file, file.video('7'))
    assert every.several == ['1 person', '2 car']
    assert every.truth_labels.tolist() == [1, 2, 1]
    persons = boxes_of(file, file.video('7'), ['person'])
    assert persons.truth.ids.tolist() == [5, 5]
    assert (persons.several, persons.detections, persons.classes) == ([], None, None)


def test_annotations_without_tracks_are_detections(tmp_path: Path) -> None:
    content = example()
    content['annotations'].append(
        {'image_id': 21, 'category_id': 1, 'bbox': [0, 0, 9, 9], 'iscrowd': 1})
    file = read_coco(write(tmp_path / 'a.json', content))
    boxes = boxes_of(file, file.video('8'))
    assert boxes.truth is None
    assert boxes.detections.ids.tolist() == [NO_ID]
    assert boxes.detections.values.tolist() == [0.5]
    assert boxes.notes == ['1 annotations are marked ignore or iscrowd and are left out']
    with pytest.raises(ConfigError, match='leave out --detections'):
        boxes_of(file, file.video('8'), (), tmp_path / 'r.json')


def test_an_annotation_without_a_track_among_others_is_told(tmp_path: Path) -> None:
    content = example()
    del content['annotations'][0]['track_id']
    file = read_coco(write(tmp_path / 'a.json', content))
    boxes = boxes_of(file, file.video('7'))
    assert boxes.truth.ids.tolist() == [5, 6, NO_ID]
    assert boxes.notes[0].startswith('1 of 3 annotations have no track_id; their id is -1')


def test_classes_regions_and_detections_come_back(tmp_path: Path) -> None:
    make_images(tmp_path / 'frames')
    truth = MotRows(
        [1, 1, 2, 2, 3], [3, 4, 3, NO_ID, 4],
        [[1.1, 2.2, 3.3, 4.4], [5, 6, 17.125, 28], [-3, -2, 9.7, 9.9], [0, 0, 9, 9],
         [1, 1, 2, 2]], [1, 0, 1, 0, 1])
    seen = MotRows([1, 3], [NO_ID] * 2, [[1.5, 2, 3, 4], [5, 6, 7, 8]], [0.25, 0.875])
    content = CocoContent(
        'street', truth, np.array([1, 2, 1, 3, 2]), seen, ('pedestrian', 'distractor', 'car'))
    source = open_source(tmp_path / 'frames/a', 7)
    assert write_coco(source, tmp_path / 'out', content) == []
    file = read_coco(tmp_path / 'out/annotations.json')
    video = file.video('street')
    assert video.fps == 7
    assert [image.size for image in video.images] == [SIZE] * 3
    for name in ('frames', 'ids', 'values'):
        np.testing.assert_array_equal(getattr(video.rows, name), getattr(truth, name))
    np.testing.assert_allclose(video.rows.boxes, truth.boxes, atol=1e-9)
    assert video.categories.tolist() == [1, 2, 1, 3, 2]
    boxes = boxes_of(file, video, (), tmp_path / 'out/detections.json')
    np.testing.assert_allclose(boxes.detections.boxes, seen.boxes)
    assert boxes.detections.values.tolist() == [0.25, 0.875]
    # as MOT16 numbers them
    assert boxes.classes.tolist() == [1, 8, 1, 3, 8]
    assert image_files(file, video)[2] == tmp_path / 'out/images/000003.jpg'
    stored = json.loads((tmp_path / 'out/annotations.json').read_text())
    assert stored['images'][1]['frame_id'] == 2
    assert stored['images'][1]['frame_index'] == 1
    assert stored['tracks'] == [{'id': 3, 'category_id': 1, 'video_id': 1},
                                {'id': 4, 'category_id': 2, 'video_id': 1}]
    assert stored['annotations'][1] == {
        'id': 2, 'image_id': 1, 'category_id': 2, 'bbox': [5, 6, 12.125, 22], 'area': 266.75,
        'iscrowd': 1, 'ignore': 1, 'track_id': 4}


def test_annotations_name_the_images_that_are_there(tmp_path: Path) -> None:
    make_images(tmp_path / 'frames')
    (tmp_path / 'deep').mkdir()
    source = open_source(tmp_path / 'frames/a', 7, start=1)
    seen = MotRows([2], [NO_ID], [[1.5, 2, 3, 4]], [0.25])
    path = tmp_path / 'deep' / 'a.json'
    write_annotations(source, path, CocoContent('street', detections=seen))
    file = read_coco(path)
    assert [image.file_name for image in file.video().images] == [
        '../frames/a/2.png', '../frames/a/3.png']
    assert [int(frame.image[0, 0, 0]) for frame in CocoFrames(file, file.video())] == [12, 13]
    rows, _ = read_results(tmp_path / 'deep' / 'a_detections.json', file.video())
    assert rows.frames.tolist() == [1]
    path.unlink()
    with pytest.raises(OutputError, match=r'a_detections\.json exists already'):
        write_annotations(source, path, CocoContent('street', detections=seen))


@pytest.mark.parametrize('before', ['C:\\data\\set\\', '/home/me/set/', 'D:/'])
def test_whole_paths_of_another_machine_are_shortened(tmp_path: Path, before: str) -> None:
    make_images(tmp_path / 'frames')
    (tmp_path / 'deep').mkdir()
    source = open_source(tmp_path / 'frames/a', 7, start=1)
    seen = MotRows([2], [NO_ID], [[1.5, 2, 3, 4]], [0.25])
    path = tmp_path / 'deep' / 'a.json'
    write_annotations(source, path, CocoContent('street', detections=seen))
    content = json.loads(path.read_text())
    for image in content['images']:
        name = Path(image['file_name']).name
        image['file_name'] = before + ('a\\' if '\\' in before else 'a/') + name
    path.write_text(json.dumps(content))
    file = read_coco(path)
    assert [int(frame.image[0, 0, 0]) for frame in CocoFrames(file, file.video())] == [12, 13]

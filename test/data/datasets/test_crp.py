# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""CRP and others in SiamMOT's JSON: what is read, what is ignored, complaints with the path."""

from collections.abc import Callable
import copy
import json
from pathlib import Path
import pickle
from typing import Any

import cv2
import numpy as np
import pytest

from mot_ros.data.annotated import Annotated
from mot_ros.data.datasets.crp import crp_places
from mot_ros.data.datasets.mot import MotRows, NO_ID
from mot_ros.evaluation.scores.ignore_regions import considered, without_ignored
from mot_ros.tracking.errors import SourceError

METADATA = {'data_path': 'videos/a', 'fps': 30.0, 'number_of_frames': 100,
            'resolution': {'width': 64, 'height': 48}}


def entity(
        frame: int | None, identity: object, box: object = (10, 5, 8, 20), **more: object
        ) -> dict[str, Any]:
    found = {'time': 0, 'id': identity, 'bb': list(box) if isinstance(box, tuple) else box,
             'labels': {'person': 1}, **more}
    return found if frame is None else {**found, 'blob': {'frame_idx': frame}}


def write(folder: Path, *entities: Any, name: str = 'a', **metadata: object) -> Path:
    file = folder / 'annotation' / 'anno.json'
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps({'metadata': {}, 'samples': {
        name: {'metadata': {**METADATA, **metadata}, 'entities': entities}}}))
    return file


def read(path: Path, *classes: str) -> Annotated:
    place, = crp_places(path, classes=classes)
    # a place must be able to go to another process
    return pickle.loads(pickle.dumps(place)).read()  # type: ignore[no-any-return]  # noqa: S301


def test_what_is_read(tmp_path: Path) -> None:
    # amodal boxes reach beyond the image; frames are not sorted; one has nothing but is annotated
    file = write(tmp_path, entity(60, 2), entity(30, 2, (-5.5, 5, 90, 20)), entity(30, -1),
                 entity(30, '-3'), entity(90, None, None), entity(None, 4, time=1000))
    sequence = read(tmp_path)
    assert (sequence.name, sequence.size, sequence.rate, sequence.length, sequence.rule) == (
        'a', (64, 48), 30.0, 100, 'crp')
    assert sequence.truth.frames.tolist() == [31, 31, 31, 31, 61]
    assert sequence.truth.ids.tolist() == [2, NO_ID, NO_ID, 4, 2]
    assert sequence.truth.values.tolist() == [1, 0, 0, 1, 1]
    assert sequence.truth.boxes[0].tolist() == [-5.5, 5, 84.5, 25]
    # annotated sparsely
    assert sequence.scored.tolist() == [31, 61, 91]
    assert sequence.open_images() is None
    assert set(sequence.checksums) == {'anno.json'}
    assert read(file).truth.ids.tolist() == sequence.truth.ids.tolist()


def test_names_for_ids_and_labels_to_score(tmp_path: Path) -> None:
    write(tmp_path, entity(0, 'Airplane1', labels={'intruder': 1}), entity(0, 'Helicopter1'),
          entity(1, 'Airplane1', labels={'intruder': 1}), entity(1, '7', labels=None), name='v/1')
    every = read(tmp_path)
    assert every.name == 'v-1'
    assert every.truth.ids.tolist() == [1, 2, 1, 3]
    some = read(tmp_path, 'intruder', 'dog')
    assert some.truth.ids.tolist() == [1, NO_ID, 1, NO_ID]
    assert some.truth.values.tolist() == [1, 0, 1, 0]


def test_images_lie_in_raw_data_or_where_one_says(tmp_path: Path) -> None:
    file = write(tmp_path, entity(0, 1), fps=10)
    frames = tmp_path / 'raw_data' / 'videos' / 'a'
    frames.mkdir(parents=True)
    cv2.imwrite(str(frames / '0.png'), np.zeros((48, 64, 3), np.uint8))
    source = read(tmp_path).open_images()
    assert source is not None
    assert (source.path, source.fps) == (frames, 10)
    elsewhere, = crp_places(file, tmp_path / 'raw_data')
    assert elsewhere.read().open_images() is not None
    nowhere, = crp_places(file, tmp_path)
    with pytest.raises(SourceError, match=r'videos/a does not exist; give the folder that data_p'):
        nowhere.read()


def test_a_sample_in_a_file_of_its_own(tmp_path: Path) -> None:
    file = write(tmp_path)
    (file.parent / 'anno').mkdir()
    (file.parent / 'anno' / 'a.json').write_text(json.dumps({'entities': [entity(3, 1)]}))
    file.write_text(json.dumps({'samples': {
        'a': {'metadata': METADATA, 'sample_file': 'a.json'}}}))
    assert read(file).truth.frames.tolist() == [4]
    (file.parent / 'anno' / 'a.json').unlink()
    with pytest.raises(SourceError, match=r'anno/a.json does not exist'):
        read(file)


def test_what_touches_a_region_a_little_is_neither_right_nor_wrong(tmp_path: Path) -> None:
    write(tmp_path, entity(0, 1, (0, 0, 10, 10)), entity(0, -1, (100, 0, 10, 10)))
    sequence = read(tmp_path)
    # overlaps with the region: 1, 2 / 8, just less, none; the one that hits a person stays
    boxes = np.array([[100, 0, 110, 10], [100, 0, 102.5, 8], [108, 0, 118, 10], [50, 0, 60, 10],
                      [0, 0, 10, 10]], np.float64)
    tracks = MotRows(np.ones(5), np.arange(5), boxes, np.ones(5))
    assert without_ignored(sequence, tracks).ids.tolist() == [2, 3, 4]
    assert considered(sequence).ids.tolist() == [1]
    # even if it is right, unlike in the other rules
    write(tmp_path, entity(0, 1, (0, 0, 10, 10)), entity(0, -1, (0, 0, 10, 4)))
    assert without_ignored(read(tmp_path), tracks).ids.tolist() == [0, 1, 2, 3]


GOOD = {'samples': {'a': {'metadata': METADATA, 'entities': [entity(0, 1), entity(1, 1)]}}}
Change = Callable[[dict[str, Any]], object]


@pytest.mark.parametrize(('change', 'complaint'), [
    (lambda all_: all_.clear(), r'anno.json has nothing, but no "samples" by name'),
    (lambda all_: all_.update(samples=[]), r'anno.json has samples, but no "samples" by name'),
    (lambda all_: all_['samples'].update(a=3), r"samples\['a'\] is 3; it must be an object with"),
    (lambda all_: all_['samples']['a'].pop('metadata'),
     r"samples\['a'\] needs an object 'metadata'; it has entities"),
    (lambda all_: all_['samples']['a'].pop('entities'), r"needs a list 'entities'; it has metad"),
    (lambda all_: all_['samples']['a'].update(entities={}), r"a list 'entities'; entities is {}"),
    (lambda all_: all_['samples']['a']['entities'].clear(), r'a: no box of the truth is to be'),
    (lambda all_: all_['samples']['a']['metadata'].update(fps=0),
     r"samples\['a'\].metadata.fps is 0; it must be above 0"),
    (lambda all_: all_['samples']['a']['metadata'].update(fps=float('nan')), r'fps is nan'),
    (lambda all_: all_['samples']['a']['metadata'].pop('number_of_frames'),
     r'metadata.number_of_frames is None; it must be a whole number from 1 to'),
    (lambda all_: all_['samples']['a']['metadata'].update(resolution={'width': 3}),
     r'metadata.resolution.height is None'),
    (lambda all_: all_['samples']['a']['entities'].append(5), r'entities\[2\] is 5; it must be a'),
    (lambda all_: all_['samples']['a']['entities'].append(entity(1, 1)),
     r'entities\[2\]: id 1 comes a second time in frame 1, first in .*entities\[1\]'),
    (lambda all_: all_['samples']['a']['entities'].append(entity(100, 1)),
     r'entities\[2\] is in frame 100, but the video has 100 frames, counted from 0'),
    (lambda all_: all_['samples']['a']['entities'].append(entity(-1, 1)),
     r'entities\[2\].blob.frame_idx is -1; it must be a whole number from 0 to'),
    (lambda all_: all_['samples']['a']['entities'].append(entity(None, 1, time='x')),
     r"entities\[2\] has no blob.frame_idx, and its time is 'x'"),
    (lambda all_: all_['samples']['a']['entities'].append(entity(2, None)),
     r'entities\[2\].id is None; it must be a whole number or a name'),
    (lambda all_: all_['samples']['a']['entities'].append(entity(2, 1, (1, 1, float('nan'), 2))),
     r'entities\[2\].bb is \[1, 1, nan, 2\]; it must be x, y, width and height'),
    (lambda all_: all_['samples']['a']['entities'].append(entity(2, 1, (1, 1, 0, 2))),
     r'entities\[2\].bb is \[1, 1, 0, 2\]'),
    (lambda all_: all_['samples']['a']['entities'].append(entity(2, 1, 'box')), r"bb is 'box'"),
])
def test_bad_json(tmp_path: Path, change: Change, complaint: str) -> None:
    content = copy.deepcopy(GOOD)
    change(content)
    file = tmp_path / 'anno.json'
    file.write_text(json.dumps(content))
    with pytest.raises(SourceError, match=complaint):
        read(tmp_path)


def test_no_such_file_or_none_of_json(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r'annotation/anno.json does not exist; give an anno.js'):
        crp_places(tmp_path)
    (tmp_path / 'anno.json').write_text('{')
    with pytest.raises(SourceError, match=r'anno.json is no JSON'):
        crp_places(tmp_path)
    (tmp_path / 'anno.json').write_text('[]')
    with pytest.raises(SourceError, match=r'anno.json holds \[\]; annotations are an object'):
        crp_places(tmp_path)

# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Settings of other trackers: refused, with the name and the value to write here."""

from pathlib import Path

import pytest

from mot_ros.tracking.config import METHODS, NodeSettings, Settings
from mot_ros.tracking.config.other_trackers import ELSEWHERE, FOREIGN
from mot_ros.tracking.config.params_file import parse_assignment, read_params_file
from mot_ros.tracking.config.schema import build, catalogue
from mot_ros.tracking.errors import ConfigError

KNOWN = catalogue(NodeSettings, 'accurate')


def complaint(values: dict[str, object]) -> str:
    with pytest.raises(ConfigError) as caught:
        build(NodeSettings, values)
    return str(caught.value)


@pytest.mark.parametrize(('values', 'wanted'), [
    ({'match_thresh': 0.8},
     'match_thresh is not a setting; match_thresh is a largest distance, 1 - IoU; write '
     'smiletrack.match_iou: 0.2'),
    ({'botsort.match_thresh': 0.7}, 'write botsort.match_iou: 0.3'),
    ({'method': 'smiletrack', 'match_thresh': 1}, 'write smiletrack.match_iou: 0.0'),
    ({'track_buffer': 30},
     'track_buffer counts frames; write smiletrack.lost_buffer: 1.0 (30 frames at 30 Hz'),
    ({'smiletrack.track_buffer': 25}, 'write smiletrack.lost_buffer: 0.833 (25 frames at 30 Hz'),
    ({'method': 'sort', 'track_buffer': 30}, 'track_buffer counts frames; write sort.max_age: 30'),
    ({'bytetrack.max_age': 60}, 'max_age counts frames; write bytetrack.lost_buffer: 2.0 (60 fr'),
    ({'botsort.proximity_thresh': 0.6}, 'in BoT-SORT; write botsort.proximity_iou: 0.4'),
    ({'track_thresh': 0.6}, 'write smiletrack.track_high_thresh: 0.6'),
    ({'method': 'botsort', 'new_track_thresh': 0.7}, 'write botsort.new_track_thresh'),
    ({'method': 'sort', 'iou_threshold': 0.3}, 'is a least IoU; write sort.match_iou: 0.3'),
    ({'deepsort.max_iou_distance': 0.7}, 'write deepsort.match_iou: 0.3'),
    ({'deepsort.max_cosine_distance': 0.2}, 'write deepsort.max_distance: 0.2'),
    ({'deepsort.nn_budget': 100}, 'write deepsort.budget: 100'),
    ({'deepsort.min_confidence': 0.3}, 'write deepsort.min_score: 0.3'),
    ({'tracker_type': 'botsort'}, 'write method'),
    ({'bytetrack.gmc_method': 'sparseOptFlow'}, 'write camera_motion.method: flow or ecc'),
])
def test_the_name_and_the_converted_value_are_stated(
        values: dict[str, object], wanted: str) -> None:
    assert wanted in complaint(values)


def test_a_value_that_is_no_number_is_not_converted() -> None:
    assert complaint({'match_thresh': 'high'}).endswith('; write smiletrack.match_iou')
    assert complaint({'track_buffer': [30]}).endswith('; write smiletrack.lost_buffer')


def test_a_name_without_a_counterpart_gets_the_nearest_names() -> None:
    assert 'write' not in complaint({'method': 'siammot', 'match_thresh': 0.8})


def test_files_and_assignments_are_converted_alike(tmp_path: Path) -> None:
    file = tmp_path / 'params.yaml'
    file.write_text('/**: {ros__parameters: {bytetrack: {match_thresh: 0.9}}}')
    assert 'write bytetrack.match_iou: 0.1' in complaint(read_params_file(file))
    assert 'write bytetrack.match_iou: 0.1' in complaint(
        dict([parse_assignment('bytetrack.match_thresh=0.9', KNOWN)]))


def test_what_is_advised_is_accepted() -> None:
    settings = build(Settings, {
        'bytetrack.match_iou': 0.2, 'bytetrack.lost_buffer': 1.0, 'botsort.proximity_iou': 0.4,
        'deepsort.max_distance': 0.2, 'deepsort.budget': 100, 'sort.max_age': 30})
    assert settings.bytetrack.match_iou == 0.2


def test_every_entry_leads_to_a_setting_and_hides_none() -> None:
    inner = {name.rpartition('.')[2] for name in KNOWN}
    for name, (_, replacements) in FOREIGN.items():
        assert any(f'{method}.{item.setting}' in KNOWN
                   for method in METHODS for item in replacements), name
    for name, text in ELSEWHERE.items():
        assert name not in inner
        assert text.removeprefix('write ').partition(':')[0] in KNOWN, name

# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

import dataclasses

import pytest

from mot_ros.tracking.config import ByteTrackSettings, NodeSettings, Settings
from mot_ros.tracking.config.schema import build, catalogue, flatten
from mot_ros.tracking.errors import ConfigError


def test_nothing_stated_gives_the_defaults():
    assert build(Settings, {}).bytetrack == ByteTrackSettings()


def test_a_preset_changes_defaults_and_yields_to_what_is_stated():
    fast = build(Settings, {'preset': 'fast'})
    assert fast.detector.width < build(Settings, {}).detector.width
    assert build(Settings, {'preset': 'fast', 'detector.width': 640}).detector.width == 640
    assert catalogue(Settings, 'fast')['detector.width'].default == fast.detector.width


@pytest.mark.parametrize('preset', Settings.presets)
def test_every_preset_is_valid_and_flatten_inverts_build(preset):
    settings = build(NodeSettings, {'preset': preset})
    assert build(NodeSettings, flatten(settings)) == settings


def test_every_default_passes_its_own_check_and_is_documented():
    for name, setting in catalogue(NodeSettings, 'accurate').items():
        assert setting.check(name, setting.default) == setting.default
        assert len(setting.help) > 10, name


@pytest.mark.parametrize('values, complaint', [
    ({'bytetrack.track_hgh': 0.5},
     r'bytetrack.track_hgh is not a setting; did you mean bytetrack.track_high_thresh'),
    ({'zzzzzz': 0.5}, 'zzzzzz is not a setting; see docs/parameters.md'),
    ({'preset': 'best'}, "preset is 'best'; choose one of accurate, fast"),
    ({'preset': 3}, 'preset is 3; it must be of type str'),
    ({'method': 'byte'}, "method is 'byte'; choose one of smiletrack, bytetrack, sort"),
    ({'bytetrack.track_high_thresh': 1.5},
     r'bytetrack.track_high_thresh is 1.5; it must lie in \[0, 1\]'),
    ({'bytetrack.track_high_thresh': float('nan')}, 'bytetrack.track_high_thresh is nan'),
    ({'bytetrack.lost_buffer': float('inf')}, 'bytetrack.lost_buffer is inf'),
    ({'bytetrack.track_high_thresh': '0.5'}, 'must be of type float'),
    ({'bytetrack.fuse_score': 1}, 'must be of type bool'),
    ({'sort.max_age': True}, 'must be of type int'),
    ({'sort.max_age': 1.0}, 'must be of type int'),
    ({'detector.classes': [1, 2]}, 'must be a list of strings'),
    ({'detector.classes': 'person'}, 'must be of type list of strings'),
    ({'bytetrack.track_low_thresh': 0.9}, 'must not decrease in this order'),
])
def test_a_bad_value_is_refused_with_name_value_and_remedy(values, complaint):
    with pytest.raises(ConfigError, match=complaint):
        build(Settings, values)


def test_whole_numbers_and_lists_are_taken_where_yaml_gives_them():
    settings = build(Settings, {'bytetrack.lost_buffer': 2, 'detector.classes': ['car']})
    assert settings.bytetrack.lost_buffer == 2.0
    assert isinstance(settings.bytetrack.lost_buffer, float)
    assert settings.detector.classes == ('car',)


def test_settings_cannot_be_changed_in_place():
    with pytest.raises(dataclasses.FrozenInstanceError):
        build(Settings, {}).bytetrack.track_high_thresh = 0.1


@pytest.mark.parametrize('preset', ['paper', 'code'])
@pytest.mark.parametrize('method', ['bytetrack', 'botsort', 'smiletrack'])
def test_published_thresholds_do_not_move_with_the_defaults(preset, method):
    stated = Settings.presets[preset]
    for name in ('track_high_thresh', 'track_low_thresh', 'new_track_thresh', 'lost_buffer',
                 'nominal_rate'):
        assert f'{method}.{name}' in stated
    assert {'bytetrack.match_iou', 'botsort.match_iou', 'smiletrack.match'} <= stated.keys()


@pytest.mark.parametrize('method', ['deepsort', 'botsort', 'smiletrack'])
def test_published_methods_see_given_boxes_in_the_image(method):
    given = {'method': method, 'detector.type': 'external'}
    assert build(Settings, given).appearance_type == 'none'
    assert build(Settings, {**given, 'preset': 'paper'}).appearance_type == 'colour'


def test_diagnostics_name_the_embedding():
    assert build(Settings, {}).embedding == 'colour'
    assert build(Settings, {'appearance.type': 'both'}).embedding == 'both slm-small'
    assert build(Settings, {'method': 'sort', 'appearance.type': 'slm'}).embedding == 'none'

# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""driving.launch.py and the parameter files for scenarios, which state what they change."""

from __future__ import annotations

from itertools import pairwise
import re

from parameter_files import COMMON, SCENARIOS, values_of
import pytest
from ros_bench import picture
from stand_ins import launch, ROOT
import yaml

from mot_ros.tracking.config import METHODS, NodeSettings
from mot_ros.tracking.config.schema import build, flatten
from mot_ros.tracking.errors import ConfigError

DRIVING = ROOT / 'launch' / 'driving.launch.py'
TRACKER = ROOT / 'launch' / 'tracker.launch.py'


def scenario(name):
    return values_of(ROOT / 'config' / f'{name}.yaml')


def test_the_arguments_are_those_of_the_tracker_and_of_the_video():
    driving, tracker = launch(DRIVING).arguments, launch(TRACKER).arguments
    assert list(driving) == [*tracker, 'video', 'rate']
    for name in tracker.keys() - {'method'}:
        assert driving[name] == tracker[name]
    assert driving['method'].choices == ['', *METHODS]
    assert 'siammot' in driving['method'].description


@pytest.mark.parametrize('method', ['', *METHODS])
def test_each_method_brings_its_file_for_driving(method):
    wanted = {'': 'siammot_crp', 'siammot': 'siammot_crp', 'smot': 'smot_driving',
              'smiletrack': 'smiletrack_driving'}.get(method, method)
    node, = launch(DRIVING, method=method).nodes
    *files, passed = node.parameters
    assert files == [str(ROOT / 'config' / f'{name}.yaml') for name in ('tracker', wanted)]
    assert passed['launch.method'] == method
    # so that an empty argument means that method
    assert values_of(ROOT / 'config' / f'{wanted}.yaml')['method'] == (method or 'siammot')


def test_a_file_of_ones_own_goes_over_that_of_the_scenario(tmp_path):
    mine = tmp_path / 'mine.yaml'
    with pytest.raises(ConfigError, match='which is no file'):
        launch(DRIVING, params_file=str(mine))
    mine.touch()
    node, = launch(DRIVING, params_file=str(mine), rcnn_weights='/w.pth').nodes
    *files, passed = node.parameters
    assert files[1:] == [str(ROOT / 'config' / 'siammot_crp.yaml'), str(mine)]
    assert (passed['launch.method'], passed['launch.rcnn.weights']) == ('', '/w.pth')


def test_all_else_is_as_with_the_tracker():
    given = {'image_topic': '/front/image', 'image_transport': 'compressed', 'queue': 'all',
             'namespace': 'front', 'log_level': 'debug', 'method': 'sort'}
    ours, theirs = launch(DRIVING, **given), launch(TRACKER, **given)
    assert ours.nodes == theirs.nodes
    assert ours.environment == theirs.environment


def test_a_video_plays_in_place_of_the_camera():
    tracker, camera = launch(
        DRIVING, video='/drive.mp4', rate='12', image_topic='/front', namespace='car').nodes
    assert (tracker.executable, camera.executable) == ('tracker', 'camera')
    assert dict(camera.remappings)['image'] == dict(tracker.remappings)['image'] == '/front'
    assert camera.namespace == tracker.namespace == 'car'
    assert camera.parameters == [
        {'source': '/drive.mp4', 'rate': 12.0, 'wait_for_subscribers': 1}]
    assert type(camera.parameters[0]['rate']) is float
    # everything ends with the video
    assert camera.on_exit.reason


def test_the_parameters_of_the_camera_are_ones_that_it_takes(ros_domain, tmp_path):
    rclpy = pytest.importorskip('rclpy')
    import cv2

    from mot_ros.ros.nodes.camera import CameraNode

    assert cv2.imwrite(str(tmp_path / '1.png'), picture())
    _, camera = launch(DRIVING, video=str(tmp_path), rate='5').nodes
    file = tmp_path / 'launched.yaml'
    file.write_text(yaml.safe_dump({'/**': {'ros__parameters': camera.parameters[0]}}))
    context = rclpy.context.Context()
    rclpy.init(context=context)
    started = CameraNode(context=context, cli_args=['--ros-args', '--params-file', str(file)])
    try:
        assert camera.parameters[0] == {
            name: started.get_parameter(name).value for name in camera.parameters[0]}
    finally:
        started.destroy_node()
        context.try_shutdown()


@pytest.mark.parametrize('name', SCENARIOS)
def test_a_scenario_states_what_differs_from_the_defaults_and_nothing_else(name):
    values = scenario(name)
    # also tells unknown names, wrong types and what is out of range
    settings = flatten(build(NodeSettings, values))
    defaults = flatten(NodeSettings())
    assert values == {
        key: list(value) if isinstance(value, tuple) else value
        for key, value in settings.items() if value != defaults[key] or key == 'method'}


@pytest.mark.parametrize('preset', NodeSettings.presets)
@pytest.mark.parametrize('name', SCENARIOS)
def test_a_scenario_goes_with_every_preset(name, preset):
    values = scenario(name)
    settings = flatten(build(NodeSettings, {**values, 'preset': preset}))
    assert {key: settings[key] for key in values} == values


@pytest.mark.parametrize('name', SCENARIOS)
def test_every_line_of_a_scenario_says_why(name):
    lines = (ROOT / 'config' / f'{name}.yaml').read_text(encoding='utf-8').splitlines()
    assert max(map(len, lines)) <= 99
    for before, line in pairwise(lines):
        if re.match(r' +(?!method)\w+: \S', line):
            assert before.lstrip().startswith('#'), line


def test_a_scenario_is_what_no_method_is_named():
    assert {'siammot_crp', 'smot_driving'} <= set(SCENARIOS)
    assert {file.stem for file in (ROOT / 'config').glob('*.yaml')} == {
        *METHODS, *SCENARIOS, COMMON, 'replay_qos'}
    assert not {*SCENARIOS} & {*METHODS}

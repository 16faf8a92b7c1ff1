# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""visualize.launch.py, and what rviz and Foxglove are given: topics and plugins that exist."""

from __future__ import annotations

import json
import re

import pytest
from stand_ins import launch, ROOT
import yaml

VISUALIZE = ROOT / 'launch' / 'visualize.launch.py'
RVIZ = ROOT / 'config' / 'tracks.rviz'
FOXGLOVE = ROOT / 'config' / 'tracks.foxglove.json'
DISPLAYS = {
    'rviz_default_plugins/Image': 'sensor_msgs/msg/Image',
    'rviz_default_plugins/Camera': 'sensor_msgs/msg/Image',
    'rviz_default_plugins/MarkerArray': 'visualization_msgs/msg/MarkerArray'}
"""Displays that we use, of those in rviz_default_plugins, and what they show."""
PANELS = {'rviz_common/Displays', 'rviz_common/Views', 'rviz_common/Time'}
TOOLS = {f'rviz_default_plugins/{name}' for name in (
    'FocusCamera', 'Measure', 'MoveCamera', 'Select')}
CALIBRATION = 'sensor_msgs/msg/CameraInfo'


def displays():
    return yaml.safe_load(RVIZ.read_text())['Visualization Manager']['Displays']


def panels():
    return json.loads(FOXGLOVE.read_text())['configById']


def paths():
    """Return every message path in the Foxglove layout."""
    return [path['value'] for panel in panels().values() for path in panel.get('paths', [])] + [
        panel['topicPath'] for panel in panels().values() if 'topicPath' in panel]


def topics():
    """Return what the two files show: topic to type."""
    found = {item['Topic']['Value']: DISPLAYS[item['Class']] for item in displays()}
    # rviz looks for it there
    found['/camera_info'] = CALIBRATION
    for panel in panels().values():
        mode = panel.get('imageMode', {})
        if 'imageTopic' in mode:
            packed = mode['imageTopic'].endswith('/compressed')
            found[mode['imageTopic']] = (
                f'sensor_msgs/msg/{"CompressedImage" if packed else "Image"}')
        if 'calibrationTopic' in mode:
            found[mode['calibrationTopic']] = CALIBRATION
        for topic, shown in panel.get('topics', {}).items():
            assert shown == {'visible': True}
            found[topic] = DISPLAYS['rviz_default_plugins/MarkerArray']
    found |= {re.match(r'[\w/]+', path).group(): 'diagnostic_msgs/msg/DiagnosticArray'
              for path in paths()}
    return found


def leaves(layout):
    if isinstance(layout, str):
        return [layout]
    assert layout['direction'] in ('row', 'column')
    return [*leaves(layout['first']), *leaves(layout['second'])]


def test_the_arguments():
    arguments = launch(VISUALIZE).arguments
    assert list(arguments) == [
        'image_topic', 'tracks_topic', 'camera_info_topic', 'image_transport', 'rectified',
        'namespace', 'use_sim_time', 'rviz', 'fixed_frame', 'log_level']
    for name in ('image_transport', 'rectified', 'use_sim_time'):
        assert arguments[name].default_value == '', 'not set must be empty'


def test_topics_and_names_reach_the_node():
    node, = launch(
        VISUALIZE, image_topic='/front/image_rect', tracks_topic='/t', namespace='front',
        log_level='debug').nodes
    assert (node.executable, node.name, node.namespace) == ('visualizer', 'visualizer', 'front')
    assert node.remappings == [
        ('image', '/front/image_rect'), ('tracks', '/t'), ('camera_info', '/front/camera_info')]
    assert node.arguments == ['--ros-args', '--log-level', 'debug']


@pytest.mark.parametrize('image, camera_info', [
    ('image', 'camera_info'), ('front/image_raw', 'front/camera_info'),
    ('/image', '/camera_info'), ('/a/b/image_raw', '/a/b/camera_info')])
def test_the_calibration_lies_beside_the_images(image, camera_info):
    node, = launch(VISUALIZE, image_topic=image).nodes
    assert dict(node.remappings)['camera_info'] == camera_info
    node, = launch(VISUALIZE, image_topic=image, camera_info_topic='/mine').nodes
    assert dict(node.remappings)['camera_info'] == '/mine'


@pytest.mark.parametrize('given, wanted', [
    ({}, ('raw', False, False)),
    ({'image_transport': 'compressed', 'rectified': 'true', 'use_sim_time': 'true'},
     ('compressed', True, True)),
    ({'image_transport': 'raw', 'rectified': 'false', 'use_sim_time': 'false'},
     ('raw', False, False))])
def test_arguments_become_parameters_of_the_node(ros_domain, tmp_path, given, wanted):
    rclpy = pytest.importorskip('rclpy')
    from mot_ros.ros.nodes.visualizer import VisualizerNode

    node, = launch(VISUALIZE, **given).nodes
    file = tmp_path / 'launched.yaml'
    file.write_text(yaml.safe_dump({'/**': {'ros__parameters': node.parameters[0]}}))
    context = rclpy.context.Context()
    rclpy.init(context=context)
    started = VisualizerNode(context=context, cli_args=['--ros-args', '--params-file', str(file)])
    try:
        assert wanted == tuple(started.get_parameter(name).value for name in (
            'image_transport', 'rectified', 'use_sim_time'))
    finally:
        started.destroy_node()
        context.try_shutdown()


def test_an_argument_that_is_left_empty_leaves_a_parameter_alone(ros_domain, tmp_path):
    rclpy = pytest.importorskip('rclpy')
    from mot_ros.ros.nodes.visualizer import VisualizerNode

    node, = launch(VISUALIZE).nodes
    mine = {'rectified': True, 'use_sim_time': True, 'image_transport': 'compressed'}
    file = tmp_path / 'both.yaml'
    file.write_text(yaml.safe_dump({'/**': {'ros__parameters': {**mine, **node.parameters[0]}}}))
    context = rclpy.context.Context()
    rclpy.init(context=context)
    started = VisualizerNode(context=context, cli_args=['--ros-args', '--params-file', str(file)])
    try:
        assert mine == {name: started.get_parameter(name).value for name in mine}
    finally:
        started.destroy_node()
        context.try_shutdown()


def test_rviz_opens_with_its_file_and_the_topics_of_the_user(monkeypatch, tmp_path):
    command = tmp_path / 'rviz2'
    command.write_text('#!/bin/sh\n')
    command.chmod(0o755)
    monkeypatch.setenv('PATH', str(tmp_path), prepend=':')
    assert len(launch(VISUALIZE).nodes) == 1

    launched = launch(
        VISUALIZE, rviz='true', image_topic='/front/image_raw', namespace='front',
        fixed_frame='front_optical', use_sim_time='true')
    _, rviz = launched.nodes
    assert (rviz.package, rviz.executable, rviz.namespace) == ('rviz2', 'rviz2', 'front')
    assert rviz.arguments[:4] == ['-d', str(RVIZ), '-f', 'front_optical']
    assert rviz.parameters == [{'use_sim_time': True}]
    # each topic of the file has its rule; relative ones end up in the namespace
    assert dict(rviz.remappings) == {
        '/image': '/front/image_raw', '/camera_info': '/front/camera_info',
        '/visualizer/debug_image': 'visualizer/debug_image',
        '/visualizer/markers': 'visualizer/markers'}
    assert {item['Topic']['Value'] for item in displays()} < set(dict(rviz.remappings))
    assert not launched.messages


def test_without_rviz_installed_a_message_says_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setenv('PATH', str(tmp_path))
    launched = launch(VISUALIZE, rviz='true')
    assert [node.executable for node in launched.nodes] == ['visualizer']
    assert 'rviz2 is not installed' in launched.messages[0]
    assert not launch(VISUALIZE).messages


def test_the_rviz_file_names_plugins_of_rviz2():
    content = yaml.safe_load(RVIZ.read_text())
    manager = content['Visualization Manager']
    assert {item['Class'] for item in content['Panels']} == PANELS
    assert {item['Class'] for item in manager['Tools']} == TOOLS
    assert manager['Views']['Current']['Class'] == 'rviz_default_plugins/Orbit'
    assert {item['Class'] for item in displays()} == set(DISPLAYS)
    assert manager['Global Options']['Fixed Frame'] == launch(
        VISUALIZE).arguments['fixed_frame'].default_value
    names = {item['Name'] for item in displays()}
    camera, = (item for item in displays() if item['Class'].endswith('/Camera'))
    assert set(camera['Visibility']) - {'Value'} == names - {camera['Name']}
    assert camera['Visibility']['Tracks'] is True
    for item in displays():
        assert item['Topic'].keys() == {
            'Depth', 'Durability Policy', 'History Policy', 'Reliability Policy', 'Value'}


def test_the_rviz_file_knows_the_namespaces_of_the_markers():
    pytest.importorskip('rclpy')
    from vision_msgs.msg import BoundingBox2D, Detection2D, Detection2DArray

    from mot_ros.localisation.camera_model import CameraModel
    from mot_ros.ros.markers import to_markers

    class Info:
        distortion_model, d, binning_x, binning_y = '', (), 0, 0
        width, height = 160, 120
        k = (100.0, 0, 80, 0, 100, 60, 0, 0, 1)
        p = (0.0,) * 12
        roi = type('Roi', (), dict.fromkeys(('x_offset', 'y_offset', 'width', 'height'), 0))

    array = to_markers(
        Detection2DArray(detections=[
            Detection2D(id='1', bbox=BoundingBox2D(size_x=20.0, size_y=40.0))]),
        CameraModel.of(Info(), rectified=False), 1.0)
    shown, = (item['Namespaces'] for item in displays() if 'Namespaces' in item)
    assert set(shown) == {marker.ns for marker in array.markers if marker.ns}


def test_every_panel_of_foxglove_has_its_place():
    content = json.loads(FOXGLOVE.read_text())
    assert sorted(leaves(content['layout'])) == sorted(content['configById'])
    assert {name.partition('!')[0] for name in content['configById']} == {
        'Image', 'Plot', 'RawMessages'}


def test_the_topics_shown_are_those_of_our_nodes(bench, start, start_tracker):
    from ros_bench import python
    from sensor_msgs.msg import Image
    from visualization_msgs.msg import MarkerArray

    tracker = start_tracker()
    node, = launch(VISUALIZE).nodes
    remaps = [part for a, b in node.remappings for part in ('-r', f'{a}:={b}')]
    visualizer = start(python(
        'mot_ros.ros.nodes.visualizer', '--ros-args', '-r', f'__node:={node.name}', *remaps))
    # so that it subscribes to what it needs
    bench.collect(Image, '/visualizer/debug_image')
    bench.collect(MarkerArray, '/visualizer/markers')

    def known():
        return {name: types for name, types in bench.node.get_topic_names_and_types()
                if bench.node.count_publishers(name) or bench.node.count_subscribers(name)}

    wanted = topics()
    assert len(wanted) == 6
    bench.until(lambda: known().keys() >= wanted.keys(), f'topics {wanted}', child=visualizer)
    assert {name: [kind] for name, kind in wanted.items()} == {
        name: known()[name] for name in wanted}
    # and the tracks get to it
    bench.until(lambda: bench.node.count_subscribers('/tracker/tracks'), 'its tracks')
    assert bench.node.count_subscribers('/tracker/label_info')

    bench.until(bench.status, 'diagnostics', child=tracker)
    for path in paths():
        assert '{name=="tracker: tracking"}' in path
        for key in re.findall(r'key=="([^"]+)"', path):
            float(bench.status()[key])

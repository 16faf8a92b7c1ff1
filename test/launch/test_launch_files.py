# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Launch files, parameter files and the Fast DDS profile: they fit the package as it is."""

from __future__ import annotations

import ast
import contextlib
import os
import re
import shutil
import signal
import subprocess
from xml.etree import ElementTree

from parameter_files import COMMON, KNOWN, names_in, SET_BY_PRESETS, text_of, values_of
import pytest
from stand_ins import launch, ROOT
import yaml

from mot_ros.tracking.config import METHODS, NodeSettings, Settings
from mot_ros.tracking.config.schema import build, flatten
from mot_ros.tracking.errors import ConfigError

FILES = sorted((ROOT / 'launch').glob('*.launch.py'))
TRACKER = ROOT / 'launch' / 'tracker.launch.py'
TRACKERS = ROOT / 'launch' / 'trackers.launch.py'
PROFILE = str(ROOT / 'config' / 'fastdds.xml')
VARIABLES = ('FASTDDS_DEFAULT_PROFILES_FILE', 'FASTRTPS_DEFAULT_PROFILES_FILE')
WRITTEN = (COMMON, *METHODS)
"""Parameter files that are made from the settings."""


def executables() -> dict[str, str]:
    """Return the console scripts of setup.py: name to 'module:function'."""
    tree = ast.parse((ROOT / 'setup.py').read_text())
    texts = [node.value for node in ast.walk(tree)
             if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    return dict(text.split(' = ') for text in texts if re.fullmatch(r'\w+ = [\w.]+:\w+', text))


def parameters_of(launched, tmp_path):
    """Return the settings that the real node makes of what was launched, and use_sim_time."""
    rclpy = pytest.importorskip('rclpy')
    from mot_ros.ros.parameters import Parameters

    arguments = ['--ros-args']
    for number, item in enumerate(launched.nodes[0].parameters):
        file = item
        if isinstance(item, dict):
            # launch_ros passes a dictionary as one more file
            file = tmp_path / f'{number}.yaml'
            file.write_text(yaml.safe_dump({'/**': {'ros__parameters': item}}))
        arguments += ['--params-file', str(file)]
    context = rclpy.context.Context()
    rclpy.init(context=context)
    node = rclpy.create_node('tracker', context=context, cli_args=arguments)
    try:
        settings = Parameters(node).read()
        return settings, node.get_parameter('use_sim_time').value
    finally:
        node.destroy_node()
        context.try_shutdown()


@pytest.mark.parametrize('path', FILES, ids=lambda path: path.name)
def test_every_argument_is_described_and_every_node_exists(path):
    launched = launch(path)
    for argument in launched.arguments.values():
        assert len(argument.description) > 10, argument
        assert argument.default_value is not None, argument
    for node in launched.nodes:
        assert node.package == 'mot_ros'
        module, _, function = executables()[node.executable].partition(':')
        tree = ast.parse((ROOT / (module.replace('.', '/') + '.py')).read_text())
        assert function in {
            item.name for item in tree.body if isinstance(item, ast.FunctionDef)}


def test_the_arguments_of_the_tracker():
    arguments = launch(TRACKER).arguments
    assert list(arguments) == [
        'method', 'preset', 'params_file', 'image_topic', 'image_transport', 'detections_topic',
        'namespace', 'device', 'weights', 'rcnn_weights', 'queue', 'use_sim_time', 'autostart',
        'exit_on_failure', 'respawn', 'log_level']
    assert arguments['method'].choices == ['', *METHODS]
    assert arguments['preset'].choices == ['', *Settings.presets]
    assert arguments['image_transport'].choices == ['', *KNOWN['image_transport'].choices]
    assert arguments['queue'].choices == ['', *KNOWN['queue'].choices]
    for name in ('method', 'preset', 'device', 'weights', 'rcnn_weights', 'queue',
                 'use_sim_time', 'autostart', 'exit_on_failure', 'image_transport'):
        assert arguments[name].default_value == '', 'not set must be empty'
    with pytest.raises(ValueError, match='method'):
        launch(TRACKER, method='centertrack')


def test_several_cameras_are_one_process_with_everything_that_one_has():
    node, = launch(
        TRACKERS, cameras='front, rear/left', namespace='robot', method='sort').nodes
    assert node.executable == 'trackers'
    assert (node.name, node.namespace) == (None, None), 'they would be those of every camera'
    assert node.arguments == [
        'robot/front', 'robot/rear/left', '--ros-args', '--log-level', 'info']
    assert node.remappings == [('image', 'image_raw'), ('detections', 'detections')]
    assert node.parameters == launch(TRACKER, method='sort').nodes[0].parameters

    alone = launch(TRACKERS)
    assert alone.nodes[0].arguments[0] == '/camera'
    assert list(alone.arguments) == ['cameras', *launch(TRACKER).arguments]
    assert launch(TRACKERS, image_topic='image').nodes[0].remappings[0] == ('image', 'image')


@pytest.mark.parametrize('method', ['', *METHODS])
def test_each_method_brings_its_file(method, tmp_path):
    files = [str(ROOT / 'config' / f'{name}.yaml') for name in (COMMON, method or 'smiletrack')]
    assert launch(TRACKER, method=method).nodes[0].parameters[:-1] == files
    mine = tmp_path / 'mine.yaml'
    with pytest.raises(ConfigError, match=r"params_file is '.*mine.yaml', which is no file"):
        launch(TRACKER, params_file=str(mine))
    mine.touch()
    given = launch(TRACKER, method=method, params_file=str(mine)).nodes[0].parameters
    assert given[:-1] == [*files, str(mine)]


def test_names_remaps_and_log_level_reach_the_node():
    node, = launch(
        TRACKER, image_topic='/front/image_raw', detections_topic='/yolo/boxes',
        namespace='front', log_level='debug').nodes
    assert (node.executable, node.name, node.namespace) == ('tracker', 'tracker', 'front')
    assert node.remappings == [('image', '/front/image_raw'), ('detections', '/yolo/boxes')]
    assert node.arguments == ['--ros-args', '--log-level', 'debug']
    # as it is without arguments: a relative topic remapped to itself
    assert launch(TRACKER).nodes[0].remappings == [
        ('image', 'image'), ('detections', 'detections')]


@pytest.mark.parametrize('path', [TRACKER, TRACKERS, ROOT / 'launch' / 'driving.launch.py'])
def test_a_process_that_ends_is_started_again_where_wanted(path):
    for given, wanted in (({}, False), ({'respawn': 'true'}, True)):
        node, = launch(path, **given).nodes
        assert (node.respawn, node.respawn_delay) == (wanted, 2.0)


def test_a_slip_of_the_pen_in_an_argument_is_reported(tmp_path):
    including = tmp_path / 'including.launch.py'
    including.write_text(f"""
from launch import LaunchDescription
from launch.actions import IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource
def generate_launch_description():
    return LaunchDescription([IncludeLaunchDescription(
        PythonLaunchDescriptionSource({str(TRACKER)!r}),
        launch_arguments=[('image_topc', '/a'), ('other', '1'), ('ros_namespace', 'x')])])
""")
    assert launch(including).messages == [
        'warning: there is no argument image_topc; did you mean image_topic?']


@pytest.mark.parametrize('path', FILES, ids=lambda path: path.name)
def test_no_argument_of_ours_is_taken_for_a_slip(path):
    assert not any('did you mean' in message for message in launch(path).messages)


def test_a_launch_file_is_included_twice_as_the_page_shows(tmp_path):
    page = (ROOT / 'docs' / 'launching.md').read_text(encoding='utf-8')
    including = tmp_path / 'twice.launch.py'
    including.write_text(re.search(r'```python\n(.*?)```', page, re.DOTALL).group(1))
    front, rear = launch(including).nodes
    assert (front.namespace, rear.namespace) == ('front', 'rear')
    assert dict(front.remappings)['image'] == '/front/image_raw'
    assert dict(rear.remappings)['image'] == '/rear/image_raw'
    # what the first was given does not leak into the second
    assert front.parameters[-1]['launch.method'] == 'sort'
    assert rear.parameters == launch(TRACKER).nodes[0].parameters


def test_every_parameter_passed_is_one_that_the_node_knows():
    from mot_ros.ros.parameter_overrides import LAUNCH_PREFIX

    passed = launch(TRACKER).nodes[0].parameters[-1]
    for name in passed:
        assert name.startswith(LAUNCH_PREFIX)
        assert name[len(LAUNCH_PREFIX):] in {*KNOWN, 'use_sim_time'}


def test_without_arguments_the_node_gets_the_defaults(ros_domain, tmp_path):
    assert parameters_of(launch(TRACKER), tmp_path) == (NodeSettings(), False)


def test_arguments_go_before_the_file_and_the_file_before_the_defaults(ros_domain, tmp_path):
    file = tmp_path / 'mine.yaml'
    file.write_text(
        '/**:\n  ros__parameters:\n    method: sort\n    device: cuda:1\n    use_sim_time: true\n'
        '    autostart: false\n    sort: {max_age: 7}\n    queue: all\n'
        '    image_transport: compressed\n')
    settings, sim_time = parameters_of(launch(TRACKER, params_file=str(file)), tmp_path)
    assert settings == build(NodeSettings, {
        'method': 'sort', 'device': 'cuda:1', 'autostart': False, 'sort.max_age': 7,
        'queue': 'all', 'image_transport': 'compressed'})
    assert sim_time is True

    settings, sim_time = parameters_of(launch(
        TRACKER, params_file=str(file), method='bytetrack', device='0', weights='/w.safetensors',
        rcnn_weights='/r.pth', use_sim_time='false', autostart='true', preset='fast',
        queue='latest', image_transport='raw'), tmp_path)
    assert settings == build(NodeSettings, {
        'method': 'bytetrack', 'device': '0', 'preset': 'fast', 'sort.max_age': 7,
        'detector.weights': '/w.safetensors', 'rcnn.weights': '/r.pth'})
    assert sim_time is False


def test_what_param_dump_gives_is_loaded_again(ros_domain, tmp_path):
    rclpy = pytest.importorskip('rclpy')
    from mot_ros.ros.parameters import Parameters

    wanted = build(NodeSettings, {
        'method': 'sort', 'preset': 'paper', 'sort.max_age': 7, 'detector.classes': []})
    context = rclpy.context.Context()
    rclpy.init(context=context)
    node = rclpy.create_node('tracker', context=context, cli_args=[
        '--ros-args', '-p', 'method:=sort', '-p', 'preset:=paper', '-p', 'sort.max_age:=7',
        '-p', 'detector.classes:=[]'])
    try:
        assert Parameters(node).read() == wanted
        dumped: dict[str, object] = {}
        for name, parameter in node._parameters.items():
            *groups, inner = name.split('.')
            place = dumped
            for group in groups:
                place = place.setdefault(group, {})
            value = parameter.value
            place[inner] = value if isinstance(value, (str, bool, int, float)) else list(value)
    finally:
        node.destroy_node()
        context.try_shutdown()
    assert 'use_sim_time' in dumped
    file = tmp_path / 'dumped.yaml'
    file.write_text(yaml.safe_dump({'/tracker': {'ros__parameters': dumped}}))
    assert parameters_of(launch(TRACKER, params_file=str(file)), tmp_path) == (wanted, False)


@pytest.mark.parametrize('preset', list(Settings.presets))
@pytest.mark.parametrize('method', METHODS)
def test_a_preset_works_with_the_files_that_come_along(ros_domain, tmp_path, method, preset):
    settings, _ = parameters_of(launch(TRACKER, method=method, preset=preset), tmp_path)
    assert settings == build(NodeSettings, {'method': method, 'preset': preset})


@pytest.mark.parametrize('mine', [None, *VARIABLES])
@pytest.mark.parametrize('distro, read', [
    ('humble', VARIABLES[1]), ('jazzy', VARIABLES[1]), ('kilted', VARIABLES[0]),
    ('', VARIABLES[0])])
def test_the_profile_is_set_unless_the_user_has_one(monkeypatch, distro, read, mine):
    monkeypatch.setenv('ROS_DISTRO', distro)
    environment = launch(TRACKER, environment={mine: '/mine.xml'} if mine else {}).environment
    assert environment[read] == ('/mine.xml' if mine else PROFILE)
    # a profile that is named twice is loaded twice, with complaints
    assert {name for name in VARIABLES if name in environment} == {read} | ({mine} - {None})


@pytest.mark.parametrize('file', WRITTEN)
def test_parameter_files_state_the_defaults_and_nothing_else(file):
    values = values_of(ROOT / 'config' / f'{file}.yaml')
    assert values.keys() == {*names_in(file), 'method'} - SET_BY_PRESETS
    method = {} if file == COMMON else {'method': file}
    assert flatten(build(NodeSettings, values)) == flatten(build(NodeSettings, method))


@pytest.mark.parametrize('file', WRITTEN)
def test_parameter_files_are_those_that_are_made_from_the_settings(file):
    text = (ROOT / 'config' / f'{file}.yaml').read_text(encoding='utf-8')
    assert text == text_of(file), 'write them anew: test/launch/parameter_files.py'


def test_every_setting_has_exactly_one_place_in_the_files():
    stated = []
    for file in WRITTEN:
        group = ''
        for line in (ROOT / 'config' / f'{file}.yaml').read_text(encoding='utf-8').splitlines():
            # a comment is prose or, with the name of a setting in front, a value
            found = re.fullmatch(r' {4}( {2})?(?:# )?(\w+):(.*)', line)
            if found and not found[1] and not found[3]:
                group = f'{found[2]}.'
            elif found and (group if found[1] else '') + found[2] in KNOWN:
                stated.append((group if found[1] else '') + found[2])
    once = [name for name in stated if name != 'method']
    assert sorted(once) == sorted(name for name in KNOWN if name != 'method')
    assert stated.count('method') == len(WRITTEN)


def test_the_profile_has_a_large_segment_and_a_way_to_other_machines():
    space = {'d': 'http://www.eprosima.com'}
    tree = ElementTree.parse(PROFILE)  # noqa: S314
    transports = {
        item.findtext('d:transport_id', namespaces=space): item
        for item in tree.iterfind('.//d:transport_descriptor', space)}
    kinds = {item.findtext('d:type', namespaces=space) for item in transports.values()}
    assert kinds == {'SHM', 'UDPv4'}
    assert {item.findtext('d:segment_size', namespaces=space)
            for item in transports.values()} == {'33554432', None}
    participant = tree.find('.//d:participant', space)
    assert participant.get('is_default_profile') == 'true'
    assert participant.findtext('.//d:useBuiltinTransports', namespaces=space) == 'false'
    used = {item.text for item in participant.iterfind('.//d:userTransports/*', space)}
    assert used == set(transports)


@pytest.mark.parametrize('path', FILES, ids=lambda path: path.name)
def test_the_genuine_launch_shows_and_starts_it(path, ros_domain):
    pytest.importorskip('launch_ros.actions')
    if not shutil.which('ros2'):
        pytest.skip('no ros2 command')
    shown = subprocess.run(
        ['ros2', 'launch', str(path), '--show-args'], capture_output=True, text=True, check=True)
    for name, argument in launch(path).arguments.items():
        assert f"'{name}'" in shown.stdout
        assert argument.description.split(';')[0] in shown.stdout
    process = subprocess.Popen(
        ['ros2', 'launch', str(path), 'autostart:=false'], stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, start_new_session=True)
    try:
        for line in process.stdout:
            if 'process started' in line:
                break
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=60)
        assert 'Traceback' not in rest
    finally:
        # the nodes too, which a killed launch leaves behind
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

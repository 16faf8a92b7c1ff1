# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Settings as ROS parameters."""

from __future__ import annotations

import math

import pytest

pytest.importorskip('rclpy')

import rclpy
from rclpy.context import Context
from rclpy.exceptions import ParameterNotDeclaredException
from rclpy.parameter import Parameter

from mot_ros.ros.parameter_overrides import is_ros_own
from mot_ros.ros.parameters import declare, describe, Parameters
from mot_ros.tracking.config import NodeSettings
from mot_ros.tracking.config.schema import build, catalogue, flatten, Setting
from mot_ros.tracking.errors import ConfigError

KNOWN = catalogue(NodeSettings, 'accurate')


@pytest.fixture
def make_node(ros_domain):
    context = Context()
    rclpy.init(context=context)
    nodes = []

    def make(*arguments, file=None, **overrides):
        given = ['--ros-args', *(['--params-file', str(file)] if file else []), *arguments]
        for name, value in overrides.items():
            given += ['-p', f'{name.replace("__", ".")}:={value}']
        nodes.append(rclpy.create_node('tracker', context=context, cli_args=given))
        return nodes[-1]

    yield make
    for node in nodes:
        node.destroy_node()
    context.try_shutdown()


def set_one(node, name, value):
    parameter = value if isinstance(value, Parameter) else Parameter(name, value=value)
    return node.set_parameters([parameter])[0]


def test_every_setting_is_declared_with_meaning_type_and_range(make_node):
    node = make_node()
    Parameters(node)
    for name, setting in KNOWN.items():
        descriptor = node.describe_parameter(name)
        assert descriptor.description.startswith(setting.help), name
        assert setting.unit in descriptor.description
        assert not descriptor.dynamic_typing
        assert not descriptor.read_only
        for choice in setting.choices:
            assert choice in descriptor.additional_constraints
        value = node.get_parameter(name).value
        assert (tuple(value) if isinstance(setting.default, tuple) else value) == setting.default
    limits = node.describe_parameter('bytetrack.track_high_thresh').floating_point_range[0]
    assert (limits.from_value, limits.to_value) == (0.0, 1.0)
    limits = node.describe_parameter('queue_depth').integer_range[0]
    assert (limits.from_value, limits.to_value) == (1, 1000000)


def test_a_setting_without_a_bound_on_one_side_can_be_declared(make_node):
    setting = Setting(0, 'x', minimum=0)
    limits = describe('x', setting).integer_range[0]
    assert (limits.from_value, limits.to_value) == (0, 2**63 - 1)
    assert declare(make_node(x=5), 'x', setting) == 5


def test_nothing_given_means_the_defaults(make_node):
    assert Parameters(make_node()).read() == NodeSettings()


def test_values_from_a_file_and_from_the_command_line(make_node, tmp_path):
    file = tmp_path / 'params.yaml'
    file.write_text(
        '/**:\n  ros__parameters:\n    method: sort\n    id_prefix: file\n'
        '    sort: {match_iou: 0.25}\n')
    settings = Parameters(make_node(file=file, id_prefix='line')).read()
    assert (settings.method, settings.sort.match_iou, settings.id_prefix) == ('sort', 0.25, 'line')


def test_a_whole_number_is_taken_for_a_float(make_node):
    node = make_node(bytetrack__new_track_thresh=1)
    assert Parameters(node).read().bytetrack.new_track_thresh == 1.0
    assert node.get_parameter('bytetrack.new_track_thresh').type_ == Parameter.Type.DOUBLE


def test_an_empty_list_of_classes_means_all(make_node):
    node = make_node(detector__classes='[]')
    assert Parameters(node).read().detector.classes == ()
    assert node.get_parameter('detector.classes').type_ == Parameter.Type.STRING_ARRAY


@pytest.mark.parametrize('name, value', [
    ('bytetrack.track_high_thresh', 'abc'), ('bytetrack.track_high_thresh', 1.5),
    ('bytetrack.track_high_thresh', '.nan'), ('bytetrack.track_high_thresh', True),
    ('method', 'centertrack'), ('device', 0), ('queue_depth', 0),
    ('queue_depth', 1.5), ('detector.classes', 'person'), ('preset', 'fats'),
    ('autostart', 'maybe')])
def test_a_wrong_value_is_told_by_read_and_can_be_repaired(make_node, name, value):
    node = make_node(**{name.replace('.', '__'): value})
    parameters = Parameters(node)
    for _ in range(2):
        with pytest.raises(ConfigError, match=name):
            parameters.read()
    default = KNOWN[name].default
    right = list(default) if isinstance(default, tuple) else default
    assert set_one(node, name, right).successful
    assert flatten(parameters.read())[name] == default


def test_values_that_contradict_each_other_can_be_repaired_one_by_one(make_node):
    node = make_node(bytetrack__track_low_thresh=0.9, bytetrack__track_high_thresh=0.2)
    parameters = Parameters(node)
    with pytest.raises(ConfigError, match='must not decrease'):
        parameters.read()
    assert set_one(node, 'bytetrack.track_low_thresh', 0.15).successful
    assert parameters.read().bytetrack.track_low_thresh == 0.15


def test_an_unknown_name_is_refused_with_the_nearest_ones(make_node):
    node = make_node(bytetrack__track_hihg_thresh=0.5, metod='sort')
    parameters = Parameters(node)
    with pytest.raises(ConfigError) as caught:
        parameters.read()
    for words in (
            'bytetrack.track_hihg_thresh', 'bytetrack.track_high_thresh', 'metod', 'method',
            'strict_parameters'):
        assert words in str(caught.value)
    with pytest.raises(ParameterNotDeclaredException):
        node.get_parameter('metod')
    assert set_one(node, 'strict_parameters', False).successful
    assert parameters.read().bytetrack == NodeSettings().bytetrack


def test_a_name_of_another_tracker_is_refused_with_ours_and_the_converted_value(make_node):
    node = make_node(method='botsort', match_thresh=0.8, bytetrack__track_buffer=30)
    with pytest.raises(ConfigError) as caught:
        Parameters(node).read()
    for words in ('write botsort.match_iou: 0.2', 'write bytetrack.lost_buffer: 1.0 (30 frames'):
        assert words in str(caught.value)


def test_what_ros_reads_itself_is_not_unknown(make_node):
    node = make_node(
        use_sim_time='true', start_type_description_service='false',
        **{'qos_overrides./parameter_events.publisher.depth': 10})
    Parameters(node).read()
    assert node.get_parameter('use_sim_time').value is True
    assert is_ros_own('diagnostic_updater.period')
    assert not is_ros_own('use_sim_timer')


def test_a_preset_changes_the_defaults_and_gives_way_to_what_is_stated(make_node):
    node = make_node(preset='fast', detector__height=640)
    settings = Parameters(node).read()
    assert settings == build(NodeSettings, {'preset': 'fast', 'detector.height': 640})
    assert settings.detector.width != NodeSettings().detector.width
    assert node.get_parameter('detector.width').value == settings.detector.width


def test_a_preset_chosen_later_changes_what_nobody_stated(make_node):
    node = make_node(detector__height=640)
    parameters = Parameters(node)
    parameters.read()
    assert set_one(node, 'preset', 'fast').successful
    settings = parameters.read()
    assert settings.detector.width == build(NodeSettings, {'preset': 'fast'}).detector.width
    assert settings.detector.height == 640
    assert node.get_parameter('detector.width').value == settings.detector.width
    # and back again
    assert set_one(node, 'preset', 'accurate').successful
    assert parameters.read().detector.width == NodeSettings().detector.width


def test_launch_arguments_go_before_the_file_unless_empty(make_node, tmp_path):
    file = tmp_path / 'params.yaml'
    file.write_text(
        '/**:\n  ros__parameters:\n    method: sort\n    device: cpu\n    autostart: true\n')
    node = make_node(file=file, **{
        'launch.method': "''", 'launch.device': "'0'", 'launch.autostart': "'false'",
        'launch.use_sim_time': "'true'", 'launch.detector.weights': "''"})
    settings = Parameters(node).read()
    assert (settings.method, settings.device, settings.autostart) == ('sort', '0', False)
    assert settings.detector.weights == NodeSettings().detector.weights
    assert node.get_parameter('use_sim_time').value is True


def test_launch_arguments_are_validated_like_the_rest(make_node):
    with pytest.raises(ConfigError, match="autostart is 'perhaps'"):
        Parameters(make_node(**{'launch.autostart': "'perhaps'"})).read()
    with pytest.raises(ConfigError, match='methd is not a setting'):
        Parameters(make_node(**{'launch.methd': 'sort'})).read()


def test_an_empty_string_is_not_set(make_node):
    assert Parameters(make_node(method="''", device="''")).read() == NodeSettings()


@pytest.mark.parametrize('name, value', [
    ('bytetrack.track_high_thresh', 1.5), ('bytetrack.track_high_thresh', math.nan),
    ('bytetrack.track_high_thresh', 'x'),
    ('method', 'centertrack'), ('method', 3), ('queue_depth', 0),
    ('detector.classes', Parameter('detector.classes', Parameter.Type.NOT_SET))])
def test_a_wrong_value_is_refused_at_run_time_and_changes_nothing(make_node, name, value):
    node = make_node()
    parameters = Parameters(node)
    result = set_one(node, name, value)
    assert not result.successful
    assert result.reason
    assert parameters.read() == NodeSettings()


@pytest.fixture
def locked(make_node):
    node = make_node()
    parameters = Parameters(node)
    parameters.lock(parameters.read(), lambda settings: None)
    return node, parameters


def test_while_locked_what_is_fixed_is_refused_with_reason_and_remedy(locked):
    node, parameters = locked
    for name, setting in KNOWN.items():
        if not setting.fixed:
            continue
        other = (not setting.default if isinstance(setting.default, bool)
                 else setting.default + 1 if isinstance(setting.default, int)
                 else setting.default / 2 if isinstance(setting.default, float)
                 else next((one for one in setting.choices if one != setting.default), 'x'))
        result = set_one(node, name, other)
        assert not result.successful
        for words in (name, setting.fixed, 'deactivate'):
            assert words in result.reason
        assert setting.fixed in node.describe_parameter(name).additional_constraints
        assert set_one(node, name, setting.default).successful, 'nothing changes'
    assert parameters.changed() is None
    # ROS's own go on
    assert set_one(node, 'use_sim_time', True).successful
    parameters.unlock()
    assert set_one(node, 'queue', 'all').successful


def test_while_locked_a_change_is_given_out_once(locked):
    node, parameters = locked
    assert set_one(node, 'method', 'sort').successful
    assert set_one(node, 'bytetrack.new_track_thresh', 0.8).successful
    settings = parameters.changed()
    assert settings == build(NodeSettings, {'method': 'sort', 'bytetrack.new_track_thresh': 0.8})
    assert parameters.changed() is None
    # there and back is no change
    assert set_one(node, 'id_prefix', 'x').successful
    assert set_one(node, 'id_prefix', '').successful
    assert parameters.changed() is None


def test_while_locked_the_settings_must_be_right_as_a_whole(locked):
    node, parameters = locked
    result = set_one(node, 'bytetrack.track_high_thresh', 0.9)
    assert not result.successful
    assert 'must not decrease' in result.reason
    assert node.set_parameters_atomically([
        Parameter('bytetrack.track_high_thresh', value=0.9),
        Parameter('bytetrack.new_track_thresh', value=0.95)]).successful
    assert parameters.changed().bytetrack.track_high_thresh == 0.9


def test_a_change_that_the_node_cannot_make_is_refused_or_taken_back(make_node):
    node = make_node()
    parameters = Parameters(node)
    in_use = parameters.read()

    def check(settings):
        if settings.mask:
            raise ConfigError('no such file')

    parameters.lock(in_use, check)
    assert set_one(node, 'mask', 'x').reason == 'no such file'
    assert set_one(node, 'method', 'sort').successful
    assert parameters.changed().method == 'sort'
    parameters.restore(in_use)
    assert node.get_parameter('method').value == in_use.method
    assert parameters.changed() is None


def test_an_atomic_change_with_one_wrong_value_changes_nothing(make_node):
    node = make_node()
    parameters = Parameters(node)
    result = node.set_parameters_atomically([
        Parameter('method', value='sort'), Parameter('queue', value='some')])
    assert not result.successful
    assert "'some'" in result.reason
    assert parameters.read() == NodeSettings()


def test_declare_for_small_nodes(make_node):
    node = make_node(rate=7, name='x')
    assert declare(node, 'rate', Setting(0.0, 'rate', 'Hz', minimum=0.0)) == 7.0
    assert declare(node, 'other', Setting(False, 'other')) is False
    assert node.describe_parameter('rate').read_only
    with pytest.raises(ConfigError, match="name is 'x'"):
        declare(node, 'name', Setting('a', 'name', choices=('a', 'b')))

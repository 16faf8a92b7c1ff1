# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""locator.launch.py, and the page of the locator with its parameters."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from stand_ins import launch, ROOT
import yaml

from mot_ros.tracking.errors import ConfigError
from test.parameter_table import _code, _range

LOCATOR = ROOT / 'launch' / 'locator.launch.py'
PAGE = ROOT / 'docs' / 'locator.md'
BEGIN, END = '<!-- parameters -->\n', '<!-- end of parameters -->\n'


def parameters_of(given, tmp_path, **file):
    """Return the settings that the real node makes of launch arguments and a parameter file."""
    rclpy = pytest.importorskip('rclpy')
    pytest.importorskip('tf2_msgs.msg')
    from mot_ros.ros.nodes.locator import LocatorNode

    if file:
        own = tmp_path / 'own.yaml'
        own.write_text(yaml.safe_dump({'/**': {'ros__parameters': file}}))
        given = {**given, 'params_file': str(own)}
    node, = launch(LOCATOR, **given).nodes
    arguments = ['--ros-args']
    for number, item in enumerate(node.parameters):
        path = Path(item) if isinstance(item, str) else tmp_path / f'{number}.yaml'
        if isinstance(item, dict):
            path.write_text(yaml.safe_dump({'/**': {'ros__parameters': item}}))
        arguments += ['--params-file', str(path)]
    context = rclpy.context.Context()
    rclpy.init(context=context)
    started = LocatorNode(context=context, cli_args=arguments)
    try:
        return {name: started.get_parameter(name).value for name in (
            'target_frame', 'ground_frame', 'depth', 'rectified', 'use_sim_time', 'follow.id',
            'pitch_sigma')}
    finally:
        started.destroy_node()
        context.try_shutdown()


def test_topics_reach_the_node():
    node, = launch(LOCATOR, tracks_topic='/t', depth_topic='/d', namespace='front').nodes
    assert (node.executable, node.name, node.namespace) == ('locator', 'locator', 'front')
    assert node.remappings == [
        ('tracks', '/t'), ('camera_info', 'camera_info'), ('depth', '/d')]
    with pytest.raises(ConfigError, match='which is no file'):
        launch(LOCATOR, params_file='/no/such.yaml')


def test_arguments_go_before_the_file_and_the_file_before_the_defaults(ros_domain, tmp_path):
    defaults = parameters_of({}, tmp_path)
    assert defaults == {
        'target_frame': 'odom', 'ground_frame': 'base_footprint', 'depth': False,
        'rectified': False, 'use_sim_time': False, 'follow.id': '', 'pitch_sigma': 1.0}
    file = {'target_frame': 'map', 'depth': True, 'pitch_sigma': 0.5, 'follow.id': '4',
            'use_sim_time': True}
    assert parameters_of({}, tmp_path, **file) == {**defaults, **file}
    given = {'target_frame': 'world', 'depth': 'false', 'follow_id': '7',
             'use_sim_time': 'false', 'rectified': 'true'}
    assert parameters_of(given, tmp_path, **file) == {
        **defaults, 'target_frame': 'world', 'follow.id': '7', 'pitch_sigma': 0.5,
        'rectified': True}


def table() -> str:
    """Return the parameters of the locator as a Markdown table."""
    from mot_ros.ros.locating.settings import LocatorSettings

    rows = ['| parameter | default | range | meaning |', '|---|---|---|---|']

    def add(kind, prefix=''):
        for item in dataclasses.fields(kind):
            known = item.metadata.get('setting')
            if known is None:
                add(item.default_factory,
                    '' if item.name == 'placement' else f'{item.name}.')
            else:
                rows.append(f'| `{prefix}{item.name}` | {_code(known.default)} | '
                            f'{_range(known)} | {known.help} |')

    add(LocatorSettings)
    return '\n'.join(rows) + '\n'


def test_the_page_has_the_parameters_as_they_are():
    pytest.importorskip('rclpy')
    _, _, rest = PAGE.read_text(encoding='utf-8').partition(BEGIN)
    assert rest.partition(END)[0] == table(), f'replace the table by\n{table()}'

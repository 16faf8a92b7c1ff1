# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Parameter files in ROS's form, and name=value."""

from pathlib import Path

import pytest

from mot_ros.tracking.config import METHODS, NodeSettings, Settings
from mot_ros.tracking.config.params_file import parse_assignment, read_params_file
from mot_ros.tracking.config.schema import build, catalogue
from mot_ros.tracking.errors import ConfigError

CONFIG = Path(__file__).resolve().parents[3] / 'config'
KNOWN = catalogue(NodeSettings, 'accurate')


def read(tmp_path: Path, text: str, **more: str) -> dict[str, object]:
    path = tmp_path / 'params.yaml'
    path.write_text(text, encoding='utf-8')
    return read_params_file(path, **more)


def test_nested_and_dotted_names(tmp_path: Path) -> None:
    assert read(tmp_path, """
/**:
  ros__parameters:
    method: sort
    detector:
      width: 320
      classes: [person, car]
    detector.height: 240
    sort.min_score: 0.4
""") == {
        'method': 'sort', 'detector.width': 320, 'detector.classes': ['person', 'car'],
        'detector.height': 240, 'sort.min_score': 0.4}


def test_later_and_matching_sections_win(tmp_path: Path) -> None:
    text = """
/**: {ros__parameters: {method: sort, queue: all}}
/front/tracker: {ros__parameters: {method: bytetrack}}
ns:
  tracker: {ros__parameters: {preset: fast}}
/visualizer: {ros__parameters: {line_width: 3}}
"""
    assert read(tmp_path, text) == {'method': 'bytetrack', 'queue': 'all', 'preset': 'fast'}
    assert read(tmp_path, text, node='visualizer')['line_width'] == 3


def test_parameters_of_every_ros_node_are_left_out(tmp_path: Path) -> None:
    assert read(tmp_path, """
/**:
  ros__parameters:
    use_sim_time: true
    qos_overrides: {/image: {subscription: {depth: 5}}}
    start_type_description_service: false
    device: cpu
""") == {'device': 'cpu'}


@pytest.mark.parametrize(('text', 'value'), [
    ('1e-1', 0.1), ('1E1', 10.0), ('2.5e-1', 0.25), ('0.5', 0.5), ('7', 7), ("'1e-1'", '1e-1'),
    ('-3e2', -300.0)])
def test_numbers_are_read_as_ros_reads_them(tmp_path: Path, text: str, value: object) -> None:
    got = read(tmp_path, f'/**: {{ros__parameters: {{x: {text}}}}}')['x']
    assert got == value
    assert type(got) is type(value)


@pytest.mark.parametrize(('text', 'complaint'), [
    ('method: sort', 'has no ros__parameters'),
    ('', 'has no ros__parameters'),
    ('[1, 2]', 'has no ros__parameters'),
    ('a: [', 'is not valid YAML'),
    ('/**: {ros__parameters: 5}', 'is 5; it must hold names'),
    ('/camera: {ros__parameters: {a: 1}}', 'for /camera, but none for /\\*\\* or tracker'),
    ('/**: {ros__parameters: {detector: {width: }}}', 'detector.width has no value'),
    ('/**: {ros__parameters: {a: !!python/object/apply:os.getcwd []}}', 'is not valid YAML'),
])
def test_bad_files_are_named(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=rf'params\.yaml.*{complaint}'):
        read(tmp_path, text)


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r'none\.yaml cannot be read'):
        read_params_file(tmp_path / 'none.yaml')


def test_empty_section_changes_nothing(tmp_path: Path) -> None:
    assert read(tmp_path, '/**: {ros__parameters: }') == {}


@pytest.mark.parametrize('method', METHODS)
def test_every_method_has_its_file_and_that_is_valid(method: str) -> None:
    settings = build(NodeSettings, read_params_file(CONFIG / f'{method}.yaml'))
    assert settings.method == method


@pytest.mark.parametrize(('text', 'name', 'value'), [
    ('detector.width=512', 'detector.width', 512),
    (' bytetrack.track_high_thresh = 0.4 ', 'bytetrack.track_high_thresh', 0.4),
    ('bytetrack.track_high_thresh=1', 'bytetrack.track_high_thresh', 1.0),
    ('amodal=TRUE', 'amodal', True),
    ('bytetrack.class_aware=false', 'bytetrack.class_aware', False),
    ('detector.classes=person, car', 'detector.classes', ('person', 'car')),
    ('detector.classes=', 'detector.classes', ()),
    ('id_prefix=', 'id_prefix', ''),
    ('device=cuda:1', 'device', 'cuda:1'),
    ('id_prefix=a=b', 'id_prefix', 'a=b'),
])
def test_assignment_is_read_in_the_type_of_the_setting(
        text: str, name: str, value: object) -> None:
    got = parse_assignment(text, KNOWN)
    assert got == (name, value)
    assert type(got[1]) is type(value)


@pytest.mark.parametrize(('text', 'complaint'), [
    ('detector.width', 'write name=value'),
    ('=5', 'write name=value'),
    ('detector.width=wide', "detector.width is 'wide'; it must be of type int"),
    ('detector.width=5.5', 'must be of type int'),
    ('bytetrack.track_high_thresh=x', 'must be of type float'),
    ('amodal=1', 'must be true or false'),
])
def test_bad_assignment_is_named(text: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        parse_assignment(text, KNOWN)


def test_unknown_name_is_left_to_the_validator() -> None:
    name, value = parse_assignment('detector.widht=5', KNOWN)
    with pytest.raises(ConfigError, match=r'detector\.widht is not a setting; did you mean'):
        build(Settings, {name: value})

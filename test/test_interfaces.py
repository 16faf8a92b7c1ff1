# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""The installed message packages are the ones that other machines talk in."""

import importlib.util
import os
from pathlib import Path
import shutil
import sys

import pytest

vision_msgs = pytest.importorskip('vision_msgs.msg')
serialization = pytest.importorskip('rclpy.serialization')
typesys = pytest.importorskip('rosbags.typesys')

ROOT = Path(__file__).resolve().parents[1]
# Of vision_msgs 4.1 and tf2_msgs as ROS 2 distributes them.
REAL_HASHES = {
    'vision_msgs/msg/Detection2DArray':
        '214274120007f4a683866481336b70310268cfa107aebe9d594a6acf75bda968',
    'vision_msgs/msg/Detection3DArray':
        '793f5eab9595ac1c0da07873cc859db42eae51f0ee76056db8562515d830e018',
    'vision_msgs/msg/LabelInfo':
        '3d37df4015cdf660cc851c51897f2acd957e1ca6205ba0a99aebffb9406b0783',
    'tf2_msgs/msg/TFMessage':
        'e369d0f05a23ae52508854b66f6aa0437f3449d652e8cbf22d5abe85d020f087',
}
TRACK_FIELDS = {
    'id': 'string',
    'state': 'uint8',
    'class_id': 'string',
    'score': 'float',
    'visibility': 'float',
    'bbox': 'vision_msgs/BoundingBox2D',
    'velocity_x': 'float',
    'velocity_y': 'float',
    'age': 'float',
    'time_since_seen': 'float',
}


def installed_definitions(package):
    """Return the folder of the .msg files of an installed package."""
    prefixes = [*os.environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep), sys.prefix]
    folders = [Path(prefix, 'share', package, 'msg') for prefix in prefixes if prefix]
    return next(folder for folder in folders if folder.is_dir())


def type_hash(message):
    """Compute a type hash from the installed definitions, independently of rosidl."""
    package = message.partition('/')[0]
    pytest.importorskip(f'{package}.msg')
    store = typesys.get_typestore(typesys.Stores.EMPTY)
    known = typesys.get_typestore(typesys.Stores.ROS2_KILTED)
    store.register({name: known.fielddefs[name] for name in known.fielddefs
                    if not name.startswith(f'{package}/')})
    for file in installed_definitions(package).glob('*.msg'):
        store.register(typesys.get_types_from_msg(
            file.read_text(), f'{package}/msg/{file.stem}'))
    return store.hash_rihs01(message)


def there_and_back(message):
    raw = serialization.serialize_message(message)
    return serialization.deserialize_message(raw, type(message))


@pytest.fixture
def interfaces():
    """Load scripts/interfaces.py, which is no package's module."""
    spec = importlib.util.spec_from_file_location('interfaces', ROOT / 'scripts/interfaces.py')
    module = importlib.util.module_from_spec(spec)
    sys.modules['interfaces'] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules['interfaces']


@pytest.mark.parametrize('message', REAL_HASHES)
def test_type_hashes_are_those_of_the_real_package(message):
    assert type_hash(message) == f'RIHS01_{REAL_HASHES[message]}'


def test_generated_hashes_are_checked_against_the_same_values(interfaces):
    real = {name: f'RIHS01_{hash_}' for name, hash_ in REAL_HASHES.items()}
    assert real == interfaces.EXPECTED_HASHES


def test_detection_fields():
    detection = vision_msgs.Detection2D(id='7')
    detection.bbox.center.position.x = 3.5
    detection.bbox.center.position.y = 4.5
    detection.bbox.center.theta = 0.5
    detection.bbox.size_x, detection.bbox.size_y = 10.0, 20.0
    result = vision_msgs.ObjectHypothesisWithPose()
    result.hypothesis.class_id = '1'
    result.hypothesis.score = 0.25
    detection.results.append(result)
    array = vision_msgs.Detection2DArray()
    array.header.frame_id = 'camera'
    array.header.stamp.sec = 12
    array.detections.append(detection)

    copy = there_and_back(array)

    assert copy == array
    assert copy.detections[0].id == '7'
    assert copy.detections[0].bbox.center.position.x == 3.5
    assert copy.detections[0].results[0].hypothesis.class_id == '1'


def test_label_info_fields():
    info = vision_msgs.LabelInfo(threshold=0.5)
    info.class_map.append(vision_msgs.VisionClass(class_id=1, class_name='person'))
    assert there_and_back(info) == info


def test_track_fields():
    mot_ros_msgs = pytest.importorskip('mot_ros_msgs.msg')
    track = mot_ros_msgs.Track(id='7', state=mot_ros_msgs.Track.LOST, class_id='1', score=0.5)
    track.visibility = 0.25
    track.bbox.size_x = 10.0
    track.velocity_x, track.velocity_y = -2.0, 4.0
    track.age, track.time_since_seen = 1.5, 0.125
    array = mot_ros_msgs.TrackArray(tracks=[track])
    array.header.frame_id = 'camera'

    assert there_and_back(array) == array
    assert track.get_fields_and_field_types() == TRACK_FIELDS


def test_track_states():
    track = pytest.importorskip('mot_ros_msgs.msg').Track
    assert (track.TENTATIVE, track.CONFIRMED, track.LOST) == (0, 1, 2)


def test_dependencies_are_read_from_the_definitions(interfaces):
    assert interfaces.Package('mot_ros_msgs', ROOT / 'msg').dependencies == [
        'geometry_msgs', 'service_msgs', 'std_msgs', 'vision_msgs']


def test_a_changed_definition_is_refused(interfaces, tmp_path):
    """A changed name changes the hash: nothing is compiled or installed."""
    folder = Path(shutil.copytree(ROOT / 'scripts/vision_msgs/msg', tmp_path / 'msg'))
    file = folder / 'Detection2D.msg'
    file.write_text(file.read_text().replace('string id', 'string tracking_id'))
    package = interfaces.Package('vision_msgs', folder)
    if not package.marker.exists():
        pytest.skip('vision_msgs was not made by scripts/interfaces.py here')
    before = package.marker.read_text()

    with pytest.raises(interfaces.InterfaceError, match='type hash'):
        interfaces.build_package(package)

    assert package.marker.read_text() == before


def test_a_compiler_error_is_shown(interfaces, tmp_path):
    source = tmp_path / 'vision_msgs' / 'broken.c'
    source.parent.mkdir()
    source.write_text('int main(void) { return nonsense; }')
    with pytest.raises(interfaces.InterfaceError, match='nonsense'):
        interfaces.compile_source(source, source.parent)


def test_a_missing_compiler_is_named(interfaces):
    with pytest.raises(interfaces.InterfaceError, match='sudo apt-get install g'):
        interfaces.run('no-such-compiler')

# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""What the tracker node is made of."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest

pytest.importorskip('rclpy')

from mot_ros.ros.pipeline import loading
from mot_ros.ros.pipeline.engine import Engine
from mot_ros.ros.pipeline.loading import check_change, checksum, load_detector, load_tracker
from mot_ros.tracking.config import BOX_METHODS, NodeSettings, Settings
from mot_ros.tracking.config.schema import build
from mot_ros.tracking.errors import ConfigError
from test.tracking.scenes import ScriptedDetector


def test_a_machine_without_torch_is_told_what_to_install():
    code = (
        'import sys; sys.modules["torch"] = None\n'
        'from mot_ros.ros.pipeline.loading import load_detector\n'
        'from mot_ros.tracking.config import Settings\n'
        'load_detector(Settings())\n')
    ended = subprocess.run(
        [sys.executable, '-c', code], capture_output=True, text=True, check=False)
    assert 'ConfigError' in ended.stderr
    assert 'pip install torch' in ended.stderr


@pytest.mark.parametrize('method', BOX_METHODS)
def test_the_method_of_the_settings_is_made(method):
    tracker = load_tracker(build(Settings, {'method': method}), detector=None)
    assert type(tracker._method).__name__.lower() == method


def test_external_detections_need_no_torch():
    code = (
        'import sys; sys.modules["torch"] = None\n'
        'from mot_ros.ros.pipeline.loading import checksum, load_detector, load_tracker\n'
        'from mot_ros.tracking.config import NodeSettings\n'
        'from mot_ros.tracking.config.schema import build\n'
        'settings = build(NodeSettings, {"detector.type": "external"})\n'
        'load_tracker(settings, load_detector(settings))\n'
        'assert checksum(settings) == "external detections"\n')
    subprocess.run([sys.executable, '-c', code], check=True)


def test_the_model_is_told_by_name_and_checksum(tmp_path):
    assert checksum(NodeSettings()) == 'nanodet-coco sha256:aca36a6b4214'
    path = tmp_path / 'own.safetensors'
    path.write_bytes(b'abc')
    settings = build(NodeSettings, {'detector.weights': str(path)})
    assert checksum(settings) == f'{path} sha256:ba7816bf8f01'
    path.unlink()
    assert checksum(settings) == str(path)


class OfTwoClasses(ScriptedDetector):
    class_names = ('person', 'dog')


def test_what_a_detector_could_not_change_to_is_a_fault():
    engine = Engine(NodeSettings(), lambda _: OfTwoClasses(), load_tracker)
    for values in ({'detector.classes': ['dragon']}, {'mask': '/nowhere.png'}):
        with pytest.raises(ConfigError, match=r'dragon|nowhere'):
            check_change(build(NodeSettings, values), engine)
    check_change(build(NodeSettings, {'detector.classes': []}), engine)
    # the names are only known to the sender
    check_change(build(NodeSettings, {'detector.type': 'external'}), engine)
    # the classes of another kind of detector are not known yet
    check_change(build(NodeSettings, {'method': 'siammot', 'detector.classes': ['cat']}), engine)


def test_smot_is_refused_where_the_detector_has_no_raw_outputs():
    external = build(NodeSettings, {'detector.type': 'external'})
    engine = Engine(external, load_detector, load_tracker)
    wanted = build(NodeSettings, {'detector.type': 'external', 'method': 'smot'})
    with pytest.raises(ConfigError, match='method smot needs the raw outputs'):
        check_change(wanted, engine)
    engine.settings = build(NodeSettings, {'method': 'smot', 'detector.type': 'ssd'})
    for values in ({'roi.x': 5, 'roi.width': 90, 'roi.height': 90}, {'detector.tile_columns': 2}):
        with pytest.raises(ConfigError, match='one tile, no roi'):
            check_change(build(NodeSettings, {
                'method': 'smot', 'detector.type': 'ssd', **values}), engine)


def test_a_mask_that_is_not_read_in_time_is_refused(monkeypatch):
    never = threading.Event()
    engine = Engine(NodeSettings(), lambda _: OfTwoClasses(), load_tracker)
    monkeypatch.setattr(loading, 'MASK_SECONDS', .05)
    monkeypatch.setattr(
        'mot_ros.tracking.detectors.wrappers.region.read_mask', lambda path: never.wait(20))
    with pytest.raises(ConfigError, match=r'mask /dead/mount.png: it was not read within 0.05 s'):
        check_change(build(NodeSettings, {'mask': '/dead/mount.png'}), engine)
    never.set()
    # one that is in use is not read for every other change
    engine.settings = build(NodeSettings, {'mask': '/dead/mount.png'})
    never.clear()
    check_change(build(NodeSettings, {'mask': '/dead/mount.png', 'amodal': True}), engine)

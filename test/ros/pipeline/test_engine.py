# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""What turns frames into tracks, while its settings change."""

from __future__ import annotations

import types

import pytest

pytest.importorskip('rclpy')

from mot_ros.ros.pipeline import engine as engine_module
from mot_ros.ros.pipeline.engine import changes, Engine
from mot_ros.tracking.config import NodeSettings
from mot_ros.tracking.config.schema import build
from mot_ros.tracking.errors import ConfigError
from mot_ros.tracking.methods import make_tracker
from test.tracking.scenes import ScriptedDetector


class Maker:
    """Makes detectors, counts them and may fail."""

    def __init__(self):
        self.made = []
        self.broken = False

    def __call__(self, settings):
        if self.broken:
            raise ConfigError('no memory')
        self.made.append(ScriptedDetector())
        return self.made[-1]


def of(**values):
    return build(NodeSettings, {name.replace('__', '.'): value for name, value in values.items()})


def test_a_detector_is_made_anew_only_for_its_own_settings():
    make = Maker()
    engine = Engine(of(), make, make_tracker)
    for settings in (of(bytetrack__match_iou=0.3), of(method='sort'), of(id_prefix='x')):
        engine.configure(settings)
        assert engine.settings is settings
    assert len(make.made) == 1
    for number, settings in enumerate(
            (of(detector__nms_iou=0.4), of(roi__x=5), of(mask='m.png')), 2):
        engine.configure(settings)
        assert len(make.made) == number
        assert engine.detector is make.made[-1]


@pytest.mark.parametrize('kind, runs', [('cpu', 1), ('cuda', 2)])
def test_on_a_gpu_graphs_are_captured_before_the_first_frame(monkeypatch, kind, runs):
    class Detector(ScriptedDetector):
        device = types.SimpleNamespace(type=kind)
        warmed = 0

        def warm_up(self):
            self.warmed += 1

    told = []
    monkeypatch.setattr(engine_module.sys, 'setswitchinterval', told.append)
    monkeypatch.setattr(engine_module.gc, 'freeze', lambda: told.append('frozen'))
    engine = Engine(of(), lambda settings: Detector(), make_tracker)
    assert engine.detector.warmed == runs
    assert told == ([engine_module.SWITCH_INTERVAL, 'frozen'] if kind == 'cuda' else [])


def test_what_cannot_be_made_changes_nothing():
    make = Maker()
    before = of()
    engine = Engine(before, make, make_tracker)
    detector, tracker = engine.detector, engine.tracker
    make.broken = True
    with pytest.raises(ConfigError, match='no memory'):
        engine.configure(of(detector__nms_iou=0.4, sequence__zero_stamp='receive_time'))
    assert (engine.settings, engine.detector, engine.tracker) == (before, detector, tracker)
    assert engine.guard.judge(None, (10, 10), '').reason == 'zero stamp'

    def fails(settings, detector):
        raise RuntimeError('no')

    make.broken = False
    tracker.configure = fails
    with pytest.raises(RuntimeError):
        engine.configure(of(detector__nms_iou=0.4))
    assert (engine.settings, engine.detector) == (before, detector)


def test_differences_are_told_in_one_line():
    assert changes(of(), of()) == ''
    assert changes(of(), of(method='sort', detector__classes=[])) == (
        "method 'smiletrack' -> 'sort', detector.classes ('person',) -> ()")

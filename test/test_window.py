# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Showing tracks in a window, and what is said where there can be none."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from mot_ros import window
from mot_ros.cli import main
from mot_ros.tracking.errors import ConfigError


@pytest.fixture
def frames(tmp_path: Path) -> Path:
    """Make five images."""
    folder = tmp_path / 'frames'
    folder.mkdir()
    for number in range(5):
        cv2.imwrite(str(folder / f'{number}.png'), np.full((48, 64, 3), 50 * number, np.uint8))
    return folder


def test_missing_display_is_said_before_the_work(
        frames: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ('DISPLAY', 'WAYLAND_DISPLAY', 'QT_QPA_PLATFORM'):
        monkeypatch.delenv(name, raising=False)
    assert main(['track', str(frames), '--show']) == 2
    # a headless build of OpenCV fails for its own reason
    assert 'error: no window can be opened' in (error := capsys.readouterr().err) or (
        'built without windows' in error)
    assert 'write a video with --output' in error


@pytest.mark.parametrize(('probe', 'sentence'), [
    ("raise SystemExit('cv2.error: The function is not implemented. Rebuild')",
     'built without windows'),
    ("raise SystemExit('qt.qpa.xcb: could not connect to display :7')",
     'could not connect to display :7'),
    ('import os; os.abort()', 'no reason given')])
def test_reasons(probe: str, sentence: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(window, 'PROBE', probe)
    with pytest.raises(ConfigError, match=sentence):
        window.check_display()


def test_q_ends_the_show(
        frames: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    shown: list[np.ndarray] = []
    keys = iter([-1, -1, ord('q')])
    monkeypatch.setattr(window, 'PROBE', 'pass')
    monkeypatch.setattr(cv2, 'namedWindow', lambda *_: None)
    monkeypatch.setattr(cv2, 'resizeWindow', lambda *_: None)
    monkeypatch.setattr(cv2, 'imshow', lambda _, image: shown.append(image.copy()))
    monkeypatch.setattr(cv2, 'waitKey', lambda _: next(keys))
    monkeypatch.setattr(cv2, 'getWindowProperty', lambda *_: 1.0)
    closed: list[str] = []
    monkeypatch.setattr(cv2, 'destroyWindow', closed.append)
    text = frames.parent / 'tracks.txt'
    assert main(['track', str(frames), '--show', '--preset', 'fast', '--mot', str(text)]) == 0
    assert [int(image[0, 0, 0]) for image in shown] == [0, 50, 100]
    assert closed == ['mot_ros']
    assert 'frames    3 of 5' in capsys.readouterr().out
    assert text.exists()


def test_closing_the_window_ends_the_show(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ('namedWindow', 'resizeWindow', 'imshow'):
        monkeypatch.setattr(cv2, name, lambda *_: None)
    monkeypatch.setattr(window, 'check_display', lambda: None)
    monkeypatch.setattr(cv2, 'waitKey', lambda _: -1)
    monkeypatch.setattr(cv2, 'getWindowProperty', lambda *_: 0.0)
    assert not window.Window().show(np.zeros((4, 4, 3), np.uint8))

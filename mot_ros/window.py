# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""A window of OpenCV that shows images while they are made."""

from __future__ import annotations

import contextlib
import subprocess
import sys

import cv2
import numpy as np
from numpy.typing import NDArray

from mot_ros.tracking.errors import ConfigError

QUIT = (ord('q'), ord('Q'), 27)
"""Keys that end the show; 27 is Escape."""
PROBE = 'import cv2; cv2.namedWindow("mot_ros"); cv2.waitKey(1)'
PROBE_TIMEOUT = 20.0


class Window:
    """Shows images; ConfigError where OpenCV can open no window."""

    def __init__(self, name: str = 'mot_ros') -> None:
        check_display()
        self._name = name
        cv2.namedWindow(name, cv2.WINDOW_NORMAL)
        self._resized = False

    def show(self, image: NDArray[np.uint8]) -> bool:
        """Show an image (H, W, 3) BGR; return False once the user wants to end."""
        if not self._resized:
            cv2.resizeWindow(self._name, image.shape[1], image.shape[0])
            self._resized = True
        cv2.imshow(self._name, image)
        if cv2.waitKey(1) & 0xFF in QUIT:
            return False
        return cv2.getWindowProperty(self._name, cv2.WND_PROP_VISIBLE) >= 1

    def close(self) -> None:
        """Close the window."""
        with contextlib.suppress(cv2.error):
            cv2.destroyWindow(self._name)


def check_display() -> None:
    """Raise ConfigError where no window can be opened."""
    # in a process of its own: Qt ends the process that finds no display
    try:
        probe = subprocess.run(
            [sys.executable, '-c', PROBE], capture_output=True, text=True, check=False,
            timeout=PROBE_TIMEOUT)
        complaint = '' if probe.returncode == 0 else probe.stderr or 'no reason given'
    except subprocess.TimeoutExpired:
        complaint = f'no window within {PROBE_TIMEOUT:g} s'
    if 'not implemented' in complaint:
        raise ConfigError(
            'this OpenCV was built without windows (opencv-python-headless?), so nothing can be '
            'shown: pip install opencv-python in its place, or write a video with --output')
    if complaint:
        raise ConfigError(
            f'no window can be opened ({complaint.strip().splitlines()[0]}); is DISPLAY set? '
            'Over ssh use "ssh -X", or write a video with --output')

# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""cv_bridge converts encodings that are unknown here, and only those."""

from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip('rclpy')

from sensor_msgs.msg import Image

from mot_ros.data.image_reading import ImageError
from mot_ros.ros import bridge
from mot_ros.ros.bridge import to_bgr

COLOURS = np.arange(60, dtype=np.uint8).reshape(4, 5, 3)
DEPTH = np.array([[0, 500, 1000], [2000, 4000, 65535]], np.uint16)


def message(encoding, pixels):
    step = pixels.nbytes // len(pixels)
    return Image(
        height=pixels.shape[0], width=pixels.shape[1], encoding=encoding, step=step,
        data=pixels.tobytes())


def test_cv_bridge_gets_only_what_is_unknown_here(monkeypatch):
    asked = []

    def imgmsg_to_cv2(given, encoding):
        asked.append((given.encoding, encoding))
        if given.encoding == 'yuv444':
            return np.full((given.height, given.width, 3), 9, np.uint8)
        if given.encoding == 'deep':
            return np.zeros((given.height, given.width), np.uint16)
        raise RuntimeError('not a known\nencoding')

    monkeypatch.setattr(bridge, '_bridge', lambda: SimpleNamespace(imgmsg_to_cv2=imgmsg_to_cv2))
    to_bgr(message('bgr8', COLOURS))
    for encoding in ('8UC3', '8UC'):
        with pytest.raises(ImageError, match='set encoding to'):
            to_bgr(message(encoding, COLOURS))
    assert asked == []
    assert (to_bgr(message('yuv444', COLOURS)) == 9).all()
    with pytest.raises(ImageError, match=r'nor to cv_bridge \(not a known encoding'):
        to_bgr(message('hsv', COLOURS))
    with pytest.raises(ImageError, match='cv_bridge makes uint16'):
        to_bgr(message('deep', COLOURS))
    monkeypatch.setattr(bridge, '_bridge', lambda: None)
    with pytest.raises(ImageError, match='not installed'):
        to_bgr(message('hsv', COLOURS))
    assert asked == [('yuv444', 'bgr8'), ('hsv', 'bgr8'), ('deep', 'bgr8')]


def test_both_decoders_agree_where_cv_bridge_is_installed():
    """Compare with the real one; ROS 2 brings it, PyPI has only a broken build for ROS 1."""
    real = pytest.importorskip('cv_bridge').CvBridge()
    four = np.dstack([COLOURS, COLOURS[:, :, :1]])
    pixels = {
        'mono8': COLOURS[:, :, 0], 'mono16': DEPTH, 'bgr8': COLOURS, 'rgb8': COLOURS,
        'bgra8': four, 'rgba8': four}
    for encoding, values in pixels.items():
        given = message(encoding, np.ascontiguousarray(values))
        # 16 bits are divided by 257 there and by 256 here
        difference = to_bgr(given).astype(int) - real.imgmsg_to_cv2(given, 'bgr8')
        assert abs(difference).max() <= (1 if encoding == 'mono16' else 0), encoding

# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Markers: where the corners of boxes lie on the plane in front of the camera."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

pytest.importorskip('rclpy')

from sensor_msgs.msg import CameraInfo, RegionOfInterest
from std_msgs.msg import Header
from vision_msgs.msg import Detection2D, Detection2DArray
from visualization_msgs.msg import Marker

from mot_ros.drawing import colour_of
from mot_ros.localisation.camera_model import CameraInfoError, CameraModel
from mot_ros.ros.conversion import to_stamp
from mot_ros.ros.markers import label_places, outlines, to_markers

K = [700.0, 0.0, 650.0, 0.0, 710.0, 350.0, 0.0, 0.0, 1.0]
P = [600.0, 0.0, 630.0, 0.0, 0.0, 610.0, 365.0, 0.0, 0.0, 0.0, 1.0, 0.0]
LENSES = {
    'plumb_bob': [-0.35, 0.12, 0.001, -0.0007, -0.01],
    'rational_polynomial': [2.5, 1.2, 0.0003, -0.0002, 0.05, 2.8, 1.9, 0.3],
    'equidistant': [0.05, -0.01, 0.003, -0.001]}
BOXES = np.array([
    [5.0, 8.0, 300.0, 700.0], [600.0, 300.0, 660.0, 420.5], [1000.0, 20.0, 1275.0, 715.0]])
ZERO = np.zeros(3)


def camera_info(lens='', d=(), **fields):
    return CameraInfo(
        width=1280, height=720, distortion_model=lens, d=list(d), k=K, p=P, **fields)


def model(*arguments, rectified=False, **fields):
    return CameraModel.of(camera_info(*arguments, **fields), rectified=rectified)


def project(lens, points):
    """Return the pixels (N, 2) of points of the plane; 0 is the middle of the first pixel."""
    space = np.concatenate([points.reshape(-1, 2), np.ones((points.size // 2, 1))], 1)[:, None]
    k, d = np.array(K).reshape(3, 3), np.array(LENSES[lens])
    functions = cv2.fisheye.projectPoints if lens == 'equidistant' else cv2.projectPoints
    return functions(space, ZERO, ZERO, k, d)[0].reshape(-1, 2)


def tracks(*identities, boxes=BOXES):
    message = Detection2DArray(header=Header(stamp=to_stamp(5.25), frame_id='optical'))
    for name, (x1, y1, x2, y2) in zip(identities, boxes.tolist(), strict=False):
        detection = Detection2D(id=name)
        detection.bbox.center.position.x, detection.bbox.center.position.y = (
            (x1 + x2) / 2, (y1 + y2) / 2)
        detection.bbox.size_x, detection.bbox.size_y = x2 - x1, y2 - y1
        message.detections.append(detection)
    return message


def corners_of(boxes):
    return boxes[:, [[0, 1], [2, 1], [2, 3], [0, 3]]]


def test_without_distortion_corners_follow_k():
    rings = outlines(BOXES, model())
    assert rings.shape == (3, 4, 2)
    # the middle of the first pixel is half a pixel from its edge
    wanted = (corners_of(BOXES) - 0.5 - [650, 350]) / [700, 710]
    np.testing.assert_allclose(rings, wanted, atol=1e-12)


def test_rectified_images_follow_p_with_its_baseline():
    info = camera_info('plumb_bob', LENSES['plumb_bob'])
    info.p[3] = -60.0
    camera = CameraModel.of(info, rectified=True)
    rings = outlines(BOXES, camera)
    space = np.concatenate([rings.reshape(-1, 2), np.ones((12, 2))], 1)
    seen = space @ np.array(info.p).reshape(3, 4).T
    np.testing.assert_allclose(
        seen[:, :2] / seen[:, 2:], corners_of(BOXES).reshape(-1, 2) - 0.5, atol=1e-9)


@pytest.mark.parametrize('lens', LENSES)
def test_what_the_lens_bends_comes_back_to_the_box(lens):
    rings = outlines(BOXES, model(lens, LENSES[lens]))
    assert rings.shape[1] > 4, 'sides are bent, so corners alone do not do'
    back = project(lens, rings).reshape(3, -1, 2) + 0.5
    step = rings.shape[1] // 4
    np.testing.assert_allclose(back[:, ::step], corners_of(BOXES), atol=0.1)
    # each other point is on a side
    for ring, box in zip(back, BOXES, strict=True):
        aside = np.abs(np.concatenate([ring - box[:2], ring - box[2:]], 1)).min(1)
        assert aside.max() < 0.1
    # and it is no coincidence: the straight camera has them elsewhere
    without = outlines(BOXES, model())
    assert np.abs(rings[:, ::step] - without).max() > 0.01


def test_binning_and_region_lead_back_to_the_whole_sensor():
    part = model(binning_x=2, binning_y=4, roi=RegionOfInterest(x_offset=40, y_offset=80))
    pixels = np.array([[10.0, 20.0], [0.0, 0.0]])
    np.testing.assert_allclose(
        part.rays(pixels), model().rays(pixels * [2, 4] + [40, 80]), atol=1e-12)


def test_what_no_lens_sees_is_left_out():
    lens = model('equidistant', LENSES['equidistant'])
    far = np.array([[-9000.0, 300.0, 660.0, 420.0]])
    assert np.isnan(lens.rays(np.array([[-9000.0, 300.0], [np.nan, 3.0]]))).all()
    array = to_markers(tracks('1', boxes=far), lens, 1.0)
    points = [(point.x, point.y) for marker in array.markers for point in marker.points]
    assert points
    assert np.isfinite(points).all()


@pytest.mark.parametrize('lens, d', [
    ('plumb_bob', [0.1]), ('rational_polynomial', [0.1] * 5), ('equidistant', []),
    ('magic', [0.1] * 5), ('plumb_bob', [float('nan')] * 5)])
def test_an_unknown_lens_is_refused(lens, d):
    with pytest.raises(CameraInfoError, match=f'distortion_model is {lens!r}'):
        model(lens, d)
    # for rectified images it does not matter
    assert model(lens, d, rectified=True).straight


@pytest.mark.parametrize('lens, d', [
    ('', []), ('plumb_bob', []), ('plumb_bob', [0.0] * 5), ('rational_polynomial', [0.0] * 8),
    ('none', [0.0])])
def test_a_lens_that_bends_nothing_needs_no_model(lens, d):
    assert model(lens, d).straight


@pytest.mark.parametrize('rectified', [True, False])
def test_a_camera_without_calibration_is_refused(rectified):
    with pytest.raises(CameraInfoError, match='not calibrated'):
        CameraModel.of(CameraInfo(width=640, height=480), rectified=rectified)


def test_an_array_clears_what_was_and_adds_boxes_and_ids():
    message = tracks('front7', 'front8', '9')
    first, boxes, *texts = to_markers(message, model(), 1.5).markers
    assert first.action == Marker.DELETEALL
    assert (boxes.type, boxes.action, boxes.ns) == (Marker.LINE_LIST, Marker.ADD, 'boxes')
    assert len(boxes.points) == len(boxes.colors) == 3 * 4 * 2
    assert {point.z for point in boxes.points} == {1.0}
    ends = np.array([(point.x, point.y) for point in boxes.points]).reshape(3, 4, 2, 2)
    np.testing.assert_allclose(ends[:, :, 0], outlines(BOXES, model()))
    np.testing.assert_array_equal(ends[:, :, 1], np.roll(ends[:, :, 0], -1, axis=1))

    assert [text.text for text in texts] == ['front7', 'front8', '9']
    assert {text.type for text in texts} == {Marker.TEXT_VIEW_FACING}
    for row, number in enumerate((7, 8, 9)):
        colours = [texts[row].color, *boxes.colors[row * 8:row * 8 + 8]]
        for colour in colours:
            assert [round(255 * value) for value in (colour.b, colour.g, colour.r, colour.a)] == [
                *colour_of(number), 255]
    for marker in (boxes, *texts):
        assert marker.header == message.header
        assert (marker.lifetime.sec, marker.lifetime.nanosec) == (1, 500_000_000)
        assert marker.pose.orientation.w == 1.0
    # rviz complains of names that come twice
    names = [(marker.ns, marker.id) for marker in (first, boxes, *texts)]
    assert len(set(names)) == len(names)


def test_no_tracks_only_clear():
    marker, = to_markers(tracks(), model(), 1.0).markers
    assert marker.action == Marker.DELETEALL
    assert marker.header.frame_id == 'optical'


def test_labels_are_above_the_boxes_and_within_the_image():
    boxes = np.array([[100.0, 200, 140, 300], [100.0, -20, 140, 300], [100.0, 4, 140, 300]])
    rows = project_straight(label_places(boxes, model()))
    np.testing.assert_allclose(rows[:, 0], 120, atol=1e-6)
    assert 150 < rows[0, 1] < 200
    assert 0 < rows[1, 1] < 50
    assert 4 < rows[2, 1] < 50


def project_straight(points):
    return points * [700, 710] + [650, 350] + 0.5

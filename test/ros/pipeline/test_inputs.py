# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Images of every kind into a tracker process, over real DDS."""

from __future__ import annotations

import array
import itertools

import cv2
import numpy as np
import pytest

pytest.importorskip('rclpy')

from ros_bench import BEST_EFFORT, camera_image, ids_of, picture, RELIABLE, stamps_of
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

from mot_ros.ros.conversion import to_stamp

STEP = 1 / 30
BOX = (20, 30, 50, 90)


def header_at(stamp):
    return Header(stamp=to_stamp(stamp), frame_id='camera')


def packed(stamp, *boxes, kind='.jpg'):
    """Return such an image as camera_image makes, compressed."""
    content = cv2.imencode(kind, picture(*boxes))[1]
    message = CompressedImage(header=header_at(stamp), format=f'bgr8; {kind[1:]} compressed bgr8')
    message.data = array.array('B', content.tobytes())
    return message


class PackedCamera:
    """Publishes what it is given as a compressed image; for Bench.connected."""

    def __init__(self, bench, topic, qos=RELIABLE):
        self._publisher = bench.node.create_publisher(CompressedImage, topic, qos)
        self.get_subscription_count = self._publisher.get_subscription_count

    def publish(self, message):
        if isinstance(message, Image):
            message = packed(message.header.stamp.sec + message.header.stamp.nanosec * 1e-9)
        self._publisher.publish(message)


def test_compressed_images_on_the_remapped_topic(bench, start_tracker):
    child = start_tracker('image:=/front/image_raw', queue='all', image_transport='compressed')
    camera, tracks = PackedCamera(bench, '/front/image_raw/compressed'), bench.tracks()
    bench.connected(child, camera, tracks)
    for number, kind in enumerate(['.jpg', '.png'] * 3):
        camera.publish(packed(100 + number * STEP, BOX, kind=kind))
    bench.until(lambda: len(tracks) == 6, 'tracks', child=child)
    assert [ids_of(message) for message in tracks] == [['1']] * 6
    assert tracks[-1].header == packed(100 + 5 * STEP).header
    box = tracks[-1].detections[0].bbox
    assert (box.center.position.x, box.size_y) == pytest.approx((35, 60), abs=2)


def test_bombs_and_ruins_cost_one_frame_each(bench, start_tracker):
    child = start_tracker(queue='all', image_transport='compressed')
    camera, tracks = PackedCamera(bench, 'image/compressed'), bench.tracks()
    bench.connected(child, camera, tracks)
    whole = bytes(packed(0.0, BOX).data)
    bomb = bytearray(whole)
    place = bomb.index(b'\xff\xc0')
    bomb[place + 5:place + 9] = (60000).to_bytes(2, 'big') * 2
    camera.publish(packed(100.0, BOX))
    ruins = [bytes(bomb), whole[:len(whole) // 2], b'not a picture', b'']
    for number, content in enumerate(ruins, 1):
        message = packed(100 + number * STEP)
        message.data = array.array('B', content)
        camera.publish(message)
    depth = packed(100 + 5 * STEP)
    depth.format = '16UC1; compressedDepth'
    camera.publish(depth)
    camera.publish(packed(100 + 6 * STEP, BOX))
    bench.until(lambda: len(tracks) == 2, 'tracks after the bad ones', child=child)
    assert ids_of(tracks[-1]) == ['1']
    status = bench.next_status()
    assert [status[f'dropped: {reason}'] for reason in (
        'too large', 'truncated', 'data', 'encoding')] == ['1', '1', '2', '1']
    assert bench.count('frames in', status) == 7
    assert status['level'] in '01'
    for words in ('60000x60000', 'breaks off', 'not a pi', 'compressedDepth'):
        assert words in child.text


def test_the_other_transport_is_found_and_named(bench, start_tracker):
    child = start_tracker('image:=/front/image', silence=2.0)
    camera = PackedCamera(bench, '/front/image/compressed')
    bench.until(lambda: 'no image for 2 s' in child.text, 'the warning', child=child)
    assert 'image_transport:=compressed' in child.text
    assert camera is not None


def test_every_raw_encoding_is_tracked(bench, start_tracker):
    # the plain test of decoding says which pixel is which; here: that the node takes them
    child = start_tracker(queue='all', **{'range.high': 65535.0})
    camera, tracks = bench.camera(), bench.tracks()
    bench.connected(child, camera, tracks)
    grey = picture(BOX)[:, :, 0]
    # white is 235 in YUV
    luma = np.where(grey > 0, 235, 16).astype(np.uint8)
    colour = np.full_like(luma, 128)
    encoded = {
        'mono16': grey.astype(np.uint16) * 257, '16UC1': grey.astype(np.uint16) * 257,
        '32FC1': grey.astype(np.float32) * 257,
        'bayer_rggb8': grey, 'bayer_gbrg16': grey.astype(np.uint16) * 257,
        'yuv422': np.stack([colour, luma], 2), 'yuv422_yuy2': np.stack([luma, colour], 2),
        'nv12': np.vstack([luma, colour[::2]]), 'nv21': np.vstack([luma, colour[::2]])}
    for number, (encoding, pixels) in enumerate(encoded.items()):
        rows = np.ascontiguousarray(pixels).view(np.uint8).reshape(len(pixels), -1)
        rows = np.pad(rows, ((0, 0), (0, 6)))
        message = Image(
            header=header_at(100 + number * STEP), width=160, height=120, encoding=encoding,
            step=rows.shape[1])
        message.data = array.array('B', rows.tobytes())
        camera.publish(message)
    bench.until(lambda: len(tracks) == len(encoded), 'tracks', child=child)
    assert [ids_of(message) for message in tracks] == [['1']] * len(encoded)
    for message in tracks:
        box = message.detections[0].bbox
        assert (box.center.position.x, box.center.position.y) == pytest.approx((35, 60), abs=1.5)


def test_only_the_region_is_looked_at_and_boxes_stay_where_they_are(
        bench, start_tracker, tmp_path):
    mask = np.full((12, 16), 255, np.uint8)
    mask[:, 12:] = 0
    cv2.imwrite(str(tmp_path / 'mask.png'), mask)
    child = start_tracker(queue='all', roi__x=60, mask=tmp_path / 'mask.png')
    camera, tracks = bench.camera(), bench.tracks()
    bench.connected(child, camera, tracks)
    boxes = [(5, 30, 35, 90), (80, 30, 110, 90), (125, 30, 155, 90)]
    camera.publish(camera_image(100.0, *boxes))
    bench.until(lambda: len(tracks) == 1, 'tracks', child=child)
    detection, = tracks[0].detections
    assert detection.bbox.center.position.x == pytest.approx(95, abs=1)

    assert bench.set_parameters(roi__x=0)[0].successful
    camera.publish(camera_image(100.1, *boxes))
    bench.until(lambda: len(tracks) == 2, 'tracks', child=child)
    assert sorted(detection.bbox.center.position.x for detection in tracks[1].detections
                  ) == pytest.approx([95], abs=1), 'the new one is tentative'
    camera.publish(camera_image(100.2, *boxes))
    bench.until(lambda: len(tracks) == 3, 'tracks', child=child)
    assert sorted(detection.bbox.center.position.x for detection in tracks[2].detections
                  ) == pytest.approx([20, 95], abs=1)


def test_every_frame_yields_a_message_where_the_detector_looks_at_one_in_four(
        bench, start_tracker):
    child = start_tracker(queue='all', detect_every=4)
    camera, tracks = bench.camera(), bench.tracks()
    bench.connected(child, camera, tracks)
    sent = []
    for number in range(41):
        # between the looks there is nothing to see
        x = 20 + 2 * number
        boxes = [(x, 30, x + 30, 90)] if number % 4 == 0 else []
        sent.append(round(100 + number * STEP, 6))
        camera.publish(camera_image(sent[-1], *boxes))
    bench.until(lambda: len(tracks) == 41, 'a message for each frame', child=child)
    assert stamps_of(tracks) == pytest.approx(sent, abs=1e-6)
    assert [ids_of(message) for message in tracks[8:]] == [['1']] * 33
    places = [message.detections[0].bbox.center.position.x for message in tracks[8:]]
    assert all(later > earlier for earlier, later in itertools.pairwise(places))


def test_a_reliable_tracker_on_a_best_effort_camera_is_told_at_once(bench, start_tracker):
    child = start_tracker(reliability='reliable')
    camera = bench.camera(BEST_EFFORT)
    bench.until(
        lambda: 'incompatible QoS: RELIABILITY' in bench.status(), 'the report', child=child)
    assert 'reliability:=best_effort' in bench.status()['incompatible QoS: RELIABILITY']
    assert 'reliability:=best_effort' in child.text
    bench.until(lambda: bench.status()['level'] == '1', 'the warning', child=child)
    assert 'best_effort' in bench.status()['message']
    bench.node.destroy_publisher(camera)

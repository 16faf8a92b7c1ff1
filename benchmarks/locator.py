# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
Where people are in the world: errors, stated covariances and time of the locator's geometry.

People of 1.7 m (standard deviation .1) stand 2 to 15 m before a camera of 90 degrees and 720
lines, and their boxes, each edge off by 3 % of the height, are placed: by the ground and the
prior of the height, with an exact pitch of the camera and one that is a degree off, and by a
depth image with holes (1 to 8 m). `covered` is the share of people inside the ellipse that the
stated covariance gives for 90 %. The walks are those of 40 people at 15 Hz, with boxes whose
errors last (correlation .8), filtered; `velocity` is the median error of the velocity in m/s.
The time is that of a frame of 50 people: of placing and filtering alone, and, where ROS 2 is, of
what the node does with a message. It is that of the processor, of the fastest tenth of the frames,
as others on the machine slow it down. Prints tables and writes JSON.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
import sys
import time
from typing import Any

import _start  # noqa: F401 - finds mot_ros in a plain checkout
import numpy as np

from mot_ros.benchmarking.located_people import (
    crowd,
    depth_image,
    disturbed,
    LENSES,
    LocatedPeople,
    people_at,
    pinhole,
    pose_of,
)
from mot_ros.benchmarking.markdown import table_of_rows
from mot_ros.benchmarking.result_file import write_result
from mot_ros.benchmarking.script import make_parser, RESULTS
from mot_ros.localisation.depth import read_depths
from mot_ros.localisation.placement import place
from mot_ros.localisation.placements import Placements
from mot_ros.localisation.settings import PlacementSettings
from mot_ros.localisation.world_filter import WorldFilter
from mot_ros.tracking.types import Doubles

ELEVATIONS = (0.5, 1.2, 1.6, 2.5)
PITCH = 5.0
BOX_SIGMA = 0.03
IN_90 = 4.605
"""The 90 % quantile of chi square with two degrees of freedom."""
WALKERS, RATE, SPEED, LASTING = 40, 15.0, 1.3, 0.8


def errors_of(
        found: Placements, people: LocatedPeople, positions: Doubles, covariances: Doubles
        ) -> tuple[Doubles, Doubles]:
    """Return horizontal errors (M,) as shares of the distance, and which are covered (M,)."""
    off = (positions - people.centres[found.rows])[:, :2]
    distances = np.linalg.norm(people.feet[found.rows], axis=1)
    scaled = np.linalg.solve(covariances[:, :2, :2], off[:, :, None])[:, :, 0]
    return np.linalg.norm(off, axis=1) / distances, (off * scaled).sum(1) < IN_90


def row_of(name: str, shares: Doubles, covered: Doubles, **more: Any) -> dict[str, Any]:
    """Return a line of the tables."""
    return {'what': name, 'people': len(shares),
            'median error [%]': float(np.median(shares) * 100),
            '90 % below [%]': float(np.quantile(shares, 0.9) * 100),
            'covered [%]': float(np.mean(covered) * 100), **more}


def on_ground(count: int, settings: PlacementSettings) -> Iterator[dict[str, Any]]:
    """Yield the errors from the ground alone."""
    random = np.random.default_rng(0)
    for elevation in ELEVATIONS:
        for error in (0.0, 1.0, -1.0):
            camera = pinhole()
            people = crowd(random, count, camera, pose_of(elevation, PITCH + error))
            boxes = disturbed(random, people.boxes, BOX_SIGMA, camera)
            found = place(boxes, None, camera, pose_of(elevation, PITCH), settings)
            yield row_of(
                f'camera at {elevation:g} m, pitch off by {error:+g} deg',
                *errors_of(found, people, found.centres, found.covariances),
                **{'left out': len(found.left_out)})
    for lens, distortion in LENSES.items():
        camera, pose = pinhole(lens, distortion), pose_of(1.2, PITCH)
        people = crowd(random, count, camera, pose)
        boxes = disturbed(random, people.boxes, BOX_SIGMA, camera)
        found = place(boxes, None, camera, pose, settings)
        yield row_of(f'camera at 1.2 m, {lens}',
                     *errors_of(found, people, found.centres, found.covariances),
                     **{'left out': len(found.left_out)})


def by_depth(images: int, settings: PlacementSettings) -> dict[str, Any]:
    """Return the errors with a depth image."""
    random, camera, pose = np.random.default_rng(1), pinhole(), pose_of(1.2, PITCH)
    shares, covered, left_out = [], [], 0
    for _ in range(images):
        people = crowd(random, 4, camera, pose, 1.0, 8.0)
        boxes = disturbed(random, people.boxes, BOX_SIGMA, camera)
        depths = read_depths(depth_image(random, people, camera, pose), boxes)
        found = place(boxes, depths, camera, pose, settings)
        share, inside = errors_of(found, people, found.centres, found.covariances)
        shares, covered = [*shares, *share], [*covered, *inside]
        left_out += len(found.left_out)
    return row_of('depth image', np.array(shares), np.array(covered), **{'left out': left_out})


def walks(seconds: float, error: float, settings: PlacementSettings) -> dict[str, Any]:
    """Return the errors of filtered people, half of them walking straight, half in circles."""
    random, camera = np.random.default_rng(2), pinhole()
    pose, real = pose_of(1.2, PITCH), pose_of(1.2, PITCH + error)
    times = np.arange(0, seconds, 1 / RATE)
    angles = random.uniform(0, 2 * np.pi, WALKERS)[:, None] + np.where(
        np.arange(WALKERS) < WALKERS // 2, 0, 2 * np.pi / 8)[:, None] * times
    velocities = SPEED * np.stack([np.cos(angles), np.sin(angles)], 2)
    velocities[:WALKERS // 2] *= 0.4
    start = np.column_stack([random.uniform(4, 10, WALKERS), random.uniform(-2, 2, WALKERS)])
    places = start[:, None] + np.cumsum(velocities, 1) / RATE
    heights = random.normal(settings.height, settings.height_sigma, WALKERS)
    people_filter, noise = WorldFilter(), random.normal(size=(WALKERS, 4))
    shares, covered, wrong = [], [], []
    for step, stamp in enumerate(times):
        people = people_at(places[:, step], heights, camera, real)
        noise = LASTING * noise + np.sqrt(1 - LASTING ** 2) * random.normal(size=noise.shape)
        tall = (people.boxes[:, 3] - people.boxes[:, 1])[:, None]
        boxes = np.clip(people.boxes + BOX_SIGMA * tall * noise, 0, [*camera.size, *camera.size])
        found = place(boxes, None, camera, pose, settings)
        state = people_filter.update(stamp, [str(row) for row in found.rows], found)
        if stamp > 1:
            share, inside = errors_of(found, people, state.positions, state.covariances)
            shares, covered = [*shares, *share], [*covered, *inside]
            off = (state.velocities[:, :2] - velocities[found.rows, step])
            wrong += np.linalg.norm(off, axis=1).tolist()
    return row_of(f'filtered walk, pitch off by {error:+g} deg', np.array(shares),
                  np.array(covered), **{'velocity': float(np.median(wrong))})


def milliseconds(rounds: int, settings: PlacementSettings) -> dict[str, float]:
    """Return the time of a frame of 50 people, by what it is made of."""
    random, camera, pose = np.random.default_rng(3), pinhole(), pose_of(1.2, PITCH)
    people = crowd(random, 50, camera, pose)
    image = depth_image(random, people, camera, pose).astype(np.float32)
    names, people_filter = [str(row) for row in range(50)], WorldFilter()
    found: dict[str, list[float]] = {'place': [], 'read depth': [], 'filter': []}
    for step in range(rounds):
        boxes = disturbed(random, people.boxes, BOX_SIGMA, camera)
        begin = time.thread_time()
        placed = place(boxes, None, camera, pose, settings)
        middle = time.thread_time()
        people_filter.update(step / 60, [names[row] for row in placed.rows], placed)
        end = time.thread_time()
        read_depths(image, boxes)
        found['read depth'].append(time.thread_time() - end)
        found['place'].append(middle - begin)
        found['filter'].append(end - middle)
    return milliseconds_of(found)


def message_milliseconds(rounds: int) -> dict[str, float]:
    """Return the time of a frame of 50 people in the node, by step; nothing without ROS 2."""
    try:
        from rclpy.serialization import serialize_message
        from sensor_msgs.msg import CameraInfo
        from std_msgs.msg import Header
        from vision_msgs.msg import (
            BoundingBox2D,
            Detection2D,
            Detection2DArray,
            ObjectHypothesisWithPose,
        )

        from mot_ros.ros.locating.cdr import read_detections, write_detections_3d
        from mot_ros.ros.locating.frame_locator import FrameLocator, PendingTracks
        from mot_ros.ros.locating.locator_health import LocatorHealth
        from mot_ros.ros.locating.settings import LocatorSettings
    except ImportError:
        return {}
    from scipy.spatial.transform import Rotation

    from mot_ros.localisation.transform_buffer import TransformBuffer
    from mot_ros.ros.conversion import to_nanoseconds, to_stamp

    random, camera, pose = np.random.default_rng(4), pinhole(), pose_of(1.2, PITCH)
    people, buffer = crowd(random, 50, camera, pose), TransformBuffer()
    turn = Rotation.from_matrix(pose.rotation).as_quat()
    buffer.put('base_footprint', 'optical', 0, tuple(pose.translation), tuple(turn), static=True)
    locator = FrameLocator(LocatorSettings(), buffer, LocatorHealth())
    locator.take_camera_info(CameraInfo(
        header=Header(frame_id='optical'), width=int(camera.size[0]), height=int(camera.size[1]),
        distortion_model='plumb_bob', d=[0.0] * 5, k=camera.matrix.ravel()))
    steps: dict[str, list[float]] = {
        'read the message': [], 'locate': [], 'write the message': []}
    for number in range(rounds):
        header = Header(stamp=to_stamp(1 + number / 60), frame_id='optical')
        message = Detection2DArray(header=header)
        for row, (x1, y1, x2, y2) in enumerate(
                disturbed(random, people.boxes, BOX_SIGMA, camera).tolist()):
            box = BoundingBox2D(size_x=x2 - x1, size_y=y2 - y1)
            box.center.position.x, box.center.position.y = (x1 + x2) / 2, (y1 + y2) / 2
            result = ObjectHypothesisWithPose()
            result.hypothesis.class_id, result.hypothesis.score = '0', 0.75
            message.detections.append(
                Detection2D(header=header, id=str(row), bbox=box, results=[result]))
        packed = serialize_message(message)
        buffer.put('odom', 'base_footprint', to_nanoseconds(header.stamp), (0.01 * number, 0, 0),
                   (0.0, 0.0, 0.0, 1.0))
        moments = [time.thread_time()]
        message, boxes = read_detections(packed)
        moments.append(time.thread_time())
        frame = locator.locate(PendingTracks(message, 0.0, boxes), (), last=False)
        moments.append(time.thread_time())
        write_detections_3d(frame)
        moments.append(time.thread_time())
        for step, seconds in zip(steps.values(), np.diff(moments), strict=True):
            step.append(float(seconds))
    return milliseconds_of(steps)


def milliseconds_of(steps: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """Return the time of each step in milliseconds, and of all, of the fastest tenth of frames."""
    whole = np.sum(list(steps.values()), 0)
    return {name: float(np.percentile(values, 10) * 1e3) for name, values in {
        **steps, 'all of it': whole}.items()}


def main(args: Sequence[str] | None = None) -> int:
    """Measure, print, write."""
    parser = make_parser(__doc__, RESULTS / 'locator.json')
    parser.add_argument('--people', type=int, default=3000, help='per line (%(default)s)')
    parser.add_argument('--images', type=int, default=60, help='depth images (%(default)s)')
    parser.add_argument('--seconds', type=float, default=8.0, help='of a walk (%(default)s)')
    parser.add_argument('--rounds', type=int, default=300, help='timed frames (%(default)s)')
    given = parser.parse_args(args)
    settings = PlacementSettings()
    rows = [*on_ground(given.people, settings), by_depth(given.images, settings)]
    filtered = [walks(given.seconds, error, settings) for error in (0.0, 1.0, -1.0)]
    frame = milliseconds(given.rounds, settings)
    node = message_milliseconds(given.rounds)
    sys.stdout.write(table_of_rows(rows, 1) + '\n')
    sys.stdout.write(table_of_rows(filtered, 2) + '\n')
    sys.stdout.write(''.join(
        f'{name}: {value:.2f} ms\n' for name, value in {**frame, **node}.items()))
    write_result(given.json, {
        'placed': rows, 'filtered': filtered, 'frame of 50 people [ms]': frame,
        'frame of 50 people in the node [ms]': node})
    return 0


if __name__ == '__main__':
    raise SystemExit(main())

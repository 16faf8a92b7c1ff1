# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
Soak of the tracker node: minutes or days of crowds, or of random orders, and what grows.

`crowd` sends boxes of 200 objects that come and go, the next frame once the last one is tracked.
`orders` does so too while three clients change parameters, transitions, resets and switches at
random; afterwards the node must track again. Resident memory, threads and open files of the node
are sampled; fails if they grow, an order is not answered, or the node ends.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
import json
import os
from pathlib import Path
import random
import sys
import tempfile
import time
from typing import Any

import _start  # noqa: F401 - finds mot_ros in a plain checkout
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
import numpy as np
from rcl_interfaces.srv import SetParameters
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile
from std_msgs.msg import Header
from std_srvs.srv import SetBool, Trigger
from vision_msgs.msg import Detection2DArray

from mot_ros.benchmarking.result_file import write_result
from mot_ros.benchmarking.script import make_parser
from mot_ros.benchmarking.soak import growth
from mot_ros.ros.child_processes import ChildError, ChildProcesses, module, ros_args
from mot_ros.ros.conversion import to_detections, to_stamp
from mot_ros.ros.domain import own_domain
from mot_ros.tracking.config import BOX_METHODS
from mot_ros.tracking.types import Tracks, TrackState

SIZE, STEP = (1920, 1080), 1 / 30
LIFETIME = 300
"""Mean frames that an object stays."""
CLIENTS = 3
PATIENCE = 15.0
"""Seconds in which every order is answered."""
ANEW = 1.0
"""Seconds after which the next frame is sent although the last one was not tracked."""
SAMPLE = 1.0
MOST = {'MiB': 5.0, 'threads': 0.05, 'files': 0.05}
"""Allowed growth per 1000 seconds and per thousand frames, whichever are more."""
VALUES: dict[str, Sequence[Any]] = {
    'method': BOX_METHODS, 'sort.min_hits': (1, 2, 3), 'bytetrack.lost_buffer': (.2, 1.0, 3.0),
    'bytetrack.track_high_thresh': (.3, .6), 'detector.max_detections': (10, 300, 3000),
    'sequence.max_gap': (.5, 2.0), 'amodal': (True, False), 'detect_every': (1, 2),
    'id_prefix': ('', 'a'), 'mask': ('', '/nowhere.png'), 'no_such': (1,), 'drop_warning': (.1,)}


class Crowd:
    """Objects that walk, and are now and then replaced by others."""

    def __init__(self, count: int) -> None:
        self._random = np.random.default_rng(0)
        self._boxes = self._new(count)
        self._speed = self._random.normal(0, 2, (count, 2)).astype(np.float32)

    def step(self) -> Any:
        """Return the boxes after one more frame (N, 4)."""
        count = len(self._boxes)
        gone = self._random.random(count) < 1 / LIFETIME
        self._boxes[gone] = self._new(int(gone.sum()))
        self._boxes += np.tile(self._speed, 2)
        return self._boxes

    def _new(self, count: int) -> Any:
        corner = self._random.uniform((0, 0), SIZE, (count, 2))
        side = self._random.uniform(20, 80, (count, 1)) * (1, 2)
        return np.concatenate([corner, corner + side], axis=1).astype(np.float32)


class Feeder(Node):
    """Sends frames of a crowd and counts what is tracked."""

    def __init__(self, count: int) -> None:
        super().__init__('feeder')
        self._crowd = Crowd(count)
        self._publisher = self.create_publisher(
            Detection2DArray, 'detections', QoSProfile(depth=5))
        self.create_subscription(Detection2DArray, '/tracker/tracks', self._on_tracks, 10)
        self.sent = self.tracked = self.boxes = 0
        self._waiting = 0.0

    def feed(self) -> None:
        """Send the next frame if the last one is tracked, or not for ANEW seconds."""
        now = time.monotonic()
        if now < self._waiting:
            return
        boxes = self._crowd.step()
        count = len(boxes)
        zeros = np.zeros(count, np.float32)
        message = to_detections(Tracks(
            boxes, zeros + .8, np.zeros(count, np.int64), np.arange(count),
            np.full(count, TrackState.CONFIRMED, np.uint8), zeros, zeros,
            np.zeros((count, 2), np.float32), zeros + 1, np.arange(count)),
            Header(frame_id='camera', stamp=to_stamp(1000 + self.sent * STEP)), SIZE, amodal=True)
        self.sent += 1
        self._waiting = now + ANEW
        self._publisher.publish(message)

    def _on_tracks(self, message: Detection2DArray) -> None:
        self.tracked += 1
        self.boxes = len(message.detections)
        self._waiting = 0.0


class Client(Node):
    """Gives random orders to the tracker, each answered before the next."""

    def __init__(self, seed: int) -> None:
        super().__init__(f'client_{seed}')
        self._random = random.Random(seed)  # noqa: S311
        self._services_of_tracker = {
            'set': self.create_client(SetParameters, '/tracker/set_parameters'),
            'change': self.create_client(ChangeState, '/tracker/change_state'),
            'reset': self.create_client(Trigger, '/tracker/reset'),
            'enable': self.create_client(SetBool, '/tracker/enable')}
        self.answered: Counter[str] = Counter()
        self.slowest = 0.0

    def give(self, what: str, request: Any) -> Any:
        """Call a service; ChildError if it does not answer in time."""
        start = time.monotonic()
        client = self._services_of_tracker[what]
        client.wait_for_service(PATIENCE)
        future = client.call_async(request)
        rclpy.spin_until_future_complete(self, future, timeout_sec=PATIENCE)
        if not future.done():
            raise ChildError(f'{what} {request} was not answered within {PATIENCE:g} s')
        self.slowest = max(self.slowest, time.monotonic() - start)
        self.answered[what] += 1
        return future.result()

    def give_any(self) -> None:
        """Give one order at random."""
        draw = self._random.random()
        if draw < .5:
            name = self._random.choice(list(VALUES))
            parameter = Parameter(name, value=self._random.choice(VALUES[name]))
            self.give('set', SetParameters.Request(parameters=[parameter.to_parameter_msg()]))
        elif draw < .8:
            number = self._random.choice((
                Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_ACTIVATE,
                Transition.TRANSITION_DEACTIVATE, Transition.TRANSITION_CLEANUP))
            self.give('change', ChangeState.Request(transition=Transition(id=number)))
        elif draw < .9:
            self.give('reset', Trigger.Request())
        else:
            self.give('enable', SetBool.Request(data=self._random.random() < .7))

    def put_to_work(self) -> None:
        """Bring the node to a state in which it tracks."""
        for number in (Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_ACTIVATE):
            self.give('change', ChangeState.Request(transition=Transition(id=number)))
        self.give('enable', SetBool.Request(data=True))


def sample(pid: int) -> dict[str, float]:
    """Return memory, threads and open files of a process."""
    folder = Path('/proc', str(pid))
    pages = int((folder / 'statm').read_text().split()[1])
    return {
        'MiB': pages * os.sysconf('SC_PAGE_SIZE') / (1 << 20),
        'threads': len(list((folder / 'task').iterdir())),
        'files': len(list((folder / 'fd').iterdir()))}


def soak(kind: str, seconds: float, objects: int, folder: Path) -> dict[str, Any]:
    """Run one soak and return what was measured."""
    at: list[int] = []
    samples: list[dict[str, float]] = []
    with ChildProcesses(folder) as children:
        children.start('tracker', [*module('tracker'), *ros_args(**{
            'detector.type': 'external', 'detector.max_detections': 3000, 'queue': 'latest',
            # there are no images
            'appearance.type': 'none', 'camera_motion.mode': 'off',
            'reliability': 'reliable'})])
        feeder = Feeder(objects)
        executor = SingleThreadedExecutor()
        executor.add_node(feeder)

        def spin() -> None:
            feeder.feed()
            executor.spin_once(timeout_sec=.02)
            children.check('tracker')

        children.until(lambda: feeder.tracked > 1, spin, 60, 'no tracks')
        for number in range(CLIENTS if kind == 'orders' else 0):
            children.start(f'client {number}', [
                sys.executable, __file__, '--client', str(number), '--seconds', str(seconds)])
        begin, last = time.monotonic(), 0.0
        while (now := time.monotonic() - begin) < seconds:
            spin()
            if now - last >= SAMPLE:
                last = now
                at.append(max(round(now), feeder.tracked))
                samples.append(sample(children.pid_of('tracker')))
        orders = []
        for number in range(CLIENTS if kind == 'orders' else 0):
            children.until(lambda name=f'client {number}': children.ended(name), spin,  # type: ignore[misc]
                           PATIENCE * 2, 'orders are not answered')
            orders.append(json.loads(
                children.log_of(f'client {number}').read_text().splitlines()[-1]))
        if orders:
            client = Client(CLIENTS)
            client.put_to_work()
            client.destroy_node()
            before = feeder.tracked
            children.until(lambda: feeder.tracked > before + 3, spin, 20, 'no tracks again')
        found = {name: [each[name] for each in samples] for name in samples[0]}
        feeder.destroy_node()
    grown = {name: growth(at, values) for name, values in found.items()}
    return {
        'kind': kind, 'seconds': seconds, 'objects': objects, 'frames': feeder.sent,
        'tracked': feeder.tracked, 'boxes': feeder.boxes, 'orders': orders, 'growth': grown,
        'first': {name: values[len(values) // 5] for name, values in found.items()},
        'most': {name: max(values) for name, values in found.items()},
        'last': {name: values[-1] for name, values in found.items()},
        'flat': kind == 'orders' or all(grown[name] <= MOST[name] for name in MOST)}


def give_orders(seed: int, seconds: float) -> int:
    """Be a client for so long, and print what was answered."""
    rclpy.init()
    client = Client(seed)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        client.give_any()
        time.sleep(.02)
    sys.stdout.write(json.dumps({**client.answered, 'slowest': client.slowest}) + '\n')
    client.destroy_node()
    rclpy.shutdown()
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the soaks and write the result."""
    parser = make_parser(__doc__, 'soak.json')
    parser.add_argument('--seconds', type=float, default=900, help='of each soak (900)')
    parser.add_argument('--objects', type=int, default=200, help='in every frame (200)')
    parser.add_argument('--only', choices=('crowd', 'orders'), help='one of the two')
    parser.add_argument('--client', type=int, help='be this client of the orders')
    args = parser.parse_args(arguments)
    if args.client is not None:
        return give_orders(args.client, args.seconds)
    rows = []
    with own_domain(), tempfile.TemporaryDirectory() as folder:
        rclpy.init(args=[])
        try:
            for kind in ('crowd', 'orders') if args.only is None else (args.only,):
                rows.append(soak(kind, args.seconds, args.objects, Path(folder)))
                sys.stdout.write(json.dumps(rows[-1], indent=1) + '\n')
        except ChildError as error:
            sys.stderr.write(f'{error}\n')
            return 1
        finally:
            rclpy.try_shutdown()
    write_result(args.json, {'rows': rows})
    return 0 if all(row['flat'] for row in rows) else 1


if __name__ == '__main__':
    raise SystemExit(main())

# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""A ROS domain of one's own, for processes that nobody else is to see or to disturb."""

from __future__ import annotations

from collections.abc import Iterator
import contextlib
import fcntl
import os
from pathlib import Path
import random
import socket
import tempfile

from mot_ros.tracking.errors import MotError


class DomainError(MotError):
    """No ROS domain is free."""


@contextlib.contextmanager
def claimed_domain() -> Iterator[int]:
    """
    Hold a ROS_DOMAIN_ID that nobody on this machine uses.

    One counts as used if the port of its first participant is, or if somebody else holds it in
    this way and has not started yet. The numbers stay below the ports that Linux gives to
    anybody.
    """
    folder = Path(tempfile.gettempdir(), f'mot_ros_domains_{os.getuid()}')
    folder.mkdir(exist_ok=True)
    for domain in random.sample(range(1, 100), 99):
        with (folder / str(domain)).open('w') as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
                    # RTPS: 7400 + 250 per domain + 10 for unicast discovery
                    probe.bind(('', 7410 + 250 * domain))
            except OSError:
                continue
            yield domain
            return
    raise DomainError('every ROS_DOMAIN_ID from 1 to 99 is in use on this machine')


@contextlib.contextmanager
def own_domain() -> Iterator[None]:
    """
    Put this process, and those that it starts, into a domain seen on this machine alone.

    A robot nearby must not see these topics, nor we its.
    """
    with claimed_domain() as domain:
        os.environ |= {
            'ROS_DOMAIN_ID': str(domain), 'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST'}
        if os.environ.get('ROS_DISTRO') == 'humble':
            os.environ['ROS_LOCALHOST_ONLY'] = '1'
        yield

# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Reserve a ROS domain for processes that must not exchange messages with others."""

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
    Hold a ROS_DOMAIN_ID that no other process on this machine uses.

    A domain counts as used if the port of its first participant is bound, or if another process
    holds its lock file. The numbers stay below the ephemeral ports of Linux.
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
    Put this process and its children into a domain that is local to this machine.

    A robot nearby must not see these topics, nor we its.
    """
    with claimed_domain() as domain:
        os.environ |= {
            'ROS_DOMAIN_ID': str(domain), 'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST'}
        if os.environ.get('ROS_DISTRO') == 'humble':
            os.environ['ROS_LOCALHOST_ONLY'] = '1'
        yield

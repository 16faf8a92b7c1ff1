# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Fixtures: nodes in a ROS domain of their own, and processes that are never left behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
import sys
from typing import Any, TYPE_CHECKING

from hypothesis import HealthCheck, settings
import pytest

from mot_ros.tracking.runtime.threads import share_cores

if TYPE_CHECKING:
    from ros_bench import Bench, Child

ROOT = Path(__file__).resolve().parents[1]
# for the modules beside this one that tests import, however pytest was started
sys.path[:0] = [str(ROOT / 'test' / folder) for folder in ('', 'launch', 'ros')]

# several tests run beside each other, and torch is not loaded yet
share_cores()

# a machine that is busy draws examples slowly, which says nothing of the code
settings.register_profile('busy', deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile('busy')


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option of test/fuzz."""
    parser.addoption(
        '--fuzz-files', type=int, default=2000,
        help='how many mutated files test/fuzz tries in all (default: %(default)s)')


@pytest.fixture
def ros_domain(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[int]:
    """Give the test and its processes a domain that nothing else on this machine uses."""
    pytest.importorskip('rclpy')
    from mot_ros.ros.domain import claimed_domain
    from mot_ros.ros.package_share import profile_variable, PROFILE_VARIABLES

    with claimed_domain() as domain:
        for name in PROFILE_VARIABLES:
            monkeypatch.delenv(name, raising=False)
        for name, value in {
                'ROS_DOMAIN_ID': str(domain),
                'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST',
                'ROS_LOG_DIR': str(tmp_path / 'ros_log'),
                profile_variable(): str(ROOT / 'config' / 'fastdds.xml'),
        }.items():
            monkeypatch.setenv(name, value)
        yield domain


@pytest.fixture
def bench(ros_domain: int) -> Iterator[Bench]:
    """Make a node on this side of the wire."""
    from ros_bench import Bench

    made = Bench()
    yield made
    made.close()


@pytest.fixture
def start(
        ros_domain: int, tmp_path: Path, request: pytest.FixtureRequest
        ) -> Iterator[Callable[..., Child]]:
    """Start processes: `start(command, NAME='value of an environment variable')`."""
    from ros_bench import Child

    fresh = request.node.get_closest_marker('fresh_interpreter') is not None

    children: list[Child] = []

    def start_child(command: list[str], **environment: str) -> Child:
        children.append(Child(
            command, tmp_path / f'child_{len(children)}.log', environment, fresh))
        return children[-1]

    yield start_child
    for child in children:
        child.kill()


@pytest.fixture
def start_tracker(start: Callable[..., Child]) -> Callable[..., Child]:
    """Start a tracker with the stub detector: `start_tracker('image:=x', queue='all')`."""
    from ros_bench import python, ros_args, STUB_TRACKER

    def start_stub(
            *remaps: str, environment: dict[str, str] | None = None, **parameters: Any) -> Child:
        return start(
            python(STUB_TRACKER, *ros_args(*remaps, **parameters)), **(environment or {}))

    return start_stub

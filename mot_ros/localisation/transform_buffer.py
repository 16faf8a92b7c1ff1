# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Keep the transforms of the last seconds, and look one up between two frames at a stamp."""

from __future__ import annotations

import bisect
from dataclasses import dataclass, field
import math

import numpy as np

from mot_ros.localisation.transforms import slerp, Transform
from mot_ros.tracking.errors import FrameError
from mot_ros.tracking.types import Doubles

KEPT = 10_000_000_000
"""Nanoseconds that transforms are kept, as in tf2."""
UNIT = 0.01
"""Most by which the norm of a quaternion may differ from 1."""
DEEPEST = 100
"""Frames between a frame and the root; more means that the tree has a loop."""


class NoTransformError(FrameError):
    """No transform between two frames is known at a stamp."""

    reason = 'no transform'
    """What the error is counted as."""
    may_come = True
    """Whether a transform that still arrives may help."""


class UnknownFrameError(NoTransformError):
    """A frame that no transform names, or two frames that no chain of transforms connects."""


class LateTransformError(NoTransformError):
    """The newest transform is older than the stamp."""

    reason = 'transform too late'


class ForgottenTransformError(NoTransformError):
    """The oldest transform is newer than the stamp."""

    reason = 'transform no longer kept'
    may_come = False


@dataclass(eq=False)
class _Edge:
    """The transforms from one frame to its parent, oldest first."""

    parent: str
    static: bool
    stamps: list[int] = field(default_factory=list)
    poses: list[tuple[Doubles, Doubles]] = field(default_factory=list)

    def put(self, stamp: int, translation: Doubles, quaternion: Doubles) -> None:
        if self.stamps and stamp < self.stamps[-1] - KEPT:
            # the clock jumped back, as where a bag begins again
            self.stamps, self.poses = [], []
        place = bisect.bisect_left(self.stamps, stamp)
        if place < len(self.stamps) and self.stamps[place] == stamp:
            self.poses[place] = translation, quaternion
            return
        self.stamps.insert(place, stamp)
        self.poses.insert(place, (translation, quaternion))
        old = bisect.bisect_left(self.stamps, self.stamps[-1] - KEPT)
        del self.stamps[:old], self.poses[:old]

    def at(self, stamp: int, child: str) -> Transform:
        if self.static:
            return Transform.of(*self.poses[-1])
        place = bisect.bisect_left(self.stamps, stamp)
        if place < len(self.stamps) and self.stamps[place] == stamp:
            return Transform.of(*self.poses[place])
        if place == len(self.stamps):
            raise LateTransformError(
                f'the newest transform from {child} to {self.parent} is '
                f'{(stamp - self.stamps[-1]) / 1e6:.0f} ms older than the image: raise '
                'sync.timeout, or have it published sooner')
        if place == 0:
            raise ForgottenTransformError(
                f'the oldest transform from {child} to {self.parent} is '
                f'{(self.stamps[0] - stamp) / 1e6:.0f} ms newer than the image: do the stamps of '
                'the images come from another clock?')
        before, after = self.stamps[place - 1], self.stamps[place]
        share = (stamp - before) / (after - before)
        (t1, q1), (t2, q2) = self.poses[place - 1], self.poses[place]
        return Transform.of(t1 + share * (t2 - t1), slerp(q1, q2, share))


class TransformBuffer:
    """
    The tree of frames, with the transforms of the last 10 s, as ROS's tf2 keeps them.

    Between two transforms it interpolates; it never extrapolates. Frame ids have no leading
    slash.
    """

    def __init__(self) -> None:
        self._edges: dict[str, _Edge] = {}

    def __contains__(self, frame: str) -> bool:
        return frame in self._edges or any(
            edge.parent == frame for edge in self._edges.values())

    @property
    def frames(self) -> list[str]:
        """All frames, sorted."""
        return sorted({*self._edges, *(edge.parent for edge in self._edges.values())})

    def put(
            self, parent: str, child: str, stamp: int, translation: tuple[float, float, float],
            quaternion: tuple[float, float, float, float], *, static: bool = False) -> str:
        """
        Keep the transform from `child` to `parent` at `stamp` (ns).

        Returns why it cannot be used, or nothing.
        """
        parent, child = parent.lstrip('/'), child.lstrip('/')
        if not parent or not child or parent == child:
            return f'a transform from {child!r} to {parent!r}'
        norm = math.hypot(*quaternion)
        if not (all(map(math.isfinite, translation)) and abs(norm - 1) < UNIT):
            return (f'a transform from {child} to {parent} with the translation {translation} '
                    f'and the quaternion {quaternion}')
        edge = self._edges.get(child)
        # a frame has one parent: the latest one named
        if edge is None or edge.parent != parent or edge.static != static:
            edge = self._edges[child] = _Edge(parent, static)
        edge.put(0 if static else stamp, np.array(translation), np.array(quaternion) / norm)
        return ''

    def lookup(self, target: str, source: str, stamp: int) -> Transform:
        """
        Return the transform that takes points of `source` to `target` at `stamp` (ns).

        Raises NoTransformError, which says what is missing.
        """
        target, source = target.lstrip('/'), source.lstrip('/')
        if target == source:
            return Transform.identity()
        up, down = self._to_root(source), self._to_root(target)
        common = next((frame for frame in up if frame in down), None)
        if common is None:
            for frame in (source, target):
                if frame not in self:
                    raise UnknownFrameError(
                        f'tf has no frame {frame!r}; it has '
                        f'{", ".join(self.frames) or "none yet"}')
            raise UnknownFrameError(
                f'tf does not connect {source!r} with {target!r}: their roots are {up[-1]!r} and '
                f'{down[-1]!r}')
        to_common = self._chain(up[:up.index(common)], stamp)
        from_common = self._chain(down[:down.index(common)], stamp)
        return from_common.inverse.after(to_common)

    def clear(self) -> None:
        """Forget all but the static transforms, as after a jump of the clock."""
        self._edges = {child: edge for child, edge in self._edges.items() if edge.static}

    def _to_root(self, frame: str) -> list[str]:
        """Return the frame, its parent and so on."""
        found = [frame]
        while found[-1] in self._edges:
            found.append(self._edges[found[-1]].parent)
            if len(found) > DEEPEST:
                raise UnknownFrameError(
                    f'the frames above {frame!r} run in a loop: {", ".join(found[:5])} ...')
        return found

    def _chain(self, frames: list[str], stamp: int) -> Transform:
        """Return the transform from the first frame to the parent of the last one."""
        whole = Transform.identity()
        for frame in frames:
            whole = self._edges[frame].at(stamp, frame).after(whole)
        return whole

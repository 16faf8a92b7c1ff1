# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""A Kalman filter of constant velocity for each person, in metres of a fixed frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mot_ros.localisation.placements import Placements
from mot_ros.tracking.types import Doubles, Ints, Mask

ACCELERATION = 0.5
"""Spectral density of the random acceleration of people, in m^2/s^3."""
START = 1.5
"""Standard deviation of the speed of a person who is new, in m/s."""
GATE = 4.0
"""Standard deviations from which an observation counts as less certain than it says."""
ANOTHER = 3
"""So many observations in a row beyond the gate are those of somebody else with the same id."""
UNNAMED = '\0'
"""How the names of those begin who are not filtered."""
MOST = 10000
"""Most people that are kept."""
KEPT = 30.0
"""Seconds that a person is kept who is not observed."""


@dataclass(frozen=True, eq=False)
class WorldState:
    """
    People after one image, in the order of their placements.

    `positions` and `velocities` (M, 3) in m and m/s; `covariances` (M, 6, 6) of both, with what
    lasts from image to image.
    """

    positions: Doubles
    velocities: Doubles
    covariances: Doubles


class WorldFilter:
    """
    Filters placements by the id of the track.

    What is wrong for long, such as the pitch of the camera, cannot be averaged away: the gain
    weighs it as if it were noise, and it is added to the covariance that comes out.
    """

    def __init__(self, acceleration: float = ACCELERATION) -> None:
        self._acceleration = acceleration
        self.clear()

    def clear(self) -> None:
        """Forget everybody."""
        self._rows: dict[str, int] = {}
        self._taken: dict[str, float] = {}
        self._stamps = np.zeros(0)
        self._doubts = np.zeros(0, np.int64)
        self._means, self._covariances = np.zeros((0, 6)), np.zeros((0, 6, 6))

    def __contains__(self, name: str) -> bool:
        return name in self._rows

    def update(self, stamp: float, names: Sequence[str], placed: Placements) -> WorldState:
        """
        Take the people `names` (M,) placed at `stamp` (seconds); return their states.

        Who has no name, or one that came before in the same image, is not filtered.
        """
        self._forget(stamp)
        rows = self._rows_of(names, stamp)
        new = np.isnan(self._means[rows, 0])
        means, covariances = self._predicted(rows, stamp)
        noise = placed.covariances
        means, covariances, far = _updated(means, covariances, placed.centres, noise)
        self._doubts[rows] = np.where(far & ~new, self._doubts[rows] + 1, 0)
        new |= self._doubts[rows] >= ANOTHER
        self._doubts[rows[new]] = 0
        if new.any():
            means[new] = np.concatenate([placed.centres[new], np.zeros((int(new.sum()), 3))], 1)
            covariances[new] = 0
            covariances[new, :3, :3] = noise[new]
            covariances[new, 3:, 3:] = np.eye(3) * START ** 2
        self._means[rows], self._covariances[rows] = means, covariances
        self._stamps[rows] = stamp
        stated = covariances.copy()
        stated[:, :3, :3] += placed.bias * ~new[:, None, None]
        return WorldState(means[:, :3], means[:, 3:], stated)

    def _rows_of(self, names: Sequence[str], stamp: float) -> Ints:
        """Return the rows of people (M,), those of who is new with NaN."""
        rows, known = [], len(self._stamps)
        for number, name in enumerate(names):
            if not name or self._taken.get(name) == stamp:
                name = f'{UNNAMED}{number}'
            self._taken[name] = stamp
            rows.append(self._rows.setdefault(name, len(self._rows)))
        added = len(self._rows) - known
        if added:
            self._stamps = np.append(self._stamps, np.full(added, stamp))
            self._doubts = np.append(self._doubts, np.zeros(added, np.int64))
            self._means = np.concatenate([self._means, np.full((added, 6), np.nan)])
            self._covariances = np.concatenate([self._covariances, np.zeros((added, 6, 6))])
        return np.array(rows, np.int64)

    def _forget(self, stamp: float) -> None:
        """Drop those who have not been observed for long, those without a name, and too many."""
        old = stamp - self._stamps > KEPT
        if len(self._stamps) > MOST:
            old[np.argsort(-self._stamps, kind='stable')[MOST:]] = True
        unnamed = [row for name, row in self._rows.items() if name.startswith(UNNAMED)]
        old[unnamed] = True
        if old.any():
            kept = np.flatnonzero(~old)
            place = {int(row): number for number, row in enumerate(kept)}
            self._rows = {
                name: place[row] for name, row in self._rows.items() if row in place}
            self._stamps, self._doubts = self._stamps[kept], self._doubts[kept]
            self._means, self._covariances = self._means[kept], self._covariances[kept]
        self._taken = {}

    def _predicted(self, rows: Ints, stamp: float) -> tuple[Doubles, Doubles]:
        """Return means (M, 6) and covariances (M, 6, 6) of rows at a stamp."""
        ago = np.maximum(stamp - self._stamps[rows], 0.0)
        means, before = self._means[rows], self._covariances[rows]
        step = ago[:, None, None]
        both, speeds = before[:, :3, 3:], before[:, 3:, 3:]
        random = self._acceleration * step * np.eye(3)
        after = np.empty_like(before)
        after[:, :3, :3] = before[:, :3, :3] + step * (
            both + both.transpose(0, 2, 1) + step * (speeds + random / 3))
        after[:, :3, 3:] = both + step * (speeds + random / 2)
        after[:, 3:, :3] = after[:, :3, 3:].transpose(0, 2, 1)
        after[:, 3:, 3:] = speeds + random
        moved = means.copy()
        moved[:, :3] += ago[:, None] * means[:, 3:]
        return moved, after


def _updated(
        means: Doubles, covariances: Doubles, observed: Doubles, noise: Doubles
        ) -> tuple[Doubles, Doubles, Mask]:
    """
    Return the states after observing positions (M, 3) with covariances `noise` (M, 3, 3).

    The flags (M,) say which observations lie beyond the gate.
    """
    if not len(means):
        return means, covariances, np.zeros(0, bool)
    rest = np.nan_to_num(observed - means[:, :3])
    inverse = np.linalg.inv(covariances[:, :3, :3] + noise)
    square = (rest * (inverse @ rest[:, :, None])[:, :, 0]).sum(1)
    # an outlier moves the state no more than one at the gate would
    doubt = np.maximum(square / GATE ** 2, 1.0)
    gain = covariances[:, :, :3] @ (inverse / doubt[:, None, None])
    means = means + (gain @ rest[:, :, None])[:, :, 0]
    after = covariances - gain @ covariances[:, :3]
    return means, (after + after.transpose(0, 2, 1)) / 2, doubt > 1

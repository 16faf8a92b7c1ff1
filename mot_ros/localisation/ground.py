# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
Place people by where their boxes meet the ground, fused with a prior of their height.

With the camera at height c above flat ground and a person of height H at the horizontal distance
D, the foot is seen under a fall of c / D (metres down per metre across) and the head under
(c - H) / D. In w = 1 / D both are linear, so that w is a weighted mean with a closed form. The
errors of the two falls go together: both move with the pitch of the camera.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mot_ros.localisation.box_edges import BoxEdges
from mot_ros.localisation.camera_model import CameraModel
from mot_ros.localisation.placements import from_errors, Placements, PlacementSource
from mot_ros.localisation.settings import PlacementSettings
from mot_ros.localisation.transforms import Transform
from mot_ros.tracking.types import Doubles, Mask

UNSEEN = 1e6
"""Variance of the fall of an edge that the image does not show."""
GATE = 3.0
"""Standard deviations from which the two edges contradict the prior of the height."""
ROUNDS = 2
"""Rounds in which the error of the height is weighted by the distance found."""
LOWEST = 0.05
"""Least height of a camera above the ground, in metres."""
TOES = 0.05
"""From where feet end, towards the camera, to the axis of the body, in metres."""
POSTURE = 0.04
"""Standard deviation of the axis of the body beside the middle of its outline, in metres."""
UPWARD = 0.87
"""Sine of 60 degrees: a camera that looks up more steeply sees nobody on the ground."""
ERRORS = 7
CENTRE, FOOT, HEAD, PITCH, HEIGHT, ALONG, ACROSS = range(ERRORS)
"""The independent errors: box centre, its lower and upper edge, the camera, the person's height
and posture."""
BIAS = [PITCH, HEIGHT, ALONG, ACROSS]
"""The errors that last from image to image."""
NOISE = [CENTRE, FOOT, HEAD]


@dataclass(frozen=True, eq=False)
class _Fit:
    """Inverse distances (N,) and heights (N,), with what each error does to them (N, K)."""

    inverse: Doubles
    errors: Doubles
    heights: Doubles
    height_errors: Doubles


# what comes out not finite is left out in the end
@np.errstate(all='ignore')
def place_on_ground(
        boxes: Doubles, camera: CameraModel, pose: Transform, settings: PlacementSettings
        ) -> Placements:
    """
    Return where the people of boxes (N, 4) xyxy pixels are, in the frame of the ground.

    `pose` takes points of the camera to the ground's frame, whose plane z = 0 is the ground.
    """
    elevation = float(pose.translation[2])
    if elevation < LOWEST:
        return _nobody('the camera is not above the ground', len(boxes))
    if pose.rotation[2, 2] > UPWARD:
        return _nobody('the camera looks up', len(boxes))
    edges = BoxEdges.of(boxes, camera, pose, settings)
    falls = np.column_stack([edges.foot.falls, edges.head.falls])
    errors = _errors_of_falls(edges, settings)
    slopes = np.array([elevation, elevation - settings.height])
    shown = np.column_stack([edges.feet, edges.heads])
    shown, by_height = _consistent(falls, errors, slopes, shown, settings)
    fit = _fit(falls, errors, slopes, shown, settings)
    fit = _measured(fit, edges.heads & ~by_height, falls, errors)
    left_out = _left_out(fit, shown, settings)
    kept = np.setdiff1d(np.arange(len(boxes)), list(left_out))
    azimuth = edges.axis.azimuths
    centres = np.empty((len(boxes), 3))
    centres[:, :2] = pose.translation[:2] + azimuth * (1 / fit.inverse + TOES)[:, None]
    centres[:, 2] = fit.heights / 2
    effect = _effects(fit, azimuth, _errors_of_azimuths(edges, settings))
    sources = np.where(
        shown.all(1), np.int64(PlacementSource.GROUND_AND_HEIGHT),
        np.where(shown[:, 0], np.int64(PlacementSource.GROUND), np.int64(PlacementSource.HEIGHT)))
    return from_errors(
        kept, centres, fit.heights, effect[:, :, NOISE], effect[:, :, BIAS], sources, left_out)


def _left_out(fit: _Fit, shown: Mask, settings: PlacementSettings) -> dict[int, str]:
    """Return why boxes cannot be placed, by row."""
    relative = np.linalg.norm(fit.errors, axis=1) / np.abs(fit.inverse)
    faults = (
        ('neither feet nor head are in the image', ~shown.any(1)),
        ('distance too uncertain', ~(relative < settings.uncertain)),
        ('seen at or above the horizon', ~(fit.inverse > 0)))
    found: dict[int, str] = {}
    for reason, faulty in reversed(faults):
        if faulty.any():
            found |= dict.fromkeys(np.flatnonzero(faulty).tolist(), reason)
    return found


def _measured(fit: _Fit, small: Mask, falls: Doubles, errors: Doubles) -> _Fit:
    """Return the fit with the heights of small people as their two edges say."""
    if not small.any():
        return fit
    distance = 1 / fit.inverse
    heights = np.where(small, (falls[:, 0] - falls[:, 1]) * distance, fit.heights)
    height_errors = np.where(small[:, None], distance[:, None] * (
        errors[:, 0] - errors[:, 1] - heights[:, None] * fit.errors), fit.height_errors)
    return _Fit(fit.inverse, fit.errors, heights, height_errors)


def _effects(fit: _Fit, azimuth: Doubles, azimuth_errors: Doubles) -> Doubles:
    """Return what each error does to the centres, (N, 3, K) in metres."""
    distance = 1 / fit.inverse[:, None]
    along = -distance ** 2 * fit.errors
    along[:, ALONG] = POSTURE
    across = distance * azimuth_errors
    across[:, ACROSS] = POSTURE
    x, y = azimuth[:, :1], azimuth[:, 1:]
    effect = np.empty((len(azimuth), 3, ERRORS))
    effect[:, 0] = x * along - y * across
    effect[:, 1] = y * along + x * across
    effect[:, 2] = fit.height_errors / 2
    return effect


def _nobody(reason: str, count: int) -> Placements:
    """Return no placements, for one reason."""
    square = np.zeros((0, 3, 3))
    none = np.zeros(0, np.int64)
    return Placements(
        none, np.zeros((0, 3)), np.zeros(0), square, square, none,
        dict.fromkeys(range(count), reason))


def _errors_of_falls(edges: BoxEdges, settings: PlacementSettings) -> Doubles:
    """Return what each error does to the falls of foot and head, (N, 2, K); 0 for the height."""
    pitch = np.radians(settings.pitch_sigma)
    errors = np.zeros((len(edges.edge_sigma), 2, ERRORS))
    for row, error, side in ((0, FOOT, edges.foot), (1, HEAD, edges.head)):
        errors[:, row, CENTRE] = side.by_pixel[:, 0, 0] * edges.side_sigma
        errors[:, row, error] = side.by_pixel[:, 0, 1] * edges.edge_sigma
        errors[:, row, PITCH] = side.by_pitch[:, 0] * pitch
    return errors


def _errors_of_azimuths(edges: BoxEdges, settings: PlacementSettings) -> Doubles:
    """Return what each error does to the angles of the azimuths (N, K)."""
    errors = np.zeros((len(edges.feet), ERRORS))
    errors[:, CENTRE] = edges.axis.by_pixel[:, 1, 0] * edges.side_sigma
    errors[:, PITCH] = edges.axis.by_pitch[:, 1] * np.radians(settings.pitch_sigma)
    return errors


def _consistent(
        falls: Doubles, errors: Doubles, slopes: Doubles, shown: Mask,
        settings: PlacementSettings) -> tuple[Mask, Mask]:
    """
    Return which edges (N, 2) to believe, and where the prior of the height counts (N,).

    A person who would be too tall has hidden feet, so only the head counts. One who would be too
    small is one, or sits: the feet count.
    """
    shown = shown.copy()
    inverse = falls[:, 0] / slopes[0]
    surplus = falls[:, 1] - slopes[1] * inverse
    effect = errors[:, 1] - slopes[1] / slopes[0] * errors[:, 0]
    sigma = np.sqrt((effect ** 2).sum(1) + (inverse * settings.height_sigma) ** 2)
    both = shown.all(1)
    hidden = both & ((surplus < -GATE * sigma) | ~(inverse > 0))
    small = both & ~hidden & (surplus > GATE * sigma)
    shown[hidden, 0] = False
    shown[small, 1] = False
    return shown, shown[:, 1]


def _fit(
        falls: Doubles, errors: Doubles, slopes: Doubles, shown: Mask,
        settings: PlacementSettings) -> _Fit:
    """Return the weighted mean of the inverse distances that falls of foot and head state."""
    seen = np.where(shown, falls, 0.0)
    unseen = np.where(shown, 0.0, UNSEEN)
    inverse = np.where(
        shown.all(1), (seen[:, 0] - seen[:, 1]) / settings.height,
        np.where(shown[:, 0], seen[:, 0] / slopes[0], seen[:, 1] / slopes[1]))
    errors = errors.copy()
    for _ in range(ROUNDS):
        errors[:, 1, HEIGHT] = -np.abs(inverse) * settings.height_sigma
        covariance = errors @ errors.transpose(0, 2, 1)
        a, b, d = (covariance[:, 0, 0] + unseen[:, 0], covariance[:, 0, 1],
                   covariance[:, 1, 1] + unseen[:, 1])
        # the inverse of the covariance times the slopes, but for the determinant
        gain = np.column_stack([d * slopes[0] - b * slopes[1], a * slopes[1] - b * slopes[0]])
        gain /= (gain @ slopes)[:, None]
        inverse = (gain * seen).sum(1)
    inverse_errors = (gain[:, None] @ errors)[:, 0]
    # what the falls leave over corrects the prior of the height
    correction = np.column_stack([-b, a]) * (
        -np.abs(inverse) * settings.height_sigma ** 2 / (a * d - b * b))[:, None]
    rest = seen - slopes * inverse[:, None]
    rest_errors = errors * shown[:, :, None] - slopes[:, None] * inverse_errors[:, None]
    height_errors = (correction[:, None] @ rest_errors)[:, 0]
    height_errors[:, HEIGHT] -= settings.height_sigma
    return _Fit(inverse, inverse_errors, settings.height + (correction * rest).sum(1),
                height_errors)

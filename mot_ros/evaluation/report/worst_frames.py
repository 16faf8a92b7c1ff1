# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0


"""The worst moments of a run as annotated crops: switches, misses, false tracks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast, TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from mot_ros.data.datasets.mot import Doubles, MotRows
from mot_ros.evaluation.scores.track_events import Change, Story

if TYPE_CHECKING:
    from mot_ros.data.video.frame_source import FrameSource

Image = NDArray[np.uint8]

OF_EACH_KIND = 3
CROP = (230, 190)
"""Width and height of a crop in the report, in pixels."""
CONTEXT = 2.6
"""How many times as high as the box the crop is."""
TRUTH_COLOUR = (80, 200, 60)
TRACK_COLOUR = (30, 120, 250)
MUTED = 0.45
JPEG_QUALITY = 82


@dataclass(frozen=True)
class Moment:
    """What went wrong in a frame, and a JPEG that shows it."""

    kind: str
    frame: int
    text: str
    jpeg: bytes


@dataclass(frozen=True)
class _View:
    """What to look at in one frame: a place, and whom it is about."""

    frame: int
    box: Doubles
    person: int | None = None
    track: int | None = None


def worst_moments(story: Story, images: FrameSource) -> list[Moment]:
    """Choose the worst moments and draw them; images that cannot be read are left out."""
    planned = [*_switches(story), *_misses(story), *_false_tracks(story)]
    needed = {view.frame for _, _, views in planned for view in views}
    pictures: dict[int, Image] = {}
    if needed:
        for frame in images:
            number = images.index_of(frame) + 1
            if number in needed:
                pictures[number] = cast(Image, frame.image)
            if number >= max(needed):
                break
    moments = []
    for kind, text, views in planned:
        if all(view.frame in pictures for view in views):
            crops = [_crop(pictures[view.frame], view, story) for view in views]
            _, data = cv2.imencode(
                '.jpg', np.hstack(crops), [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
            moments.append(Moment(kind, views[-1].frame, text, data.tobytes()))
    return moments


_Plan = tuple[str, str, list[_View]]


def _switches(story: Story) -> list[_Plan]:
    """Plan the switches after which the new track stayed longest."""
    def weight(change: Change) -> int:
        mine = story.tracks.ids == change.after
        return int((mine & (story.tracks.frames >= change.frame)).sum())

    chosen = sorted(story.switches(), key=weight, reverse=True)[:OF_EACH_KIND]
    return [
        ('switch',
         f'person {change.whose}: track {change.before} in frame {change.since}, track '
         f'{change.after} in frame {change.frame}',
         [_View(change.since, _box(story.truth, change.since, change.whose),
                change.whose, change.before),
          _View(change.frame, _box(story.truth, change.frame, change.whose),
                change.whose, change.after)])
        for change in sorted(chosen, key=lambda change: change.frame)]


def _misses(story: Story) -> list[_Plan]:
    """Plan the longest times that a person was there and under no track, at their middle."""
    spans = [span for span in story.spans() if span.track < 0]
    spans.sort(key=lambda span: span.first - span.last)
    plans: list[_Plan] = []
    for span in spans[:OF_EACH_KIND]:
        mine = story.truth.frames[story.truth.ids == span.truth]
        inside = mine[(mine >= span.first) & (mine <= span.last)]
        middle = int(inside[len(inside) // 2])
        plans.append((
            'miss', f'person {span.truth} has no track in frames {span.first} to {span.last}',
            [_View(middle, _box(story.truth, middle, span.truth), span.truth)]))
    return plans


def _false_tracks(story: Story) -> list[_Plan]:
    """Plan the tracks that spent most frames on nobody, at the middle of these."""
    plans: list[_Plan] = []
    for track, rows in story.false_tracks()[:OF_EACH_KIND]:
        row = rows[len(rows) // 2]
        frame = int(story.tracks.frames[row])
        plans.append((
            'false track', f'track {track} is on nobody in {len(rows)} frames',
            [_View(frame, story.tracks.boxes[row], track=track)]))
    return plans


def _box(rows: MotRows, frame: int, identity: int) -> Doubles:
    at = rows.at(frame)
    return cast(Doubles, at.boxes[at.ids == identity][0])


def _crop(picture: Image, view: _View, story: Story) -> Image:
    """Cut out the surroundings of a box and draw truth and tracks, the others muted."""
    height, width = picture.shape[:2]
    x1, y1, x2, y2 = view.box.tolist()
    aspect = CROP[0] / CROP[1]
    tall = max((y2 - y1) * CONTEXT, (x2 - x1) * CONTEXT / aspect, 40.0)
    tall = min(tall, height, width / aspect)
    wide = tall * aspect
    left = min(max((x1 + x2 - wide) / 2, 0), width - wide)
    top = min(max((y1 + y2 - tall) / 2, 0), height - tall)
    scale = CROP[0] / wide
    warp = np.array([[scale, 0, -left * scale], [0, scale, -top * scale]])
    crop = cast(Image, cv2.warpAffine(
        picture, warp, CROP, flags=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC))
    people, tracks = story.truth.at(view.frame), story.tracks.at(view.frame)
    for rows, main, colour, letter in (
            (people, view.person, TRUTH_COLOUR, ''), (tracks, view.track, TRACK_COLOUR, '#')):
        # the one that it is about last, over the others
        for row in sorted(range(len(rows)), key=lambda row: int(rows.ids[row]) == main):
            strong = int(rows.ids[row]) == main
            label = f'{letter}{rows.ids[row]}' if letter else ''
            _draw(crop, rows.boxes[row], (left, top, scale), colour, strong, label)
    cv2.putText(crop, f'{view.frame}', (4, CROP[1] - 5), cv2.FONT_HERSHEY_SIMPLEX, 0.45,
                (0, 0, 0), 2, cv2.LINE_AA)
    cv2.putText(crop, f'{view.frame}', (4, CROP[1] - 5), cv2.FONT_HERSHEY_SIMPLEX, 0.45,
                (255, 255, 255), 1, cv2.LINE_AA)
    return crop


def _draw(
        crop: Image, box: Doubles, place: tuple[float, float, float],
        colour: tuple[int, int, int], strong: bool, label: str) -> None:
    left, top, scale = place
    x1, y1, x2, y2 = (
        round(value) for value in ((box - [left, top, left, top]) * scale).tolist())
    if not (x2 > 0 and y2 > 0 and x1 < CROP[0] and y1 < CROP[1]):
        return
    shade = colour if strong else tuple(int(part * MUTED + 90) for part in colour)
    cv2.rectangle(crop, (x1, y1), (x2, y2), shade, 2 if strong else 1, cv2.LINE_AA)
    if label:
        at = (min(max(x1, 2), CROP[0] - 30), max(y1 - 4, 12))
        cv2.putText(crop, label, at, cv2.FONT_HERSHEY_SIMPLEX, 0.45, (0, 0, 0), 2, cv2.LINE_AA)
        cv2.putText(crop, label, at, cv2.FONT_HERSHEY_SIMPLEX, 0.45, shade, 1, cv2.LINE_AA)

# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0


"""Worst frames of a run as annotated crops: id switches, misses, false tracks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast, TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from mot_ros.data.datasets.mot import Doubles, MotRows
from mot_ros.evaluation.scores.track_events import Change, TrackEvents

if TYPE_CHECKING:
    from mot_ros.data.video.frame_source import FrameSource

Image = NDArray[np.uint8]

OF_EACH_KIND = 3
CROP = (230, 190)
"""Width and height of a crop in the report, in pixels."""
CONTEXT = 2.6
"""Height of a crop, in heights of the box."""
TRUTH_COLOUR = (80, 200, 60)
TRACK_COLOUR = (30, 120, 250)
MUTED = 0.45
JPEG_QUALITY = 82


@dataclass(frozen=True)
class WorstFrame:
    """An error in a frame: its kind, a description, and a JPEG of the place."""

    kind: str
    frame: int
    text: str
    jpeg: bytes


@dataclass(frozen=True)
class _View:
    """A crop to make: frame, box, and the ids that it is about."""

    frame: int
    box: Doubles
    person: int | None = None
    track: int | None = None


def worst_frames(events: TrackEvents, images: FrameSource) -> list[WorstFrame]:
    """Choose the worst frames and draw them; those without an image are left out."""
    chosen = [*_switches(events), *_misses(events), *_false_tracks(events)]
    needed = {view.frame for _, _, views in chosen for view in views}
    pictures: dict[int, Image] = {}
    if needed:
        for frame in images:
            number = images.index_of(frame) + 1
            if number in needed:
                pictures[number] = cast(Image, frame.image)
            if number >= max(needed):
                break
    found = []
    for kind, text, views in chosen:
        if all(view.frame in pictures for view in views):
            crops = [_crop(pictures[view.frame], view, events) for view in views]
            _, data = cv2.imencode(
                '.jpg', np.hstack(crops), [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
            found.append(WorstFrame(kind, views[-1].frame, text, data.tobytes()))
    return found


_Choice = tuple[str, str, list[_View]]


def _switches(events: TrackEvents) -> list[_Choice]:
    """Choose the switches after which the new track lasted longest."""
    def weight(change: Change) -> int:
        mine = events.tracks.ids == change.after
        return int((mine & (events.tracks.frames >= change.frame)).sum())

    chosen = sorted(events.switches(), key=weight, reverse=True)[:OF_EACH_KIND]
    return [
        ('switch',
         f'person {change.whose}: track {change.before} in frame {change.since}, track '
         f'{change.after} in frame {change.frame}',
         [_View(change.since, _box(events.truth, change.since, change.whose),
                change.whose, change.before),
          _View(change.frame, _box(events.truth, change.frame, change.whose),
                change.whose, change.after)])
        for change in sorted(chosen, key=lambda change: change.frame)]


def _misses(events: TrackEvents) -> list[_Choice]:
    """Choose the longest spans of a person without a track, at their middle."""
    spans = [span for span in events.spans() if span.track < 0]
    spans.sort(key=lambda span: span.first - span.last)
    chosen: list[_Choice] = []
    for span in spans[:OF_EACH_KIND]:
        mine = events.truth.frames[events.truth.ids == span.truth]
        inside = mine[(mine >= span.first) & (mine <= span.last)]
        middle = int(inside[len(inside) // 2])
        chosen.append((
            'miss', f'person {span.truth} has no track in frames {span.first} to {span.last}',
            [_View(middle, _box(events.truth, middle, span.truth), span.truth)]))
    return chosen


def _false_tracks(events: TrackEvents) -> list[_Choice]:
    """Choose the tracks with most unmatched boxes, at the middle one."""
    chosen: list[_Choice] = []
    for track, rows in events.false_tracks()[:OF_EACH_KIND]:
        row = rows[len(rows) // 2]
        frame = int(events.tracks.frames[row])
        chosen.append((
            'false track', f'track {track} is on nobody in {len(rows)} frames',
            [_View(frame, events.tracks.boxes[row], track=track)]))
    return chosen


def _box(rows: MotRows, frame: int, identity: int) -> Doubles:
    at = rows.at(frame)
    return cast(Doubles, at.boxes[at.ids == identity][0])


def _crop(picture: Image, view: _View, events: TrackEvents) -> Image:
    """Crop the surroundings of a box; draw ground truth and tracks, others than its own muted."""
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
    people, tracks = events.truth.at(view.frame), events.tracks.at(view.frame)
    for rows, main, colour, letter in (
            (people, view.person, TRUTH_COLOUR, ''), (tracks, view.track, TRACK_COLOUR, '#')):
        # its own id last, over the others
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

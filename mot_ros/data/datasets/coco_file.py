# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Videos with images, annotations and categories, as an annotation file of COCO holds them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
import difflib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mot_ros.data.datasets.mot import Doubles, Ints, MotRows, NO_ID
from mot_ros.tracking.errors import ConfigError, SourceError

NO_CATEGORY = -1
"""The category that CenterTrack gives what is neither right nor wrong to find."""
SHOWN = 12
"""Names that an error lists at most."""


@dataclass(frozen=True)
class CocoCategory:
    """A category; `merged` are the ids of those that TAO counts as this one."""

    id: int
    name: str
    merged: tuple[int, ...] = ()


@dataclass(frozen=True)
class CocoImage:
    """
    An image that annotations may belong to.

    `size` is (width, height), None where the file does not say; `frame_index` is the place in
    the video as the file counts it, None where there is none.
    """

    id: int
    file_name: str
    size: tuple[int, int] | None
    frame_index: int | None


@dataclass(frozen=True, eq=False)
class CocoVideo:
    """
    One video; its images are in their order.

    Frame n of `rows` is `images[n - 1]`, whatever its frame_index. `values` of the rows are 0
    where the annotation is marked `ignore` or `iscrowd` or has no category, else 1; ids are
    NO_ID where there is no track. `categories` (N,) are the category ids of the rows, `scores`
    (N,) what the annotations state, else 1. `fps` is the rate that `frame_index` counts in, None
    where the file does not say.
    """

    id: int
    name: str
    images: tuple[CocoImage, ...]
    rows: MotRows
    categories: Ints
    scores: Doubles
    fps: float | None = None
    neg_category_ids: tuple[int, ...] = ()
    not_exhaustive_category_ids: tuple[int, ...] = ()

    @property
    def has_tracks(self) -> bool:
        """Whether any annotation belongs to a track."""
        return bool((self.rows.ids != NO_ID).any())

    def only(self, wanted: NDArray[np.bool_]) -> CocoVideo:
        """Return the video with a part of its annotations."""
        return replace(self, rows=self.rows[wanted], categories=self.categories[wanted],
                       scores=self.scores[wanted])


@dataclass(frozen=True, eq=False)
class CocoFile:
    """Everything in a file, videos and categories in the order in which they stand."""

    path: Path
    videos: tuple[CocoVideo, ...]
    categories: tuple[CocoCategory, ...]
    info: Mapping[str, Any] = field(default_factory=dict)

    def video(self, name: str | None = None) -> CocoVideo:
        """Return the video of a name or id; without one the only video that there is."""
        names = [video.name for video in self.videos]
        if name is None:
            if len(names) != 1:
                raise ConfigError(
                    f'{self.path} holds {len(names)} videos; name the one to take (--video): '
                    f'{_listed(names)}')
            return self.videos[0]
        found = [video for video in self.videos if video.name == name] or [
            video for video in self.videos if str(video.id) == name]
        if not found:
            raise SourceError(
                f'{self.path} holds no video {name!r}; there is {_listed(names, name)}')
        if len(found) > 1:
            raise SourceError(
                f'{self.path}: {len(found)} videos are called {name!r}; name one by its id: '
                f'{_listed([str(video.id) for video in found])}')
        return found[0]

    def category_ids(self, names: Sequence[str]) -> list[int]:
        """Return the ids of categories by their names."""
        ids = {category.name: category.id for category in self.categories}
        for name in names:
            if name not in ids:
                raise SourceError(
                    f'{self.path} has no category {name!r}; there is {_listed(list(ids), name)}')
        return [ids[name] for name in names]


def _listed(names: Sequence[str], wanted: str = '') -> str:
    """Join names, of many those that are like the wanted one."""
    if len(names) <= SHOWN:
        return ', '.join(names) or 'none'
    near = difflib.get_close_matches(wanted, names, SHOWN, 0.5) or list(names)[:SHOWN]
    return f'{", ".join(near)} and {len(names) - len(near)} more'

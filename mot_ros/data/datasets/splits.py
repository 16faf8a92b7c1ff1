# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Where the images of an annotated folder lie, and with them what is said of each."""

from __future__ import annotations

from pathlib import Path

from mot_ros.data.video.image_files import images_in


def splits(folder: str | Path) -> list[tuple[Path, str]]:
    """
    Return root and name of every split of a folder; the name is empty where it has no splits.

    Images lie in ROOT/images, or in ROOT/images/SPLIT for each split, and what belongs to them
    in folders beside `images` of the same shape, such as ROOT/labels/SPLIT. The folder is the
    root, or ROOT/images/SPLIT for this split alone.
    """
    root = Path(folder)
    images = root / 'images'
    if root.parent.name == 'images' and not images.is_dir():
        return [(root.parent.parent, root.name)]
    inside = sorted(images.iterdir()) if images.is_dir() else []
    if images_in(images):
        return [(root, '')]
    names = [path.name for path in inside if path.is_dir()]
    return [(root, name) for name in names or ['']]

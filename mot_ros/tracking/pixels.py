# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""The image of a frame, for those who look at it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mot_ros.tracking.errors import FrameError
from mot_ros.tracking.types import Frame

if TYPE_CHECKING:
    import torch


def pixels_of(frame: Frame, need: str) -> NDArray[np.uint8] | torch.Tensor:
    """
    Return the image (H, W, 3) uint8 BGR where it is.

    Raises FrameError for a frame with other than 8-bit numbers, or without image; `need` says
    what that is good for.
    """
    if frame.image is None:
        raise FrameError(f'the frame has no image, and {need}')
    kind = str(frame.image.dtype).rpartition('.')[2]
    if kind != 'uint8':
        raise FrameError(
            f'the image is of type {kind}; convert it to 8-bit BGR (uint8)')
    return frame.image

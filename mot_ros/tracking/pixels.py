# Copyright 2026 mot_ros contributors
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

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

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

"""What the detectors with a feature pyramid ask of the network in front of it."""

from __future__ import annotations

from typing import ClassVar

from torch import nn

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


class Body(nn.Module):
    """
    Images (B, 3, H, W) float32 RGB to the list C2..C5, at strides 4, 8, 16 and 32.

    `channels` are the widths of C2..C5. `mean` and `std` are what the images are normalised
    with, for RGB in [0, 1]: (x - mean) / std.
    """

    channels: tuple[int, int, int, int]
    mean: ClassVar[tuple[float, float, float]] = IMAGENET_MEAN
    std: ClassVar[tuple[float, float, float]] = IMAGENET_STD

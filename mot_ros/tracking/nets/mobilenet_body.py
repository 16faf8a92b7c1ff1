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

"""MobileNetBody: the default detector's MobileNetV3-Large below a feature pyramid."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from mot_ros.tracking.nets.body import Body
from mot_ros.tracking.nets.mobilenet import CHANNELS, MobileNetV3


class MobileNetBody(MobileNetV3, Body):
    """
    The light body, at any image size; sides are divided by the stride and rounded up.

    Its tensors have the names that they have in SsdMobileNetV3; from_ssd takes them out of
    there.
    """

    channels = CHANNELS
    mean = (0.5, 0.5, 0.5)
    std = (0.5, 0.5, 0.5)

    def forward(self, images: Tensor) -> list[Tensor]:
        """Return C2..C5 of images (B, 3, H, W)."""
        return self.levels(images)


def from_ssd(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return those tensors of the SSD's weights that MobileNetBody has; strict loading checks."""
    return {
        name: tensor for name, tensor in state.items()
        if name.startswith(('stem.', 'blocks.'))}

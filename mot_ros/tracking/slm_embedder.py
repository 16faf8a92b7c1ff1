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

"""SlmEmbedder: appearance by SMILEtrack's SLM, all boxes of a frame in batches."""

from __future__ import annotations

import contextlib

import numpy as np
import torch

from mot_ros.tracking import weights
from mot_ros.tracking.appearance import NEED, unit, windows
from mot_ros.tracking.config.compute import Compute
from mot_ros.tracking.crops import resized_windows
from mot_ros.tracking.device import resolve_device
from mot_ros.tracking.errors import WeightsError
from mot_ros.tracking.nets.slm import CHECKPOINT_KEY, DIMENSION, running_part
from mot_ros.tracking.nets.slms import AnySlm, make_slm, variant_of
from mot_ros.tracking.pixels import pixels_of
from mot_ros.tracking.types import Floats, Frame


class SlmEmbedder:
    """
    Embeds boxes by a trained SLM, of the variant that its tensors tell, see nets/slms.py.

    `name` is a name in the weights manifest or a file: safetensors, or a checkpoint of the
    published code. There is no embedding without training: raises WeightsError if it is empty,
    missing or of another network, ConfigError for a device that is not there.
    """

    def __init__(
            self, name: str, device: str, compute: Compute = Compute()) -> None:  # noqa: B008
        if not name:
            raise WeightsError(
                'SLM has no weights, and untrained it tells nobody apart; name a file of trained '
                "ones, or compare colours ('colour') instead")
        self.device = resolve_device(device)
        self._compute = compute
        state, self.unused = running_part(weights.load(name, inside=CHECKPOINT_KEY))
        """Names of tensors in the file that the network does not run."""
        network = make_slm(variant_of(state))
        weights.fit(network, state)
        network.eval().requires_grad_(False).fold()
        # oneDNN and cuDNN both compute faster with the channels last
        self._network: AnySlm = network.to(  # type: ignore[call-overload]
            self.device, memory_format=torch.channels_last)

    @property
    def dimension(self) -> int:
        """Length of an embedding."""
        return DIMENSION

    def warm_up(self) -> None:
        """Run once on nothing: the first call allocates memory and picks kernels."""
        width, height = self._network.crop
        black = np.zeros((height, width, 3), np.uint8)
        self.embed(Frame.of(black, 0.0), np.array([[0, 0, width, height]], np.float32))

    def embed(self, frame: Frame, boxes: Floats) -> Floats:
        """Return embeddings (N, 128) of boxes (N, 4), see Embedder."""
        image = pixels_of(frame, NEED)
        whole, enough = windows(boxes, frame.size)
        result = np.zeros((len(boxes), DIMENSION), np.float32)
        rows = np.flatnonzero(enough)
        # the same numbers on every run and, but for rounding, the CPU's
        exact = torch.backends.cudnn.flags(
            enabled=True, benchmark=False, deterministic=True, allow_tf32=False)
        with torch.inference_mode(), (
                exact if self.device.type == 'cuda' else contextlib.nullcontext()):
            for start in range(0, len(rows), self._network.batch):
                some = rows[start:start + self._network.batch]
                crops = resized_windows(image, whole[some], self._network.crop, self.device)
                crops = crops.contiguous(memory_format=torch.channels_last)
                result[some] = self._network(crops).cpu().numpy()
        return unit(result)

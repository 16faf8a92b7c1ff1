# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
Images on a device: brought there once for all who look at them.

The bytes go through page-locked memory on a stream of their own, so that they travel while the
device computes something else, and are put in order and resized only there. Whoever asks for
them has the device wait for them, never the host.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mot_ros.tracking.types import Frame

NEED = 'it is looked at on a GPU'
"""Why a frame that is fetched ahead needs an image."""


@dataclass(frozen=True)
class _Copy:
    """An image on a device, and what says that all of it is there; None on the CPU."""

    pixels: Tensor
    arrived: torch.cuda.Event | None


class Uploads:
    """The way to one device, with a stream of its own if that is a GPU."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._stream: torch.cuda.Stream | None = None
        if device.type == 'cuda':
            self._stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]

    def prefetch(self, frame: Frame, need: str = NEED) -> None:
        """Set an image going and do not wait for it; raises FrameError if there is none."""
        self._copy(frame, need)

    def fetch(self, frame: Frame, need: str = NEED) -> Tensor:
        """
        Return the image of a frame, (H, W, 3) uint8 BGR on the device, for the current stream.

        It is read only: others get the same one. Raises FrameError if there is none.
        """
        copy = self._copy(frame, need)
        if copy.arrived is not None:
            stream = torch.cuda.current_stream(self.device)
            stream.wait_event(copy.arrived)
            # the allocator would else give the memory away while this stream still reads it
            copy.pixels.record_stream(stream)
        return copy.pixels

    def _copy(self, frame: Frame, need: str) -> _Copy:
        key = str(self.device)
        if key not in frame.copies:
            frame.copies[key] = self._sent(frame, need)
        copy: _Copy = frame.copies[key]
        return copy

    def _sent(self, frame: Frame, need: str) -> _Copy:
        image = frame.require_image(need)
        if isinstance(image, Tensor) and image.device == self.device:
            return _Copy(image, None)
        if self._stream is None:
            # a message's bytes must not be written to, which torch warns of
            here = image if isinstance(image, Tensor) else torch.from_numpy(_writable(image))
            return _Copy(here.to(self.device), None)
        if isinstance(image, Tensor) and image.is_cuda:
            return _Copy(image.to(self.device), None)
        return self._through_locked_memory(image)

    def _through_locked_memory(self, image: np.ndarray | Tensor) -> _Copy:
        """Copy an image of the host by way of memory that the device can read by itself."""
        locked = torch.empty(tuple(image.shape), dtype=torch.uint8, pin_memory=True)
        # NumPy takes any strides, and bytes that may only be read
        np.copyto(locked.numpy(), image.numpy() if isinstance(image, Tensor) else image)
        with torch.cuda.stream(self._stream):
            pixels = locked.to(self.device, non_blocking=True)
            arrived = torch.cuda.Event()  # type: ignore[no-untyped-call]
            arrived.record()
        return _Copy(pixels, arrived)


def _writable(image: np.ndarray) -> np.ndarray:
    return image if image.flags.writeable and image.flags.c_contiguous else image.copy()

# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
Upload images to a device once for all their users.

Bytes are copied through page-locked memory on a separate stream, in parallel with computation, and
are reordered and resized on the device. Users of an image make their stream wait for the copy; the
host never synchronises.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mot_ros.tracking.runtime.cuda_device import cuda_device
from mot_ros.tracking.types import Frame

NEED = 'the network needs one'
"""Why a frame that is fetched ahead needs an image."""


@dataclass(frozen=True)
class _Copy:
    """Image on a device and the event that marks its copy complete; None on the CPU."""

    pixels: Tensor
    arrived: torch.cuda.Event | None


class Uploads:
    """Uploader to one device, on a stream for uploads alone if that is a GPU."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._stream: Any = None
        # a Jetson's GPU and CPU have one memory: nothing is to be locked there
        if device.type == 'cuda' and not cuda_device(device).integrated:
            self._stream = cuda_device(device).upload_stream

    def prefetch(self, frame: Frame, need: str = NEED) -> None:
        """Start the upload of a frame without waiting for it; FrameError if it has no image."""
        self._copy(frame, need)

    def fetch(self, frame: Frame, need: str = NEED) -> Tensor:
        """
        Return the image of a frame, (H, W, 3) uint8 BGR on the device, for the current stream.

        It is shared, so it must not be written to. Raises FrameError for a frame without image.
        """
        copy = self._copy(frame, need)
        if copy.arrived is not None:
            stream = torch.cuda.current_stream(self.device)
            stream.wait_event(copy.arrived)
            # else the allocator could reuse the memory while this stream still reads it
            copy.pixels.record_stream(stream)
        return copy.pixels

    def _copy(self, frame: Frame, need: str) -> _Copy:
        key = str(self.device)
        if key not in frame.copies:
            frame.copies[key] = self._uploaded(frame, need)
        copy: _Copy = frame.copies[key]
        return copy

    def _uploaded(self, frame: Frame, need: str) -> _Copy:
        image = frame.require_image(need)
        if isinstance(image, Tensor) and image.device == self.device:
            return _Copy(image, None)
        if self._stream is None:
            # torch warns of the read-only bytes of a message
            here = image if isinstance(image, Tensor) else torch.from_numpy(_writable(image))
            return _Copy(here.to(self.device), None)
        if isinstance(image, Tensor) and image.device.type != 'cpu':
            return _Copy(image.to(self.device), None)
        return self._through_locked_memory(image)

    def _through_locked_memory(self, image: np.ndarray | Tensor) -> _Copy:
        """Copy an image from the host through page-locked memory."""
        locked = torch.empty(tuple(image.shape), dtype=torch.uint8, pin_memory=True)
        # NumPy accepts any strides and read-only bytes
        np.copyto(locked.numpy(), image.numpy() if isinstance(image, Tensor) else image)
        # the stream selects its GPU, on which the event is made
        with torch.cuda.stream(self._stream):
            pixels = locked.to(self.device, non_blocking=True)
            arrived = torch.cuda.Event()  # type: ignore[no-untyped-call]
            arrived.record()
        return _Copy(pixels, arrived)


def _writable(image: np.ndarray) -> np.ndarray:
    return image if image.flags.writeable and image.flags.c_contiguous else image.copy()

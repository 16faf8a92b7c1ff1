# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""OnnxSession: open an ONNX file in onnxruntime, find its image input and run batches."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
import re
from typing import Any

import numpy as np
from numpy.typing import NDArray
import torch

from mot_ros.tracking.errors import ConfigError, FrameError, WeightsError
from mot_ros.tracking.onnx_backend.session import errors_of, first_line, open_file, runtime
from mot_ros.tracking.runtime.user_files import expand
from mot_ros.tracking.weights import store as weights

TYPES = {'tensor(float)': np.float32, 'tensor(float16)': np.float16, 'tensor(uint8)': np.uint8}
SIZE_INPUTS = ('orig_target_sizes', 'im_shape', 'scale_factor')
"""
Further inputs that are known, (B, 2): what boxes are scaled to, width and height (RT-DETR); height
and width, and factors of the resize (PaddleDetection). Boxes are asked for in pixels of the input.
"""
SIZE_TYPES = {
    'tensor(int64)': np.int64, 'tensor(int32)': np.int32, 'tensor(float)': np.float32}
MOST_SIDE, MOST_IMAGES = 8192, 256
STRIDE = 32
"""Open sides of the input are rounded up to a multiple of this, or of the file's own stride."""


class OnnxSession:
    """
    Network with one input of images, and at most those of SIZE_INPUTS beside it.

    An ONNX file contains a graph of known operators and numbers, never code. Raises ConfigError if
    onnxruntime is missing, lacks the requested GPU, or the input is no image; WeightsError if the
    file is missing, damaged or unsupported by this onnxruntime.
    """

    def __init__(self, path: str, device: str = 'auto') -> None:
        self.path = _located(path)
        ort = runtime('detector.type onnx')
        self._errors = errors_of(ort)
        self._session, self.device = self._opened(ort, device)
        try:
            self.metadata: Mapping[str, str] = self._session.get_modelmeta().custom_metadata_map
            inputs = self._session.get_inputs()
            self.described = described = ', '.join(
                f'{entry.name} {tuple(entry.shape)} {entry.type}' for entry in inputs)
            self.output_names: tuple[str, ...] = tuple(
                entry.name for entry in self._session.get_outputs())
        except self._errors as error:
            # text that is no UTF-8 is a ValueError
            raise WeightsError(
                f'{self.path} describes itself in no readable text ({first_line(error)}); export '
                'it again') from error
        self.input_names = tuple(entry.name for entry in inputs)
        images = [entry for entry in inputs if len(entry.shape) == 4]
        self._sizes = {entry.name: np.dtype(SIZE_TYPES[entry.type]) for entry in inputs
                       if entry.name in SIZE_INPUTS and entry.type in SIZE_TYPES}
        if (len(images) != 1 or images[0].type not in TYPES
                or len(inputs) != 1 + len(self._sizes)):
            raise ConfigError(
                f'{self.path} takes {described}; one input of images is needed, four dimensions '
                f'of float, float16 or uint8, and beside it only {", ".join(SIZE_INPUTS)}')
        image, = images
        self._input: str = image.name
        self.dtype = np.dtype(TYPES[image.type])
        # the size of an open dimension is a name or None
        shape = [side if isinstance(side, int) and side > 0 else None
                 for side in image.shape]
        self.channels_last = shape[3] == 3 and shape[1] != 3
        channels = shape[3] if self.channels_last else shape[1]
        if channels not in (3, None):
            raise ConfigError(f'{self.path} takes {described}; images have three channels')
        self.batch = shape[0]
        rows, columns = shape[1:3] if self.channels_last else shape[2:]
        self._sides = columns, rows
        if max(columns or 1, rows or 1) > MOST_SIDE or (
                isinstance(self.batch, int) and self.batch > MOST_IMAGES):
            raise ConfigError(
                f'{self.path} takes {described}; at most {MOST_IMAGES} images of {MOST_SIDE} '
                'pixels a side are given to a network')

    def size_for(self, wanted: tuple[int, int]) -> tuple[int, int]:
        """Return the (width, height) of the input: the file's, or `wanted` if it is open."""
        text = self.metadata.get('stride', '')
        stride = int(text) if re.fullmatch('[1-9][0-9]{0,3}', text) else STRIDE
        width, height = (
            own or -(-side // stride) * stride
            for own, side in zip(self._sides, wanted, strict=True))
        return width, height

    def run(self, images: NDArray[np.generic]) -> list[NDArray[Any]]:
        """Return the outputs for a batch, whose size the file must accept."""
        try:
            outputs = self._session.run(None, {self._input: images, **self._stated_sizes(images)})
        except self._errors as error:
            raise FrameError(
                f'{self.path} failed on an input of shape {images.shape}: {first_line(error)}') \
                from error
        arrays = [np.asarray(output) for output in outputs]
        for name, array in zip(self.output_names, arrays, strict=True):
            if array.size and array.dtype.kind == 'f' and np.isnan(array).all():
                raise FrameError(
                    f'{self.path} answers only NaN in {name}; export it again, in float32')
        return arrays

    def _stated_sizes(self, images: NDArray[np.generic]) -> dict[str, NDArray[Any]]:
        """Return the further inputs for a batch: nothing was resized, as far as it knows."""
        height, width = images.shape[1:3] if self.channels_last else images.shape[2:]
        values = {
            'orig_target_sizes': (width, height), 'im_shape': (height, width),
            'scale_factor': (1, 1)}
        return {name: np.tile(np.array(values[name], dtype), (len(images), 1))
                for name, dtype in self._sizes.items()}

    def _opened(self, ort: Any, device: str) -> tuple[Any, torch.device]:
        """Return a session and its device, by the rules of resolve_device."""
        opened = open_file(ort, self.path, device)
        return opened.session, opened.device


def _located(name: str) -> Path:
    """Return the file; ConfigError for the name of an entry of the weights manifest."""
    if name in weights.MANIFEST:
        raise ConfigError(
            f'detector.weights is {name!r}, which are no weights of detector.type onnx; name an '
            '.onnx file')
    try:
        path = expand(name)
        found = path.is_file()
    except OSError as error:
        raise WeightsError(f'detector.weights {name!r} cannot be read: {error}') from error
    if not found:
        raise WeightsError(f'detector.weights is {name!r}, but there is no such file')
    if path.suffix.lower() != '.onnx':
        raise WeightsError(
            f'{path} ends in {path.suffix!r}; detector.type onnx takes .onnx files')
    return path

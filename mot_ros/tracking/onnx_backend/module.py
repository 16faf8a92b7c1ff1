# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""OnnxGraph: an exported network in onnxruntime, called with tensors like the module."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from mot_ros.tracking.errors import FrameError
from mot_ros.tracking.onnx_backend.session import errors_of, first_line, Opened

TYPES = {
    'tensor(float)': (torch.float32, np.float32), 'tensor(bool)': (torch.bool, np.bool_),
    'tensor(int64)': (torch.int64, np.int64)}


class OnnxGraph:
    """
    Run an exported module, without gradients.

    onnxruntime reads and writes the tensors' memory on CPU or GPU, so that outputs can be passed
    to the next graph without copying. With a dynamic first dimension the rows must be independent;
    they run in batches of at most `most`.
    """

    def __init__(self, opened: Opened, name: str, most: int) -> None:
        self._session, self._name, self._most = opened.session, name, most
        self.provider = opened.provider
        """onnxruntime's provider of the graph: TensorRT, CUDA or CPU."""
        # torch without CUDA has no GPU tensors; onnxruntime then copies them itself
        self.device = opened.device if torch.cuda.is_available() else torch.device('cpu')
        """Device of inputs and outputs."""
        self._inputs = [
            (entry.name, TYPES[entry.type], entry.shape) for entry in self._session.get_inputs()]
        self._outputs = [
            (entry.name, TYPES[entry.type], entry.shape) for entry in self._session.get_outputs()]
        self._errors = errors_of(opened.runtime)

    def __call__(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Return the outputs, on the inputs' device; FrameError if onnxruntime fails."""
        is_open = [not isinstance(shape[0], int) for _, _, shape in self._inputs]
        counts = {len(x) for x, rows in zip(inputs, is_open, strict=True) if rows}
        if not counts:
            return self._run(inputs, 0)
        count, = counts
        if count == 0:
            return tuple(
                inputs[0].new_zeros((0, *shape[1:]), dtype=dtype)
                for _, (dtype, _), shape in self._outputs)
        if count <= self._most:
            return self._run(inputs, count)
        parts = [
            self._run(
                [x[start:start + self._most] if rows else x
                 for x, rows in zip(inputs, is_open, strict=True)],
                min(self._most, count - start))
            for start in range(0, count, self._most)]
        return tuple(torch.cat(column) for column in zip(*parts, strict=True))

    def _run(self, inputs: Sequence[Tensor], count: int) -> tuple[Tensor, ...]:
        """Return the outputs, with `count` rows where they are dynamic."""
        where = self.device.type, self.device.index or 0
        binding = self._session.io_binding()
        # kept alive until the end, since a binding holds only addresses
        placed = [tensor.to(self.device).contiguous() for tensor in inputs]
        results = []
        for tensor, (name, (_, number), _) in zip(placed, self._inputs, strict=True):
            binding.bind_input(name, *where, number, tuple(tensor.shape), tensor.data_ptr())
        for name, (dtype, number), shape in self._outputs:
            sides = [side if isinstance(side, int) else count for side in shape]
            results.append(torch.empty(sides, dtype=dtype, device=self.device))
            binding.bind_output(name, *where, number, sides, results[-1].data_ptr())
        if self.device.type == 'cuda':
            # onnxruntime has its own stream and synchronises it itself
            torch.cuda.current_stream(self.device).synchronize()
        try:
            self._session.run_with_iobinding(binding)
        except self._errors as error:
            shapes = ', '.join(str(tuple(tensor.shape)) for tensor in inputs)
            raise FrameError(
                f'{self._name} failed on inputs of {shapes}: {first_line(error)}') from error
        return tuple(result.to(inputs[0].device) for result in results)

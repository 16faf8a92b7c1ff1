# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""OnnxGraph: a graph of ours in onnxruntime, called with tensors like the module it was."""

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
    What an exported module computes, without gradients.

    onnxruntime reads and writes the memory of tensors, on the CPU or the GPU, so that what one
    graph returns goes into the next one as it is. A first dimension that is open may have any
    length; rows of such a graph do not know of each other, and go in parts of at most `most`.
    """

    def __init__(self, opened: Opened, name: str, most: int) -> None:
        self._session, self._name, self._most = opened.session, name, most
        self.provider = opened.provider
        """What runs it: TensorRT, CUDA or CPU."""
        # a torch without CUDA can only leave it to onnxruntime to copy what a GPU needs
        self.device = opened.device if torch.cuda.is_available() else torch.device('cpu')
        """Where it reads and writes."""
        self._inputs = [
            (entry.name, TYPES[entry.type], entry.shape) for entry in self._session.get_inputs()]
        self._outputs = [
            (entry.name, TYPES[entry.type], entry.shape) for entry in self._session.get_outputs()]
        self._errors = errors_of(opened.runtime)

    def __call__(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Return the outputs, where the inputs are; raises FrameError for what cannot be run."""
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
        """Return the outputs, with so many rows where they are open."""
        where = self.device.type, self.device.index or 0
        binding = self._session.io_binding()
        # held until the end, since a binding has but their addresses
        placed = [tensor.to(self.device).contiguous() for tensor in inputs]
        results = []
        for tensor, (name, (_, number), _) in zip(placed, self._inputs, strict=True):
            binding.bind_input(name, *where, number, tuple(tensor.shape), tensor.data_ptr())
        for name, (dtype, number), shape in self._outputs:
            sides = [side if isinstance(side, int) else count for side in shape]
            results.append(torch.empty(sides, dtype=dtype, device=self.device))
            binding.bind_output(name, *where, number, sides, results[-1].data_ptr())
        if self.device.type == 'cuda':
            # onnxruntime has a stream of its own, and waits for that one itself
            torch.cuda.current_stream(self.device).synchronize()
        try:
            self._session.run_with_iobinding(binding)
        except self._errors as error:
            shapes = ', '.join(str(tuple(tensor.shape)) for tensor in inputs)
            raise FrameError(
                f'{self._name} failed on inputs of {shapes}: {first_line(error)}') from error
        return tuple(result.to(inputs[0].device) for result in results)

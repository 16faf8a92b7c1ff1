# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Export a module to an ONNX file with metadata, by torch's exporter."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
import contextlib
import logging
from pathlib import Path
import warnings

import torch
from torch import nn, Tensor

from mot_ros.tracking.errors import ConfigError

OPSET = 18
EXPORTERS = ('torch.onnx', 'onnxscript', 'onnx_ir')
"""Loggers of torch's exporter."""

Axes = Mapping[int, torch.export.Dim]
"""Dynamic axes of a tensor, by number, with the name of their size."""


def check_packages() -> None:
    """Raise ConfigError if packages that torch's exporter needs are missing."""
    try:
        # torch imports them late
        import onnx  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise ConfigError(
            f'export to ONNX needs a package that cannot be imported ({error}): '
            'pip install onnx onnxscript') from error


def save(
        module: nn.Module, examples: Sequence[Tensor | Sequence[Tensor]], path: Path,
        inputs: Sequence[str], outputs: Sequence[str], axes: Sequence[Axes | Sequence[Axes]],
        metadata: Mapping[str, str]) -> None:
    """
    Export a module, traced with tensors like `examples`, to an ONNX file.

    `inputs` and `outputs` name its tensors, those in lists one by one. `axes` lists the dynamic
    axes of each input, along which an example must be at least two long, since torch treats a
    length of one as constant. Raises ConfigError, see check_packages.
    """
    check_packages()
    with _silent(), warnings.catch_warnings():
        warnings.simplefilter('ignore')
        program = torch.onnx.export(
            module.eval(), tuple(examples), dynamo=True, opset_version=OPSET, verbose=False,
            input_names=inputs, output_names=outputs,
            dynamic_shapes=tuple(axes))
    assert program is not None  # noqa: S101
    # torch stores its stack trace at every node, with the paths of this machine
    for node in program.model.graph:
        node.metadata_props.clear()
    program.model.metadata_props.update(metadata)
    program.save(str(path))


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    """Silence the exporter's own messages, which do not concern the user."""
    loggers = [logging.getLogger(name) for name in EXPORTERS]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)

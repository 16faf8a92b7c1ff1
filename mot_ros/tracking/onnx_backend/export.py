# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""A module as an ONNX file, with metadata, by torch's exporter."""

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
"""What torch's exporter is made of, by the names of its loggers."""

Axes = Mapping[int, torch.export.Dim]
"""Which axes of a tensor may have any length, and how that is called."""


def check_packages() -> None:
    """Raise ConfigError where the packages that torch needs for its exporter are missing."""
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
    Write what a module does with tensors like `examples` as an ONNX file.

    `inputs` and `outputs` are the names of its tensors, those in lists one by one. `axes` says
    for each input which of its axes are not fixed; there an example must be two long or more,
    since torch takes a length of one for a constant. Raises ConfigError, see check_packages.
    """
    check_packages()
    with _silent(), warnings.catch_warnings():
        warnings.simplefilter('ignore')
        program = torch.onnx.export(
            module.eval(), tuple(examples), dynamo=True, opset_version=OPSET, verbose=False,
            input_names=inputs, output_names=outputs,
            dynamic_shapes=tuple(axes))
    assert program is not None  # noqa: S101
    # torch leaves a trace of its code at every node, with the paths of this machine
    for node in program.model.graph:
        node.metadata_props.clear()
    program.model.metadata_props.update(metadata)
    program.save(str(path))


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    """Keep what the exporter says of itself, which is no news to the user, out of the log."""
    loggers = [logging.getLogger(name) for name in EXPORTERS]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)

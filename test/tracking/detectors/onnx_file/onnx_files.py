# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Small ONNX files whose outputs are known: what the tests feed the ONNX detector with."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from onnx import helper, numpy_helper, save, TensorProto

TYPES = {'float32': TensorProto.FLOAT, 'float16': TensorProto.FLOAT16,
         'uint8': TensorProto.UINT8}
OPSET = 17
IR_VERSION = 8


def write_constant(
        path: Path, outputs: Mapping[str, np.ndarray], shape: tuple[int | str, ...],
        metadata: Mapping[str, str] | None = None, dtype: str = 'float32') -> str:
    """
    Write a network that answers every image of its batch with the same.

    Each output has its first dimension of one repeated as often as there are images.
    """
    nodes = [
        helper.make_node('Shape', ['images'], ['count'], start=0, end=1),
    ]
    values = []
    for name, array in outputs.items():
        known = array.astype(np.float16 if dtype == 'float16' else np.float32)
        values.append(numpy_helper.from_array(known, f'{name}_known'))
        rest = numpy_helper.from_array(np.array(array.shape[1:], np.int64), f'{name}_rest')
        values.append(rest)
        nodes += [
            helper.make_node('Concat', ['count', f'{name}_rest'], [f'{name}_shape'], axis=0),
            helper.make_node('Expand', [f'{name}_known', f'{name}_shape'], [name])]
    kind = TensorProto.FLOAT16 if dtype == 'float16' else TensorProto.FLOAT
    return _write(path, nodes, values, shape, dtype, metadata or {}, [
        helper.make_tensor_value_info(name, kind, [shape[0], *array.shape[1:]])
        for name, array in outputs.items()])


def write_objects(
        path: Path, outputs: Mapping[str, np.ndarray], shape: tuple[int | str, ...],
        metadata: Mapping[str, str] | None = None, scaled: str = '', second: str = '') -> str:
    """
    Write a network of one image with these outputs, of the types that the arrays have.

    Beside the images it may take a `second` input (B, 2); the output `scaled` is multiplied by its
    two numbers.
    """
    nodes, values = [], []
    whole = second == 'orig_target_sizes'
    for name, array in outputs.items():
        values.append(numpy_helper.from_array(array, f'{name}_known'))
        if name != scaled:
            nodes.append(helper.make_node('Identity', [f'{name}_known'], [name]))
            continue
        nodes += [
            helper.make_node('Cast', [second], ['sizes'], to=TensorProto.FLOAT),
            helper.make_node('Concat', ['sizes', 'sizes'], ['both'], axis=1),
            helper.make_node('Mul', [f'{name}_known', 'both'], [name])]
    more = [helper.make_tensor_value_info(
        second, TensorProto.INT64 if whole else TensorProto.FLOAT, [1, 2])] if second else []
    return _write(path, nodes, values, shape, 'float32', metadata or {}, [
        helper.make_tensor_value_info(
            name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
        for name, array in outputs.items()], more)


def write_probe(
        path: Path, shape: tuple[int | str, ...], points: np.ndarray, channels_last: bool = False,
        dtype: str = 'float32', metadata: Mapping[str, str] | None = None) -> str:
    """
    Write a network of layout yolov10 whose scores are what it was given at `points` (K, 2), x y.

    One row per point and channel: score |value| / 1000, class the channel; the boxes stand in
    the middle of an input of 160x128, a column for each point.
    """
    rows = [[60 + 10 * k, 50 + 10 * c, 68 + 10 * k, 58 + 10 * c, 0, c]
            for k in range(len(points)) for c in range(3)]
    index = [[0, y, x, c] if channels_last else [0, c, y, x] for x, y in points for c in range(3)]
    mask = np.zeros((1, len(rows), 6), np.float32)
    mask[..., 4] = 1e-3
    values = [
        numpy_helper.from_array(np.array([rows], np.float32), 'table'),
        numpy_helper.from_array(mask, 'mask'),
        numpy_helper.from_array(np.array(index, np.int64), 'where'),
        numpy_helper.from_array(np.array([1, len(rows), 1], np.int64), 'upright')]
    nodes = [
        helper.make_node('Cast', ['images'], ['numbers'], to=TensorProto.FLOAT),
        helper.make_node('GatherND', ['numbers', 'where'], ['read']),
        helper.make_node('Abs', ['read'], ['positive']),
        helper.make_node('Reshape', ['positive', 'upright'], ['column']),
        helper.make_node('Mul', ['column', 'mask'], ['scores']),
        helper.make_node('Add', ['table', 'scores'], ['output0'])]
    return _write(
        path, nodes, values, shape, dtype, {'names': "{0: 'a', 1: 'b', 2: 'c'}"} | dict(
            metadata or {}),
        [helper.make_tensor_value_info('output0', TensorProto.FLOAT, [1, len(rows), 6])])


def _write(
        path: Path, nodes: list[Any], values: list[Any], shape: tuple[int | str, ...],
        dtype: str, metadata: Mapping[str, str], outputs: list[Any],
        more_inputs: Sequence[Any] = ()) -> str:
    graph = helper.make_graph(
        nodes, 'known', [
            helper.make_tensor_value_info('images', TYPES[dtype], shape), *more_inputs],
        outputs, values)
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid('', OPSET)], ir_version=IR_VERSION)
    helper.set_model_props(model, dict(metadata))
    save(model, path)
    return str(path)

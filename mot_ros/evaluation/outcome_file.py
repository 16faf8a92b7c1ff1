# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
Outcomes as text, from which they come back exactly: every float bit for bit, every type.

Arrays stand there as base64 of their bytes, and pictures likewise; nothing in such a text can
run.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
import dataclasses
import json
from typing import Any

import numpy as np

from mot_ros.evaluation.job import Outcome
from mot_ros.evaluation.report.worst_frames import WorstFrame
from mot_ros.evaluation.scores.track_events import Change, Span

KINDS = 'biuf'
"""Of numpy's types: booleans, whole numbers and floats."""
ROWS: dict[str, Any] = {
    'switches': Change, 'transfers': Change, 'spans': Span, 'worst_frames': WorstFrame}
"""What the lists of an outcome hold."""


def to_text(outcomes: Sequence[Outcome]) -> str:
    """Return outcomes as JSON."""
    return json.dumps([_fields(outcome) for outcome in outcomes])


def from_text(text: str) -> list[Outcome]:
    """Return the outcomes of a text; ValueError, KeyError or TypeError if it is none."""
    return [_outcome(fields) for fields in json.loads(text)]


def _fields(outcome: Outcome) -> dict[str, Any]:
    values = {field.name: getattr(outcome, field.name) for field in dataclasses.fields(outcome)}
    for name in ROWS:
        # dataclasses.asdict would take seconds for thousands of rows
        values[name] = [list(vars(row).values()) for row in values[name]]
    return {name: _encoded(value) for name, value in values.items()}


def _outcome(fields: dict[str, Any]) -> Outcome:
    values = {name: _decoded(value) for name, value in fields.items()}
    for name, kind in ROWS.items():
        values[name] = [kind(*row) for row in values[name]]
    return Outcome(**values)


def _encoded(value: Any) -> Any:
    """Return what JSON can hold; what it cannot is an object of one name, which is its type."""
    if isinstance(value, np.ndarray | np.generic):
        if value.dtype.kind not in KINDS:
            raise TypeError(f'an array of {value.dtype} cannot be written')
        name = 'array' if isinstance(value, np.ndarray) else 'scalar'
        return {name: [value.dtype.str, list(value.shape), _base64(value.tobytes())]}
    if isinstance(value, dict):
        return {'dict': [[_encoded(key), _encoded(inner)] for key, inner in value.items()]}
    if isinstance(value, tuple):
        return {'tuple': [_encoded(inner) for inner in value]}
    if isinstance(value, list):
        return [_encoded(inner) for inner in value]
    if isinstance(value, bytes):
        return {'bytes': _base64(value)}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f'a {type(value).__name__} cannot be written')


def _decoded(value: Any) -> Any:
    if isinstance(value, list):
        return [_decoded(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    (kind, content), = value.items()
    if kind == 'dict':
        return {_decoded(key): _decoded(inner) for key, inner in content}
    if kind == 'tuple':
        return tuple(_decoded(inner) for inner in content)
    if kind == 'bytes':
        return base64.b64decode(content, validate=True)
    if kind not in ('array', 'scalar'):
        raise ValueError(f'{kind!r} is no type of value')
    name, shape, data = content
    dtype = np.dtype(name)
    if dtype.kind not in KINDS:
        raise ValueError(f'{name!r} is no type of numbers')
    array = np.frombuffer(base64.b64decode(data, validate=True), dtype).reshape(shape).copy()
    return array if kind == 'array' else array[()]


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode('ascii')

# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Import checkpoints of published code to our own file format."""

from __future__ import annotations

from collections.abc import Mapping
import dataclasses
import json
from pathlib import Path
import pickle
from types import MappingProxyType

import torch
from torch import Tensor

from mot_ros.tracking.checkpoints.pinned import array_of, Progress, serialize, write
from mot_ros.tracking.errors import WeightsError
from mot_ros.tracking.nets.slm.network import CHECKPOINT_KEY, UNUSED
from mot_ros.tracking.nets.slm.variants import make_slm, variant_of
from mot_ros.tracking.runtime.user_files import MAX_WEIGHTS_BYTES, read_bytes
from mot_ros.tracking.weights import store as weights
from mot_ros.tracking.weights.key_matching import (
    CONTAINERS,
    match_keys,
    MatchedWeights,
    state_dict_of,
)
from mot_ros.tracking.weights.mxnet_params import read_params
from mot_ros.tracking.weights.torch_pickle import (
    read_network,
    read_plain,
    StandIn,
    tensors_of,
)

KINDS: Mapping[str, str] = MappingProxyType({
    'siammot': 'SiamMOT and its Faster R-CNN, .pth of the published code',
    'slm': "SLM, SMILEtrack's re-ID network, ver12.pt and the like",
    'prb': "PRB-FPN6-MSP, SMILEtrack's detector, .pt of its YOLOv7 code",
    'ssd': "GluonCV's SSDs, SMOT's detectors, .params of MXNet",
})
"""Kinds of checkpoints by name, with a description."""


def import_checkpoint(
        kind: str, file: Path, out: Path | None = None, *, trust_pickle: bool = False,
        progress: Progress = lambda line: None) -> tuple[Path, MatchedWeights]:
    """
    Write the tensors of a checkpoint under our names; return the file and the key report.

    The file is .safetensors, beside the checkpoint unless `out` is given; its metadata are kind,
    backbone, classes and their names if known, and the checkpoint's name and SHA-256. Nothing in a
    checkpoint is executed. Whole pickled networks, which execute code in other programs, are read
    only with `trust_pickle`. Raises WeightsError for an unknown kind, an unreadable file, and one
    of another network; then nothing is written.
    """
    if kind not in KINDS:
        raise WeightsError(f'{kind!r} is no kind of checkpoint; choose of {", ".join(KINDS)}')
    target = out or file.with_suffix('.safetensors')
    if target.suffix != '.safetensors':
        raise WeightsError(f'{target} must end in .safetensors')
    try:
        digest = weights.sha256(read_bytes(file, MAX_WEIGHTS_BYTES))
    except OSError as error:
        raise WeightsError(f'{file} cannot be read: {error.strerror or error}') from error
    if target.exists() and target.samefile(file):
        raise WeightsError(f'{file} would be written over; name another file with --out')
    state, names = _tensors(kind, file, trust_pickle, progress)
    try:
        adopted = _adopted(kind, state)
    except WeightsError as error:
        raise WeightsError(f'{file} is not of the kind {kind}: {error}') from error
    adopted.check(file)
    metadata = {'kind': kind, **adopted.metadata, 'source': file.name, 'source_sha256': digest}
    if names and str(len(names)) == metadata.get('classes'):
        metadata['names'] = json.dumps(names, ensure_ascii=False)
    arrays = {name: array_of(name, tensor, file) for name, tensor in adopted.tensors.items()}
    write(target, serialize(arrays, metadata), 'name another file with --out')
    return target, dataclasses.replace(adopted, metadata=metadata)


def _tensors(
        kind: str, file: Path, trust_pickle: bool,
        progress: Progress) -> tuple[dict[str, Tensor], list[str]]:
    """Return the tensors of a checkpoint, and its class names if it has some."""
    if file.suffix == '.safetensors':
        return weights.load(file), []
    if file.suffix == '.params':
        return {name: torch.from_numpy(array) for name, array in read_params(file).items()}, []
    # YOLO's own code runs the averaged (EMA) network
    containers = ('ema', 'model') if kind == 'prb' else (CHECKPOINT_KEY, *CONTAINERS)
    try:
        content = read_plain(file)
    except WeightsError as error:
        if not trust_pickle and not isinstance(error.__cause__, pickle.UnpicklingError):
            raise
        if not trust_pickle:
            raise WeightsError(
                f'{error}. If it is a whole pickled network of people you trust, --trust-pickle '
                'reads the tensors out of it; nothing in it is run then either') from error
        content = read_network(file)
        progress(
            f'warning: {file} is a whole pickled network. Programs that unpickle it run whatever '
            'its writer wanted; here its tensors were read without running any of it. Do not '
            'load it elsewhere unless you trust the writer')
    network = _network(content, containers)
    if network is None:
        return state_dict_of(content, containers), []
    return tensors_of(network), _names(network.attributes.get('names'))


def _network(content: object, containers: tuple[str, ...]) -> StandIn | None:
    """Return the pickled network in what a file holds, if there is one."""
    if isinstance(content, Mapping):
        return next(
            (content[name] for name in containers
             if isinstance(content.get(name), StandIn)), None)
    return content if isinstance(content, StandIn) else None


def _names(names: object) -> list[str]:
    """Return class names, a list or a dict by number, as a list; empty if they are no strings."""
    if isinstance(names, dict):
        names = [names.get(number) for number in range(len(names))]
    if isinstance(names, list) and all(isinstance(name, str) for name in names):
        return names
    return []


def _adopted(kind: str, state: Mapping[str, Tensor]) -> MatchedWeights:
    """Match a checkpoint's tensors to one kind of network."""
    if kind == 'siammot':
        from mot_ros.tracking.nets.siammot import network as siammot

        return siammot.adopt(state)
    if kind == 'prb':
        from mot_ros.tracking.nets.prb import network as prb

        return prb.adopt(state)
    if kind == 'ssd':
        from mot_ros.tracking.checkpoints import gluon_ssd as ssd_gluon_import

        return ssd_gluon_import.adopt(state)
    return _slm(state)


def _slm(state: Mapping[str, Tensor]) -> MatchedWeights:
    variant = variant_of(state)
    with torch.device('meta'):
        wanted = make_slm(variant).state_dict()
    return match_keys(state, wanted, {'variant': variant}, unused=UNUSED)

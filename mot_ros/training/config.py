# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Configuration of a training, read from a recipe file: network, samples, loss, schedule."""

from __future__ import annotations

from collections.abc import Mapping
import contextlib
from dataclasses import asdict, dataclass, field, fields, is_dataclass
import difflib
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints, Literal, TypeVar

from mot_ros.data.synthetic.person_crops import CropChoice
from mot_ros.tracking.errors import ConfigError
from mot_ros.tracking.nets.siammot.network import Architecture
from mot_ros.tracking.runtime.user_files import read_text
from mot_ros.tracking.runtime.yaml_text import load_yaml, MAX_YAML_BYTES
from mot_ros.training.losses.ssd import SsdLoss
from mot_ros.training.schedule import Schedule
from mot_ros.training.tasks.siammot_pairs import PairMix
from mot_ros.training.tasks.siammot_step import StepOptions
from mot_ros.training.tasks.slm import SlmWeights

RECIPES = Path(__file__).parent / 'recipes'
"""Folder of the recipes that come with the package."""
SIZES = ('cpu', 'gpu')
"""Parts of a recipe for one kind of device."""
Made = TypeVar('Made')


@dataclass(frozen=True)
class SlmNetwork:
    """Which SLM, see nets/slm/variants.py."""

    variant: str = 'small'


@dataclass(frozen=True)
class SlmTrainingConfig:
    """
    Configure the training of an SLM.

    `init` names the initial weights; empty: random ones. `repeat` limits the training to so many
    samples, repeated, to test quickly whether the network can overfit them; 0: no limit.
    """

    recipe: Schedule
    network: SlmNetwork = field(default_factory=SlmNetwork)
    samples: CropChoice = field(default_factory=CropChoice)
    loss: SlmWeights = field(default_factory=SlmWeights)
    init: str = ''
    repeat: int = 0


@dataclass(frozen=True)
class SiamMotTrainingConfig:
    """
    Configure the training of a SiamMOT, `init` and `repeat` as in SlmTrainingConfig.

    People of a visibility below `least` are left out of the ground truth.
    """

    recipe: Schedule
    network: Architecture = field(default_factory=Architecture)
    samples: PairMix = field(default_factory=PairMix)
    loss: StepOptions = field(default_factory=StepOptions)
    init: str = ''
    repeat: int = 0
    least: float = 0.25


@dataclass(frozen=True)
class SsdTrainingConfig:
    """
    Configure fine-tuning of the default detector, `init` and `repeat` as in SlmTrainingConfig.

    It is trained on one frame of each pair of `samples`. People of a visibility below `least`
    are ignored: neither positive nor background.
    """

    recipe: Schedule
    samples: PairMix = field(default_factory=PairMix)
    loss: SsdLoss = field(default_factory=SsdLoss)
    init: str = ''
    repeat: int = 0
    least: float = 0.25


TrainingConfig = SlmTrainingConfig | SiamMotTrainingConfig | SsdTrainingConfig
KINDS: Mapping[str, type[Any]] = {
    'siammot': SiamMotTrainingConfig, 'slm': SlmTrainingConfig, 'ssd': SsdTrainingConfig}


def recipe_names() -> list[str]:
    """Return the names of the recipes that come with the package."""
    return sorted(path.stem for path in RECIPES.glob('*.yaml'))


def read_config(
        kind: str, recipe: str, size: str,
        changes: Mapping[str, Any] | None = None) -> TrainingConfig:
    """
    Read a recipe, by its name or as a YAML file, for a `size` of SIZES.

    `changes` override the file: values by dotted names, such as recipe.steps. Raises ConfigError
    for a missing recipe, one of another kind, and an unknown name or a wrong value in it.
    """
    path = _path(recipe)
    try:
        content = load_yaml(read_text(path, MAX_YAML_BYTES))
    except (OSError, ValueError) as error:
        raise ConfigError(f'{path} is no YAML: {error}') from error
    if not isinstance(content, dict):
        raise ConfigError(f'{path} holds no names with values, as a recipe does')
    if content.pop('kind', None) != kind:
        raise ConfigError(
            f'{path} is no recipe for {kind}; its first line must be "kind: {kind}"')
    parts = {name: content.pop(name, None) or {} for name in SIZES}
    merged = _merged(content, parts[size])
    for name, value in (changes or {}).items():
        nested: Any = value
        for word in reversed(name.split('.')):
            nested = {word: nested}
        merged = _merged(merged, nested)
    config: TrainingConfig = build(KINDS[kind], merged, path.name)
    return config


def outcome_values(config: TrainingConfig) -> dict[str, Any]:
    """Return the values that the result depends on: all but save_every and workers."""
    content = asdict(config)
    for name in ('save_every', 'workers'):
        del content['recipe'][name]
    return content


def build(made: type[Made], values: Mapping[str, Any], where: str) -> Made:
    """Build a dataclass and those nested in it from values by name; ConfigError for bad ones."""
    types, taken = get_type_hints(made), {}
    names = [each.name for each in fields(made)]  # type: ignore[arg-type]
    for name, value in values.items():
        if name not in names:
            near = difflib.get_close_matches(str(name), names, n=1)
            hint = f'did you mean {near[0]}?' if near else f'there are {", ".join(names)}'
            raise ConfigError(f'{where}: there is no {name} in {made.__name__}; {hint}')
        taken[name] = _value(types[name], value, f'{where}: {name}')
    try:
        return made(**taken)
    except TypeError as error:
        missing = str(error).partition('argument')[2].lstrip('s: ')
        raise ConfigError(f'{where}: {made.__name__} needs {missing}') from error


def _value(kind: Any, value: Any, where: str) -> Any:
    """Convert a value of a file to the type of the dataclass's field."""
    if is_dataclass(kind):
        if not isinstance(value, dict):
            raise ConfigError(f'{where} is {value!r}; it must have names with values')
        return build(kind, value, where)  # type: ignore[arg-type]
    if get_origin(kind) is Literal and value not in get_args(kind):
        raise ConfigError(f'{where} is {value!r}; choose of {", ".join(get_args(kind))}')
    if get_origin(kind) is UnionType:
        if value is None:
            return None
        kind = get_args(kind)[0]
    if get_origin(kind) is tuple:
        return _values(get_args(kind), value, where)
    wrong = not isinstance(value, kind) if isinstance(kind, type) else False
    if kind is float and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if kind is float and isinstance(value, str):
        # YAML takes 1e-3, which has no point, for a text
        with contextlib.suppress(ValueError):
            return float(value)
    if wrong or (kind is int and isinstance(value, bool)):
        raise ConfigError(f'{where} is {value!r}; it must be of type {kind.__name__}')
    return value


def _values(kinds: tuple[Any, ...], value: Any, where: str) -> tuple[Any, ...]:
    """Convert a list of a file to a tuple of these types, a mapping to a tuple of pairs."""
    if get_origin(kinds[0]) is tuple:
        # the shares of the rate by the beginning of a name
        if not isinstance(value, dict):
            raise ConfigError(f'{where} is {value!r}; it must have names with values')
        of_name, of_share = get_args(kinds[0])
        return tuple(
            (_value(of_name, name, where), _value(of_share, share, f'{where}.{name}'))
            for name, share in value.items())
    listed = value if isinstance(value, list) else [value]
    if kinds[-1] is ...:
        kinds = kinds[:1] * len(listed)
    if len(listed) != len(kinds) or not isinstance(value, list):
        names = ', '.join(kind.__name__ for kind in kinds)
        raise ConfigError(f'{where} is {value!r}; it must be a list of {names}')
    return tuple(_value(kind, one, where) for kind, one in zip(kinds, listed, strict=True))


def _path(recipe: str) -> Path:
    path = Path(recipe).expanduser()
    if path.suffix in ('.yaml', '.yml'):
        if not path.is_file():
            raise ConfigError(f'there is no recipe {path}')
        return path
    if recipe not in recipe_names():
        raise ConfigError(
            f'{recipe!r} is neither a recipe ({", ".join(recipe_names())}) nor a .yaml file')
    return RECIPES / f'{recipe}.yaml'


def _merged(first: Mapping[str, Any], then: Mapping[str, Any]) -> dict[str, Any]:
    """Merge nested mappings; values of `then` override those of `first`."""
    result = dict(first)
    for name, value in then.items():
        before = result.get(name)
        # `slow` is replaced as a whole
        if isinstance(before, dict) and isinstance(value, dict) and name != 'slow':
            result[name] = _merged(before, value)
        else:
            result[name] = value
    return result

# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Plans: all that a training is made of but its data, as a recipe file says it."""

from __future__ import annotations

from collections.abc import Mapping
import contextlib
from dataclasses import asdict, dataclass, field, fields, is_dataclass
import difflib
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints, Literal, TypeVar

import yaml

from mot_ros.data.synthetic.person_crops import CropChoice
from mot_ros.tracking.errors import ConfigError
from mot_ros.tracking.nets.siammot.network import Architecture
from mot_ros.training.losses.ssd import SsdLoss
from mot_ros.training.schedule import Recipe
from mot_ros.training.tasks.siammot_pairs import PairMix
from mot_ros.training.tasks.siammot_step import StepOptions
from mot_ros.training.tasks.slm import SlmWeights

RECIPES = Path(__file__).parent / 'recipes'
"""Where those lie that come with the package."""
SIZES = ('cpu', 'gpu')
"""Parts of a recipe that hold on one kind of device."""
Made = TypeVar('Made')


@dataclass(frozen=True)
class SlmNetwork:
    """Which SLM, see nets/slm/variants.py."""

    variant: str = 'small'


@dataclass(frozen=True)
class SlmPlan:
    """
    How an SLM is trained.

    `init` names the weights that it begins with; empty: none. With `repeat` it only sees so
    many samples again and again, which shows in no time whether it learns.
    """

    recipe: Recipe
    network: SlmNetwork = field(default_factory=SlmNetwork)
    samples: CropChoice = field(default_factory=CropChoice)
    loss: SlmWeights = field(default_factory=SlmWeights)
    init: str = ''
    repeat: int = 0


@dataclass(frozen=True)
class SiamMotPlan:
    """
    How a SiamMOT is trained, `init` and `repeat` as in SlmPlan.

    People who are less visible than `least` are not learned from.
    """

    recipe: Recipe
    network: Architecture = field(default_factory=Architecture)
    samples: PairMix = field(default_factory=PairMix)
    loss: StepOptions = field(default_factory=StepOptions)
    init: str = ''
    repeat: int = 0
    least: float = 0.25


@dataclass(frozen=True)
class SsdPlan:
    """
    How the default detector is fitted to people, `init` and `repeat` as in SlmPlan.

    Of each of the pairs of `samples` it sees one frame. People who are less visible than
    `least` are neither learned from nor taken for background.
    """

    recipe: Recipe
    samples: PairMix = field(default_factory=PairMix)
    loss: SsdLoss = field(default_factory=SsdLoss)
    init: str = ''
    repeat: int = 0
    least: float = 0.25


Plan = SlmPlan | SiamMotPlan | SsdPlan
KINDS: Mapping[str, type[Any]] = {'siammot': SiamMotPlan, 'slm': SlmPlan, 'ssd': SsdPlan}


def recipe_names() -> list[str]:
    """Return the names of the recipes that come with the package."""
    return sorted(path.stem for path in RECIPES.glob('*.yaml'))


def read_plan(
        kind: str, recipe: str, size: str, changes: Mapping[str, Any] | None = None) -> Plan:
    """
    Return the plan of a recipe, a name or a YAML file, for a `size` of SIZES.

    `changes` are values by dotted names, such as recipe.steps, that go before those of the file.
    Raises ConfigError for a recipe that is not there, is of another kind, or holds what there
    is not.
    """
    path = _path(recipe)
    try:
        content = yaml.safe_load(path.read_text(encoding='utf-8'))
    except yaml.YAMLError as error:
        reason = ' '.join(str(error).split())
        raise ConfigError(f'{path} is no YAML: {reason}') from error
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
    plan: Plan = build(KINDS[kind], merged, path.name)
    return plan


def told(plan: Plan) -> dict[str, Any]:
    """Return what decides on the outcome of a plan: not where and how often it is saved."""
    content = asdict(plan)
    for name in ('save_every', 'workers'):
        del content['recipe'][name]
    return content


def build(made: type[Made], values: Mapping[str, Any], where: str) -> Made:
    """Make a dataclass of the values by name that a file gives, others within it likewise."""
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
    """Return a value of a file as what the dataclass holds."""
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
    """Return a list of a file as a tuple of these kinds, names with values as one of pairs."""
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
    """Return all names with values, those of `then` before those of `first`."""
    result = dict(first)
    for name, value in then.items():
        before = result.get(name)
        # shares of the rate belong together
        if isinstance(before, dict) and isinstance(value, dict) and name != 'slow':
            result[name] = _merged(before, value)
        else:
            result[name] = value
    return result

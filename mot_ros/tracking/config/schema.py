# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""What a setting is: default, unit, range, help; and the one validator of values."""

from __future__ import annotations

from collections.abc import Mapping
import dataclasses
from dataclasses import dataclass
import difflib
import sys
from typing import Any, ClassVar, TypeVar

from mot_ros.tracking.errors import ConfigError

Value = bool | int | float | str | tuple[str, ...]
Changes = Mapping[str, Value]
"""Values by the dotted name of a setting."""
Presets = Mapping[str, Changes]
"""What each preset, by its name, changes of the defaults."""
_Group = TypeVar('_Group')


@dataclass(frozen=True)
class Setting:
    """What is known of one setting beside its value."""

    default: Value
    help: str
    unit: str = ''
    minimum: float = -sys.float_info.max
    maximum: float = sys.float_info.max
    choices: tuple[str, ...] = ()
    fixed: str = ''
    """Why it cannot change while a node works with it; empty where it can."""

    def check(self, name: str, value: Any) -> Value:
        """Return `value` in this setting's type; raise ConfigError if it does not fit."""
        wanted = type(self.default)
        if wanted is float and type(value) is int:
            value = float(value)
        if wanted is tuple and isinstance(value, (list, tuple)):
            value = tuple(value)
            if not all(isinstance(item, str) for item in value):
                raise ConfigError(f'{name} is {value!r}; it must be a list of strings')
        if type(value) is not wanted:
            kind = 'list of strings' if wanted is tuple else wanted.__name__
            raise ConfigError(f'{name} is {value!r}; it must be of type {kind}')
        if self.choices and value not in self.choices:
            raise ConfigError(f'{name} is {value!r}; choose one of {", ".join(self.choices)}')
        # written so that NaN fails too
        if isinstance(value, (int, float)) and not self.minimum <= value <= self.maximum:
            raise ConfigError(
                f'{name} is {value}; it must lie in [{self.minimum:g}, {self.maximum:g}]'
                + (f' {self.unit}' if self.unit else ''))
        checked: Value = value
        return checked


def setting(default: Value, help: str, unit: str = '', **more: Any) -> Any:  # noqa: A002
    """Declare a field of a settings class, see Setting."""
    return dataclasses.field(
        default=default, metadata={'setting': Setting(default, help, unit, **more)})


def group(kind: type[_Group], **metadata: Any) -> _Group:
    """Declare a field that is itself a settings class; its names get the field's as prefix."""
    made: _Group = dataclasses.field(default_factory=kind, metadata=metadata)
    return made


@dataclass(frozen=True)
class SettingsRoot:
    """
    A whole set of settings, nested one level deep.

    `presets` says what each preset changes of the defaults; the first one changes nothing.
    """

    presets: ClassVar[Presets] = {}

    preset: str

    @classmethod
    def advice(cls, name: str, values: Mapping[str, Any], known: Mapping[str, Setting]) -> str:
        """Return what to write in place of a name that is no setting; empty: nothing known."""
        return ''

    def check(self) -> None:
        """Raise ConfigError if settings that are right one by one contradict each other."""
        for item in dataclasses.fields(self):
            check_group = getattr(getattr(self, item.name), 'check', None)
            if check_group is not None:
                check_group(item.name)


_Root = TypeVar('_Root', bound=SettingsRoot)


def catalogue(kind: type[SettingsRoot], preset: str) -> dict[str, Setting]:
    """Return every setting of `kind` by its dotted name, with the defaults of `preset`."""
    found: dict[str, Setting] = {}
    for item in dataclasses.fields(kind):
        if 'setting' in item.metadata:
            found[item.name] = item.metadata['setting']
        else:
            for inner in dataclasses.fields(item.default_factory):  # type: ignore[arg-type]
                found[f'{item.name}.{inner.name}'] = inner.metadata['setting']
    found['preset'].check('preset', preset)
    for name, value in {'preset': preset, **kind.presets[preset]}.items():
        found[name] = dataclasses.replace(found[name], default=value)
    return found


def build(kind: type[_Root], values: Mapping[str, Any]) -> _Root:
    """
    Make settings out of dotted names and values; the preset fills in what is not stated.

    The one validator: parameter files, launch arguments, the command line and changes at run
    time all come through here. Raises ConfigError naming the setting, the value and the remedy.
    """
    known = catalogue(kind, values.get('preset', next(iter(kind.presets))))
    for name in values:
        if name not in known:
            raise ConfigError(explain_unknown(kind, name, values))
    whole: dict[str, Any] = {}
    for name, known_setting in known.items():
        value = known_setting.check(name, values.get(name, known_setting.default))
        outer, _, inner = name.rpartition('.')
        if outer:
            whole.setdefault(outer, {})[inner] = value
        else:
            whole[inner] = value
    settings = kind(**{
        item.name: whole[item.name] if 'setting' in item.metadata
        else item.default_factory(**whole[item.name])  # type: ignore[operator]
        for item in dataclasses.fields(kind)})
    settings.check()
    return settings


def explain_unknown(kind: type[SettingsRoot], name: str, values: Mapping[str, Any]) -> str:
    """Say that `name`, one of `values`, is no setting, and what to write in its place."""
    known = catalogue(kind, next(iter(kind.presets)))
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    hint = f'did you mean {" or ".join(near)}?' if near else 'see docs/parameters.md'
    return f'{name} is not a setting; {kind.advice(name, values, known) or hint}'


def flatten(settings: SettingsRoot) -> dict[str, Value]:
    """Return the values by dotted name: the inverse of build."""
    flat: dict[str, Value] = {}
    for item in dataclasses.fields(settings):
        value = getattr(settings, item.name)
        if 'setting' in item.metadata:
            flat[item.name] = value
        else:
            flat |= {f'{item.name}.{inner.name}': getattr(value, inner.name)
                     for inner in dataclasses.fields(value)}
    return flat

# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
Load YAML that others wrote: bounded in depth, length and aliases, with one error for all of it.

Aliases can multiply (each line merges the one before ten times) or hold themselves; tags can make
the constructor fail in many ways, such as `!!bool 3` in a KeyError.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

MAX_YAML_BYTES = 16 << 20
MAX_LEVELS = 40
MAX_ALIASES = 20
MAX_EVENTS = 1_000_000
LONG_NUMBER = re.compile(r'[-+0-9:_.]{1000}')
"""Numbers of base 60 take time that grows with the square of their length."""

# libyaml's parser is ten times as fast; PyYAML can be built without it
SafeLoader: Any = getattr(yaml, 'CSafeLoader', yaml.SafeLoader)


class YamlTextError(ValueError):
    """YAML that is not valid or goes beyond the bounds; the message is one clause."""


def load_yaml(text: str, loader: Any = SafeLoader) -> Any:
    """Return what stands in the first document; YamlTextError for anything else."""
    check_yaml(text)
    try:
        return yaml.load(text, loader)  # noqa: S506
    except Exception as error:
        # tags make the constructor fail in any way there is
        reason = ' '.join(str(error).split())
        raise YamlTextError(f'{type(error).__name__}: {reason[:300]}') from error


def check_yaml(text: str) -> None:
    """Raise YamlTextError for text that is no YAML or goes beyond the bounds; builds nothing."""
    levels = aliases = 0
    if len(text) > MAX_YAML_BYTES:
        raise YamlTextError(f'it has more than {MAX_YAML_BYTES} characters')
    try:
        for count, event in enumerate(yaml.parse(text, SafeLoader)):
            levels += isinstance(event, yaml.CollectionStartEvent)
            levels -= isinstance(event, yaml.CollectionEndEvent)
            aliases += isinstance(event, yaml.AliasEvent)
            if levels > MAX_LEVELS:
                raise YamlTextError(f'it is nested more than {MAX_LEVELS} deep')
            if aliases > MAX_ALIASES:
                raise YamlTextError(
                    f'it has more than {MAX_ALIASES} aliases (*name); write the values out')
            if count > MAX_EVENTS:
                raise YamlTextError(f'it has more than {MAX_EVENTS} values')
            if isinstance(event, yaml.ScalarEvent) and LONG_NUMBER.match(event.value):
                raise YamlTextError(f'it has a number of {len(event.value)} digits')
    except yaml.YAMLError as error:
        raise YamlTextError(' '.join(str(error).split())[:300]) from error

# Copyright 2026 mot_ros contributors
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""What a stamp means."""

from __future__ import annotations

from dataclasses import dataclass

from mot_ros.tracking.settings import setting


@dataclass(frozen=True)
class SequenceSettings:
    """When a stamp means a new frame, a repeated one, or a new beginning."""

    jump_back: float = setting(
        1.0, 'a stamp older than the last one by more than this is a bag loop: full reset',
        's', minimum=0.0)
    max_gap: float = setting(
        5.0, 'after a longer silence all tracks are dropped; ids go on', 's', minimum=0.0)
    zero_stamp: str = setting(
        'refuse', 'what to do with images without a stamp: refuse them, or use the time of '
        'receipt for motion and leave the header as it is', choices=('refuse', 'receive_time'))

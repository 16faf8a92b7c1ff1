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

"""What detectors have in common that stand around another one."""

from __future__ import annotations

from collections.abc import Sequence

from mot_ros.tracking.contracts import Detector


class AroundDetector:
    """The part of a detector that the one inside it answers for; `detect` is the subclass's."""

    def __init__(self, detector: Detector) -> None:
        self._detector = detector
        self.device = getattr(detector, 'device', '')

    @property
    def class_names(self) -> Sequence[str]:
        """Names by label; the label is the index."""
        return self._detector.class_names

    def warm_up(self) -> None:
        """Run once on nothing, where the detector knows how to."""
        getattr(self._detector, 'warm_up', lambda: None)()

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

"""How the networks' threads share the processor with the rest of the machine."""

from __future__ import annotations

import os


def share_cores() -> None:
    """
    Let waiting OpenMP threads sleep instead of spin; to be called before torch is loaded.

    By default they burn their core while they wait for each other. On a robot whose other
    processes want the same cores that stalls the network: measured on two cores beside one busy
    process, 850 ms a frame became 37 ms. A user's own OMP_WAIT_POLICY stays.
    """
    os.environ.setdefault('OMP_WAIT_POLICY', 'PASSIVE')

# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Why a setting cannot change while a node works with it."""

from __future__ import annotations

LOADED = 'the detector is loaded with it'
NETWORK = 'the network is loaded with it'
SUBSCRIBED = 'it belongs to the subscription'
AT_START = 'it is read when the node starts'
EMBEDDER = 'what tells appearances is loaded with it'

# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""NanoDet-g: a one-stage detector without anchors, of plain convolutions."""

# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

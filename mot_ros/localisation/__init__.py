# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Compute where in the world tracked people are: camera, ground, depth, filter; needs no ROS."""

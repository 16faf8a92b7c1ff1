# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""mot_ros: camera in, multi-object tracks out."""

__version__ = '0.1.0'

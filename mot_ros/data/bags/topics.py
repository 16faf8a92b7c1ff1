# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Names of topics in bags that mot_ros writes, looked for where nobody names one."""

IMAGE_TOPIC = '/camera/image'
TRUTH_TOPIC = '/truth'
DETECTIONS_TOPIC = '/detections'

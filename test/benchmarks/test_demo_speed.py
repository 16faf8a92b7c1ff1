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

import json

from test.benchmarks.scripts import load, ROOT, write_noise


def test_two_trees_take_turns_and_the_last_has_its_own_settings(monkeypatch, tmp_path, capsys):
    video, file = tmp_path / 'noise.avi', tmp_path / 'a.json'
    write_noise(video, (96, 64), 14)
    benchmark = load('demo_speed', monkeypatch)
    assert benchmark.main([
        str(ROOT), str(ROOT), '--video', str(video), '--turns', '1', '--frames', '4',
        '--methods', 'sort', '--set', 'detector.width=128', '--set', 'detector.height=96',
        '--set-last', 'precision=bfloat16', '--json', str(file)]) == 0
    first, last = json.loads(file.read_text())['rows']
    assert first['revision'] == last['revision'] and str(ROOT) not in file.read_text()
    assert first['settings'] == ['detector.width=128', 'detector.height=96']
    assert last['settings'] == [*first['settings'], 'precision=bfloat16']
    for row in first, last:
        assert row['frame_ms'] >= row['detector_ms'] > 0 < row['processor_ms']
    assert capsys.readouterr().out.count('frames/s') == 2

"""TensorBoard's own loading of the plugin, with its two ways of reading data, and without TensorFlow."""

import json
import subprocess
import sys

import builders
import pytest
from plugin_client import SESSION

LAUNCH = """
import json, sys, urllib.request
from tensorboard import program
from tensorboard.plugins.core.core_plugin import CorePluginLoader
from tensorboard_plugin_graphprof.loader import GraphprofLoader
board = program.TensorBoard(plugins=[CorePluginLoader(), GraphprofLoader])
board.configure(argv=[None], host="127.0.0.1", port=0, **json.loads(sys.argv[1]))
url = board.launch()
def get(path):
    with urllib.request.urlopen(url + path, timeout=60) as response:
        return json.load(response)
listing = get("data/plugins_listing")["graphprof"]
sessions = get("data/plugin/graphprof/sessions")["sessions"]
print(json.dumps([listing, [entry["id"] for entry in sessions], "tensorflow" in sys.modules]))
"""


@pytest.mark.parametrize("load_fast", ["auto", "false"])
@pytest.mark.parametrize("named", [False, True], ids=["logdir", "logdir_spec"])
def test_the_tab_is_active_without_event_files(tmp_path, load_fast, named):
    builders.session(tmp_path, modes=("graph",), traces=False, rounds=1)
    where = {"logdir_spec": f"mine:{tmp_path}"} if named else {"logdir": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", LAUNCH, json.dumps({**where, "load_fast": load_fast})],
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert done.returncode == 0, done.stderr
    listing, sessions, tensorflow = json.loads(done.stdout.splitlines()[-1])
    assert listing["enabled"]
    assert listing["loading_mechanism"]["module_path"].endswith("/graphprof/static/index.js")
    assert sessions == [f"mine/{SESSION}" if named else SESSION]
    # Without its data server TensorBoard reads with TensorFlow where there is one; we never do.
    assert not (tensorflow and load_fast == "auto" and not named)

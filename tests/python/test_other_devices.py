"""other_devices.py in a separate process, because the simulated device stays registered in torch."""

import pathlib
import subprocess
import sys


def test_other_devices():
    module = pathlib.Path(__file__).with_name("other_devices.py")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(module)]
    run = subprocess.run(command, capture_output=True, text=True, cwd=module.parent)
    assert run.returncode == 0, run.stdout + run.stderr

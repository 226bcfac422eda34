"""Runs every reference here: PYTHON test/methods/goldens/make.py [OUT] (PYTHON has torch); writes a JSON file for each."""
import pathlib
import subprocess
import sys

here = pathlib.Path(__file__).parent
out = sys.argv[1] if len(sys.argv) > 1 else str(here)
for script in sorted(here.glob("*.py")):
    if script.name not in ("make.py", "tiny.py"):
        subprocess.run([sys.executable, str(script), out], check=True)

"""Python's huggingface_hub on the same cache: what interop.test.ts compares with.

    PYTHON test/node/hub/interop.py fetch|find REPO FILE...

Prints one path a line: "fetch" asks the Hub of HF_ENDPOINT, "find" only looks into the cache of HF_HOME.
"""
import sys

from huggingface_hub import hf_hub_download

what, repo, *files = sys.argv[1:]
for file in files:
    print(hf_hub_download(repo, file, local_files_only=what == "find"))

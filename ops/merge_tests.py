"""merge_tests.py FOLDER FULL: one ctest run over three builds.

asan runs everything; clang runs what needs neither a database nor a log; tsan runs what has threads. With FULL = 1
every build runs everything. Writes FOLDER/CTestTestfile.cmake."""
import json
import os
import shutil
import subprocess
import sys

THREADS = ("unit.queue", "unit.pool", "unit.seq", "unit.thread", "unit.metric", "unit.pipe", "unit.issuers", "unit.say",
           "unit.send_stdout", "play.t")


def wanted(preset, name, labels, full):
    if full:
        return "tidy" not in labels
    if preset == "tsan":
        return name.startswith(THREADS)
    return ("unit" in labels or "fuzz" in labels) and "server" not in labels


def tests_of(top, preset):
    shown = subprocess.run(["ctest", "--test-dir", f"{top}/build/{preset}", "--show-only=json-v1"],
                           capture_output=True, text=True, check=True).stdout
    return [test for test in json.loads(shown)["tests"] if "command" in test]


def main(folder, full):
    top = os.getcwd()
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    with open(folder + "/CTestTestfile.cmake", "w", encoding="utf-8") as out:
        out.write(f'subdirs("{top}/build/asan")\n')
        for preset in ("clang", "tsan"):
            for test in tests_of(top, preset):
                props = {prop["name"]: prop["value"] for prop in test.get("properties", [])}
                if not wanted(preset, test["name"], props.get("LABELS", []), full):
                    continue
                name = f"[=[{preset}.{test['name']}]=]"
                out.write(f"add_test({name} " + " ".join(f"[=[{word}]=]" for word in test["command"]) + ")\n")
                values = {key: ";".join(map(str, value)) if isinstance(value, list) else value
                          for key, value in props.items()}
                out.write(f"set_tests_properties({name} PROPERTIES " +
                          " ".join(f"{key} [=[{value}]=]" for key, value in values.items()) + ")\n")


main(sys.argv[1], sys.argv[2] == "1")

"""Reads `go test -json` and prints it for people, with a count at the end.

One line a package, the whole output of a failed test, the reason of a skipped
one. Ends with status 1 if anything failed or no test ran.
"""

import collections
import json
import sys
import time

RESULTS = ("pass", "fail", "skip")


class Summary:
    def __init__(self):
        self.output = collections.defaultdict(list)  # by (package, test)
        self.tests = collections.Counter()
        self.failed = False

    def read(self, event):
        package = event.get("Package") or event.get("ImportPath", "")
        test = event.get("Test", "")
        action = event["Action"]
        if action in ("output", "build-output"):
            self.output[package, test].append(event["Output"])
        elif action == "build-fail":
            self.failed = True
            self.print_output(package, "")
        elif action in RESULTS and test:
            self.end_test(package, test, action)
        elif action in RESULTS:
            self.end_package(package, action, event.get("Elapsed", 0))

    def end_test(self, package, test, action):
        self.tests[action] += 1
        if action != "pass":
            print(f"--- {action.upper()}: {package} {test}")
            self.print_output(package, test)
        self.output.pop((package, test), None)

    def end_package(self, package, action, elapsed):
        if action == "fail":
            self.failed = True
            self.print_output(package, "")
        word = {"pass": "ok", "fail": "FAIL", "skip": "no tests"}[action]
        print(f"{word:9} {package}  {elapsed:.1f} s", flush=True)

    def print_output(self, package, test):
        for line in self.output.pop((package, test), []):
            if not line.startswith(("=== ", "--- ", "PASS", "FAIL")):
                print("    " + line.rstrip())
        sys.stdout.flush()


def main():
    start = time.monotonic()
    summary = Summary()
    for line in sys.stdin:
        try:
            event = json.loads(line)
        except ValueError:
            print(line, end="")
            continue
        summary.read(event)
    tests = summary.tests
    print(f"\nafter {time.monotonic() - start:.0f} s")
    print(f"{tests['pass']} passed, {tests['fail']} failed, {tests['skip']} skipped")
    if summary.failed or tests["fail"] or not tests["pass"]:
        sys.exit(1)


if __name__ == "__main__":
    main()

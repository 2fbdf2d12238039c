"""Reads `azr-train inspect --json` of a quickstart and holds it to what that must show.

In each step at least 2 of the 6 groups have advantages other than zero, and the
update changes the weights. No gain is claimed, and none is looked for.
"""

import json
import sys

STEPS, GROUPS = 3, 2


def main():
    metrics = json.load(sys.stdin)["metrics"]
    failed = False
    for step in range(1, STEPS + 1):
        m = metrics.get(str(step), {})
        groups, change = m.get("trainer/groups", 0), m.get("trainer/weight_change", 0)
        well = groups >= GROUPS and change > 0
        failed |= not well
        print(f"{'ok' if well else 'FAIL'}  step {step}: {groups:.0f} of 6 groups with advantages (at least {GROUPS}), "
              f"weights changed by {change:.3g}")
    sys.exit(failed)


if __name__ == "__main__":
    main()

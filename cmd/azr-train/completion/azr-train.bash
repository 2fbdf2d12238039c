# Completion of azr-train in bash: source <(azr-train completion bash)
_azr_train() {
	local current=${COMP_WORDS[COMP_CWORD]} words=("${COMP_WORDS[@]:0:COMP_CWORD}")
	[[ $current == -* ]] && words+=("$current")
	local IFS=$'\n'
	COMPREPLY=($(compgen -W "$("${words[0]/#\~/$HOME}" "${words[@]:1}" --generate-bash-completion 2>/dev/null)" -- "$current"))
	# A key's value follows its "=" without a space.
	if [[ ${COMPREPLY[0]} == *= ]]; then compopt -o nospace 2>/dev/null; fi
}
complete -o default -F _azr_train azr-train

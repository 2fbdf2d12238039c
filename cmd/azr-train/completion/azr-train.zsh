#compdef azr-train
# Completion of azr-train in zsh: source <(azr-train completion zsh), after compinit.
_azr_train() {
	local current=${words[CURRENT]}
	local -a request found
	request=("${(@)words[1,CURRENT-1]}")
	[[ $current == -* ]] && request+=("$current")
	found=("${(@f)$("${~request[1]}" "${(@)request[2,-1]}" --generate-bash-completion 2>/dev/null)}")
	# A key's value follows its "=" without a space.
	if [[ -z ${found[1]} ]]; then
		_files
	elif [[ ${found[1]} == *= ]]; then
		compadd -S '' -- "${found[@]}"
	else
		compadd -- "${found[@]}" || _files
	fi
}
compdef _azr_train azr-train

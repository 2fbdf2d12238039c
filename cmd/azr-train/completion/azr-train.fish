# Completion of azr-train in fish: azr-train completion fish | source
function __azr_train_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    string match -q -- '-*' $current; and set -a words $current
    command $words --generate-bash-completion 2>/dev/null
end
complete -c azr-train -a '(__azr_train_complete)'

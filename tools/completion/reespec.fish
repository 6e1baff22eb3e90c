# SPDX-License-Identifier: GPL-2.0-or-later
# Completion for fish: the program itself knows what may come.
function __reespec_offers
    set -l words (commandline -opc)
    # What was typed has quotes and backslashes still.
    set -l word (string replace -ra '[\\\\"\']' '' -- (commandline -ct))
    set -l offers (reespec complete -- $words[2..] "$word" 2>/dev/null)
    if contains -- :files $offers
        __fish_complete_path (commandline -ct)
    end
    string match -v ':files' -- $offers
end
complete -c reespec -f -a '(__reespec_offers)'

# SPDX-License-Identifier: GPL-2.0-or-later
# Completion for fish: the program itself knows what may come.
function __reespec_offers
    set -l words (commandline -opc)
    set -l offers (reespec complete -- $words[2..] (commandline -ct) 2>/dev/null)
    if contains -- :files $offers
        __fish_complete_path (commandline -ct)
    end
    string match -v ':files' -- $offers
end
complete -c reespec -f -a '(__reespec_offers)'

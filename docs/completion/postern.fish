# SPDX-License-Identifier: Apache-2.0
# Completion of postern(1) for fish.

complete -c postern -f

complete -c postern -n __fish_use_subcommand -a run -d 'Run the program of a bundle in a sandbox'
complete -c postern -n __fish_use_subcommand -a spec -d 'Write a default config.json'
complete -c postern -n __fish_use_subcommand -a routes -d 'Show which system call goes which way'
complete -c postern -n __fish_use_subcommand -l root -x -a '(__fish_complete_directories)' -d 'Folder for states'
complete -c postern -n __fish_use_subcommand -l log -r -F -d 'Write messages to a file as well'
complete -c postern -n __fish_use_subcommand -l log-format -x -a 'text json' -d 'How that file is written'
complete -c postern -n __fish_use_subcommand -l debug -d 'Say more'
complete -c postern -n __fish_use_subcommand -l id-range -x -d 'Host user ids, BASE:COUNT'
complete -c postern -n __fish_use_subcommand -s v -l version -d 'Versions'
complete -c postern -s h -l help -d 'Summary'

complete -c postern -n '__fish_seen_subcommand_from run spec' -s b -l bundle -x -a '(__fish_complete_directories)' -d Bundle
complete -c postern -n '__fish_seen_subcommand_from run' -l trace -d 'A line for each trapped system call'
complete -c postern -n '__fish_seen_subcommand_from run' -l pid-file -r -F -d 'Write the pid of the first process'
complete -c postern -n '__fish_seen_subcommand_from run' -l console-socket -r -F -d 'Send the terminal to a socket'
complete -c postern -n '__fish_seen_subcommand_from routes' -l json -d 'As JSON'
complete -c postern -n '__fish_seen_subcommand_from routes' -l markdown -d 'As a page'

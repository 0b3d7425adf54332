# SPDX-License-Identifier: Apache-2.0
# Completion of postern(1) for fish.

function __postern_ids
    postern list --quiet 2>/dev/null
end

complete -c postern -f

complete -c postern -n __fish_use_subcommand -a do -d 'Run a command in a throw-away sandbox'
complete -c postern -n __fish_use_subcommand -a run -d 'Run the program of a bundle in a sandbox'
complete -c postern -n __fish_use_subcommand -a create -d 'Make a container; its program waits for start'
complete -c postern -n __fish_use_subcommand -a start -d 'Let the program of a created container run'
complete -c postern -n __fish_use_subcommand -a exec -d 'Run one more process in a running container'
complete -c postern -n __fish_use_subcommand -a kill -d 'Send a signal to a container'
complete -c postern -n __fish_use_subcommand -a delete -d 'Remove what is left of a container'
complete -c postern -n __fish_use_subcommand -a state -d 'Print the state of a container'
complete -c postern -n __fish_use_subcommand -a list -d 'List the containers'
complete -c postern -n __fish_use_subcommand -a ps -d 'Show the processes of a container'
complete -c postern -n __fish_use_subcommand -a pause -d 'Suspend all processes of a container'
complete -c postern -n __fish_use_subcommand -a resume -d 'Let the processes of a paused container go on'
complete -c postern -n __fish_use_subcommand -a update -d 'Change the limits of a container'
complete -c postern -n __fish_use_subcommand -a events -d 'Print what a container uses'
complete -c postern -n __fish_use_subcommand -a spec -d 'Write a default config.json'
complete -c postern -n __fish_use_subcommand -a features -d 'Print what this runtime can do'
complete -c postern -n __fish_use_subcommand -a install -d 'Make postern one of the runtimes of Docker'
complete -c postern -n __fish_use_subcommand -a uninstall -d 'Take it out again'
complete -c postern -n __fish_use_subcommand -a checkpoint -d 'Not supported'
complete -c postern -n __fish_use_subcommand -a restore -d 'Not supported'
complete -c postern -n __fish_use_subcommand -a routes -d 'Show which system call goes which way'
complete -c postern -n __fish_use_subcommand -a version -d 'Print the versions'
complete -c postern -n __fish_use_subcommand -a help -d 'Summary, of a command too'
complete -c postern -n __fish_use_subcommand -l root -x -a '(__fish_complete_directories)' -d 'Folder for states'
complete -c postern -n __fish_use_subcommand -l log -r -F -d 'Write messages to a file as well'
complete -c postern -n __fish_use_subcommand -l log-format -x -a 'text json' -d 'How that file is written'
complete -c postern -n __fish_use_subcommand -l log-level -x -a 'debug info warn error' -d 'What is said'
complete -c postern -n __fish_use_subcommand -l debug -d 'Say more'
complete -c postern -n __fish_use_subcommand -l systemd-cgroup -d 'Cgroups are made by systemd'
complete -c postern -n __fish_use_subcommand -l rootless -x -a 'true false auto' -d Ignored
complete -c postern -n __fish_use_subcommand -l criu -r -F -d Ignored
complete -c postern -n __fish_use_subcommand -l id-range -x -d 'Host user ids, BASE:COUNT'
complete -c postern -n __fish_use_subcommand -l timeout -x -d 'Seconds to wait for what does not answer'
complete -c postern -n __fish_use_subcommand -s v -l version -d 'Versions'
complete -c postern -s h -l help -d 'Summary'

set -l with_id start exec kill delete state ps pause resume update events
complete -c postern -n "__fish_seen_subcommand_from $with_id" -a '(__postern_ids)' -d Container
set -l makes create run
complete -c postern -n "__fish_seen_subcommand_from $makes spec" -s b -l bundle -x -a '(__fish_complete_directories)' -d Bundle
complete -c postern -n "__fish_seen_subcommand_from $makes" -s f -l config -r -F -d 'Instead of its config.json'
set -l processes create run exec
complete -c postern -n "__fish_seen_subcommand_from $processes" -l pid-file -r -F -d 'Write the pid of the first process'
complete -c postern -n "__fish_seen_subcommand_from $processes" -l pidfd-socket -r -F -d 'Send a pidfd of it to a socket'
complete -c postern -n "__fish_seen_subcommand_from $processes" -l console-socket -r -F -d 'Send the terminal to a socket'
complete -c postern -n "__fish_seen_subcommand_from $processes" -l preserve-fds -x -d 'Give the program descriptors 3 to N+2'
complete -c postern -n '__fish_seen_subcommand_from do' -xa '(__fish_complete_subcommand --fcs-skip=2)'
complete -c postern -n '__fish_seen_subcommand_from do' -l rw -d 'The current folder is the real one'
complete -c postern -n '__fish_seen_subcommand_from do' -l bind -r -F -d 'A real folder, SRC[:DST]'
complete -c postern -n '__fish_seen_subcommand_from do' -l ro-bind -r -F -d 'A real folder, read-only'
complete -c postern -n '__fish_seen_subcommand_from do' -l hide -r -F -d 'An empty one instead'
complete -c postern -n '__fish_seen_subcommand_from do' -s C -l cwd -x -a '(__fish_complete_directories)' -d 'Run there'
complete -c postern -n '__fish_seen_subcommand_from do' -l layer -x -d 'Room for what is written'
complete -c postern -n '__fish_seen_subcommand_from do' -s n -l network -x -a 'none host' -d Network
complete -c postern -n '__fish_seen_subcommand_from do' -s t -l time -x -d 'End it after'
complete -c postern -n '__fish_seen_subcommand_from do' -s m -l memory -x -d 'Limit of memory'
complete -c postern -n '__fish_seen_subcommand_from do' -l cpus -x -d Processors
complete -c postern -n '__fish_seen_subcommand_from do' -l pids -x -d 'Processes and threads'
complete -c postern -n '__fish_seen_subcommand_from do' -s u -l user -x -a '(__fish_complete_users)' -d 'Run as'
complete -c postern -n '__fish_seen_subcommand_from do' -s e -l env -x -d 'NAME[=VALUE]'
complete -c postern -n '__fish_seen_subcommand_from do' -l hostname -x -d 'Name of the machine'
complete -c postern -n '__fish_seen_subcommand_from do' -l name -x -d 'Name of the sandbox'
complete -c postern -n '__fish_seen_subcommand_from do' -l gate -x -a 'on off' -d 'Answer frequent calls in the program itself'
complete -c postern -n '__fish_seen_subcommand_from do' -s v -l verbose -d 'Say what it may do'
complete -c postern -n '__fish_seen_subcommand_from run do' -l trace -d 'A line for each trapped system call'
complete -c postern -n '__fish_seen_subcommand_from run exec' -s d -l detach -d 'Do not wait for it'
complete -c postern -n '__fish_seen_subcommand_from exec' -s p -l process -r -F -d 'A process.json'
complete -c postern -n '__fish_seen_subcommand_from exec' -l cwd -x -d 'Working folder'
complete -c postern -n '__fish_seen_subcommand_from exec' -s u -l user -x -d 'UID[:GID]'
complete -c postern -n '__fish_seen_subcommand_from exec' -s g -l additional-gids -x -d 'A further group'
complete -c postern -n '__fish_seen_subcommand_from exec' -s e -l env -x -d 'NAME=VALUE'
complete -c postern -n '__fish_seen_subcommand_from exec' -s c -l cap -x -d 'A capability'
complete -c postern -n '__fish_seen_subcommand_from exec' -s t -l tty -d 'With a terminal'
complete -c postern -n '__fish_seen_subcommand_from exec' -l no-new-privs -d 'As the name says'
complete -c postern -n '__fish_seen_subcommand_from exec' -l cgroup -x -d 'A folder below the cgroup of the container'
complete -c postern -n '__fish_seen_subcommand_from exec' -l ignore-paused -d 'Also in a paused container'
complete -c postern -n '__fish_seen_subcommand_from run' -l keep -d 'Leave a container that has ended'
complete -c postern -n '__fish_seen_subcommand_from spec' -l rootless -d 'For a caller who is not root'
complete -c postern -n '__fish_seen_subcommand_from install uninstall' -l runtime -x -d 'What Docker calls it'
complete -c postern -n '__fish_seen_subcommand_from install uninstall' -l config -r -F -d 'The configuration of Docker'
complete -c postern -n '__fish_seen_subcommand_from install uninstall' -l dry-run -d 'Change nothing'
complete -c postern -n '__fish_seen_subcommand_from kill' -s a -l all -d 'To all processes'
complete -c postern -n '__fish_seen_subcommand_from kill' -a 'HUP INT QUIT KILL USR1 USR2 TERM CONT STOP WINCH' -d Signal
complete -c postern -n '__fish_seen_subcommand_from delete' -s f -l force -d 'Also one that runs'
complete -c postern -n '__fish_seen_subcommand_from delete' -l regex -d 'All whose names match'
complete -c postern -n '__fish_seen_subcommand_from list ps' -s f -l format -x -a 'table json' -d How
complete -c postern -n '__fish_seen_subcommand_from list' -s q -l quiet -d 'Ids only'
complete -c postern -n '__fish_seen_subcommand_from events' -l stats -d Once
complete -c postern -n '__fish_seen_subcommand_from events' -l interval -x -d 'Time between'
complete -c postern -n '__fish_seen_subcommand_from update' -s r -l resources -r -F -d 'A file with limits'
for limit in memory memory-swap memory-reservation pids-limit cpu-quota cpu-period cpu-burst cpu-share cpu-rt-period cpu-rt-runtime \
        cpu-idle cpuset-cpus cpuset-mems blkio-weight
    complete -c postern -n '__fish_seen_subcommand_from update' -l $limit -x -d Limit
end
complete -c postern -n '__fish_seen_subcommand_from routes' -l json -d 'As JSON'
complete -c postern -n '__fish_seen_subcommand_from routes' -l markdown -d 'As a page'

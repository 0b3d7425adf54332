# SPDX-License-Identifier: Apache-2.0
# Completion of postern(1) for bash.

declare -gA _postern_options=(
    [do]='--rw --bind --ro-bind --hide --cwd --layer --network --time --memory --cpus --pids --user --env --hostname --name --gate --trace --trace=
        --verbose --help'
    [create]='--bundle --config --pid-file --pidfd-socket --console-socket --preserve-fds --no-pivot --no-new-keyring --help'
    [start]='--help'
    [run]='--bundle --config --trace --trace= --detach --keep --pid-file --pidfd-socket --console-socket --preserve-fds --no-pivot
        --no-new-keyring --help'
    [exec]='--process --cwd --user --additional-gids --env --cap --tty --no-new-privs --detach --pid-file --pidfd-socket
        --console-socket --preserve-fds --cgroup --ignore-paused --help'
    [kill]='--all --help'
    [delete]='--force --regex --help'
    [state]='--help'
    [list]='--format --quiet --help'
    [ps]='--format --help'
    [pause]='--help'
    [resume]='--help'
    [update]='--resources --blkio-weight --cpu-period --cpu-quota --cpu-burst --cpu-share --cpu-rt-period --cpu-rt-runtime
        --cpu-idle --cpuset-cpus --cpuset-mems --memory --memory-reservation --memory-swap --pids-limit --help'
    [events]='--interval --stats --help'
    [features]='--help'
    [spec]='--bundle --rootless --help'
    [install]='--runtime --config --dry-run --help'
    [uninstall]='--runtime --config --dry-run --help'
    [checkpoint]='--help'
    [restore]='--help'
    [routes]='--json --markdown --help'
    [version]='--help'
    [help]='--help'
)

_postern()
{
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
    local global='--root --log --log-format --log-level --debug --systemd-cgroup --rootless --criu --id-range --timeout --help --version'
    local signals='HUP INT QUIT KILL USR1 USR2 TERM CONT STOP WINCH'
    local command='' word i words=() root=()
    COMPREPLY=()

    # the first word that is neither an option nor the argument of one
    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        case $word in
        --root)
            root=(--root "${COMP_WORDS[i + 1]}")
            ((i++))
            ;;
        --log | --log-format | --log-level | --rootless | --criu | --id-range | --timeout) ((i++)) ;;
        -*) ;;
        *)
            command=$word
            break
            ;;
        esac
    done

    case $previous in
    --gate)
        mapfile -t COMPREPLY < <(compgen -W 'on off' -- "$current")
        return
        ;;
    --network | -n)
        mapfile -t COMPREPLY < <(compgen -W 'none host' -- "$current")
        return
        ;;
    --user | -u)
        mapfile -t COMPREPLY < <(compgen -u -- "$current")
        return
        ;;
    --root | --bundle | -b | --cwd | -C)
        mapfile -t COMPREPLY < <(compgen -d -- "$current")
        return
        ;;
    --bind | --ro-bind | --hide | --log | --pid-file | --pidfd-socket | --console-socket | --process | -p | --resources | -r | --criu | --config)
        mapfile -t COMPREPLY < <(compgen -f -- "$current")
        return
        ;;
    --log-format)
        mapfile -t COMPREPLY < <(compgen -W 'text json' -- "$current")
        return
        ;;
    --log-level)
        mapfile -t COMPREPLY < <(compgen -W 'debug info warn error' -- "$current")
        return
        ;;
    --rootless)
        mapfile -t COMPREPLY < <(compgen -W 'true false auto' -- "$current")
        return
        ;;
    --format | -f)
        if [[ $command == list || $command == ps ]]; then
            mapfile -t COMPREPLY < <(compgen -W 'table json' -- "$current")
            return
        fi
        ;;
    --id-range | --timeout) return ;;
    esac

    if [[ -z $command ]]; then
        words=("${!_postern_options[@]}" "$global")
    elif [[ $current == -* ]]; then
        words=("${_postern_options[$command]}")
    else
        case $command in
        do)
            mapfile -t COMPREPLY < <(compgen -c -- "$current")
            return
            ;;
        start | exec | delete | state | ps | pause | resume | update | events | kill)
            mapfile -t words < <("${COMP_WORDS[0]}" "${root[@]}" list --quiet 2>/dev/null)
            [[ $command == kill ]] && words+=("$signals")
            ;;
        help) words=("${!_postern_options[@]}") ;;
        routes) mapfile -t words < <("${COMP_WORDS[0]}" routes 2>/dev/null | awk 'NR > 1 { print $2 }') ;;
        esac
    fi
    mapfile -t COMPREPLY < <(compgen -W "${words[*]}" -- "$current")
}

complete -o filenames -F _postern postern

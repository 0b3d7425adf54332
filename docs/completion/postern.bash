# SPDX-License-Identifier: Apache-2.0
# Completion of postern(1) for bash.

_postern()
{
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
    local global='--root --log --log-format --debug --id-range --help --version'
    local command='' word i
    COMPREPLY=()

    # the first word that is neither an option nor the argument of one
    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        case $word in
        --root | --log | --log-format | --id-range) ((i++)) ;;
        -*) ;;
        *)
            command=$word
            break
            ;;
        esac
    done

    case $previous in
    --root | --bundle | -b)
        mapfile -t COMPREPLY < <(compgen -d -- "$current")
        return
        ;;
    --log | --pid-file | --console-socket)
        mapfile -t COMPREPLY < <(compgen -f -- "$current")
        return
        ;;
    --log-format)
        mapfile -t COMPREPLY < <(compgen -W 'text json' -- "$current")
        return
        ;;
    --id-range) return ;;
    esac

    case $command in
    '') mapfile -t COMPREPLY < <(compgen -W "run spec routes $global" -- "$current") ;;
    run) mapfile -t COMPREPLY < <(compgen -W '--bundle --trace --trace= --pid-file --console-socket --help' -- "$current") ;;
    spec) mapfile -t COMPREPLY < <(compgen -W '--bundle --help' -- "$current") ;;
    routes) mapfile -t COMPREPLY < <(compgen -W '--json --markdown --help' -- "$current") ;;
    esac
}

complete -o filenames -F _postern postern

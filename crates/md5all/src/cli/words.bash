
# What stands above leaves out values behind = and commas, and files where flags and subcommands are offered.
_md5all_words() {
    local cur="$2" prev="$3" before="" word words=() files=()
    if [[ $prev == = ]]; then
        prev="${COMP_WORDS[COMP_CWORD - 2]}"
    fi
    if [[ $cur == -a?* ]]; then # as if the value stood by itself
        before=-a cur="${cur#-a}" prev=-a
        words=("${COMP_WORDS[@]:0:COMP_CWORD}" -a "$cur")
        local COMP_CWORD=$((COMP_CWORD + 1)) COMP_WORDS=("${words[@]}")
        words=()
    fi
    if [[ $prev == -a || $prev == --algorithm ]]; then
        before+="${cur%"${cur##*,}"}"
        cur="${cur##*,}"
    fi
    _md5all "$1" "" "$prev"
    if [[ $cur == -* || " ${COMPREPLY[*]} " != *" --help "* ]]; then
        _md5all "$1" "$cur" "$prev" # a flag, or the value of one
        COMPREPLY=("${COMPREPLY[@]/#/$before}")
        return
    fi
    case "${COMP_WORDS[1]}" in
        SUBCOMMANDS) ;;
        *)
            if ((COMP_CWORD > 1)); then
                COMPREPLY=() # paths only: they are the default
                return
            fi
            ;;
    esac
    _md5all "$1" "$cur" "$prev"
    for word in "${COMPREPLY[@]}"; do
        [[ $word == -* ]] || words+=("$word")
    done
    if ((COMP_CWORD == 1)); then
        mapfile -t files < <(compgen -f -- "$cur")
        compopt -o filenames 2>/dev/null
    fi
    COMPREPLY=("${words[@]}" "${files[@]}")
}

if ((BASH_VERSINFO[0] >= 4)); then
    complete -F _md5all_words -o bashdefault -o default md5all
fi

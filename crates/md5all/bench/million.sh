#!/bin/sh
# Hashes a tree of 1,000,000 empty and tiny files, all in one directory, and
# says how long that took and how much memory at its peak: well under 150 MB is
# the promise.
#
# usage: million.sh MD5ALL [DIRECTORY]
#
# The tree is made in DIRECTORY (by default, one in the system's temporary
# directory) unless it is there already, and left there to be used again.
# Wants GNU time.
set -eu

program=$1
tree=${2:-${TMPDIR:-/tmp}/md5all-million}

if ! [ -e "$tree/whole" ]; then
    rm -rf "$tree"
    mkdir -p "$tree/files"
    cd "$tree/files"
    seq -f 'empty-%06g' 0 899999 | xargs touch
    seq 100000 | split -l 1 -a 4 - tiny-
    cd - >/dev/null
    touch "$tree/whole"
fi

for order in '' --unordered; do
    # No quotes: an empty flag is no argument.
    lines=$(env time -f "${order:-sorted}: %e s, %M KB at the peak" \
        "$program" $order "$tree/files" | wc -l)
    [ "$lines" -eq 1000000 ] || { echo "$lines lines, not 1000000" >&2; exit 1; }
done

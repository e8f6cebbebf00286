#!/usr/bin/env bash
# How a program is compiled and linked: what cmake/Hardening.cmake asks for is in it.
#
#   tests/hardening.sh PROGRAM [COMPILE_COMMANDS]
#
#   COMPILE_COMMANDS  compile_commands.json of a build whose every file has the C library's checks of
#                     buffer sizes
set -euo pipefail
shopt -s inherit_errexit
export LC_ALL=C

program=${1:?tests/hardening.sh PROGRAM [COMPILE_COMMANDS]}
commands=${2:-}
header=$(readelf -hW "$program")
segments=$(readelf -lW "$program")
dynamic=$(readelf -dW "$program")
symbols=$(readelf -W --dyn-syms "$program")
failures=0

expect() { # TEXT PATTERN WHAT-IS-WRONG-OTHERWISE
  grep -qE "$2" <<<"$1" && return
  echo "FAILED: $program: $3" >&2
  failures=$((failures + 1))
}

expect "$header" 'Type: +DYN' 'is no position-independent executable (-fPIE -pie)'
expect "$dynamic" '\(FLAGS_1\).*PIE' 'is no position-independent executable (-fPIE -pie)'
expect "$dynamic" '\(FLAGS(_1)?\).*NOW' 'binds functions when they are first called (-z now)'
expect "$segments" '^ +GNU_RELRO ' 'keeps its relocations writable (-z relro)'
expect "$segments" '^ +GNU_STACK .* RW +0x' 'has an executable stack (-z noexecstack)'
expect "$symbols" '__stack_chk_fail' 'has no stack protector (-fstack-protector-strong)'

# Each entry below the program's own folder; an empty one would be the current folder.
if grep -q '(RPATH)' <<<"$dynamic"; then
  echo "FAILED: $program: has an RPATH, which goes before LD_LIBRARY_PATH" >&2
  failures=$((failures + 1))
fi
run_path=$(sed -n 's/.*(RUNPATH).*\[\(.*\)\]$/\1/p' <<<"$dynamic")
expect "$run_path" '^\$ORIGIN/' "has run path '$run_path', which does not begin with \$ORIGIN/"
while read -r entry; do
  # shellcheck disable=SC2016 # the loader's word
  expect "$entry" '^\$ORIGIN(/|$)' "has '$entry' in its run path '$run_path'"
done < <(tr : '\n' <<<"$run_path")

if [[ $commands ]]; then
  # The shim of tests/crash stands before the C library's own functions, checks and all.
  ours=$(grep '"command":' "$commands" | grep -v 'tests/crash/shim')
  all=$(grep -c . <<<"$ours") with=$(grep -c -- ' -D_FORTIFY_SOURCE=2 ' <<<"$ours")
  ((all > 0 && all == with)) || {
    echo "FAILED: $commands: $with of $all files have -D_FORTIFY_SOURCE=2" >&2
    failures=$((failures + 1))
  }
fi
((failures == 0))

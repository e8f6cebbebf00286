#!/usr/bin/env bash
# cmake --install makes a tree that holds what it needs, runs after it was moved, and looks for
# nothing in the tree that it was built in.
#
#   tests/installed.sh CMAKE BUILD
set -euo pipefail
shopt -s inherit_errexit

cmake=${1:?tests/installed.sh CMAKE BUILD}
build=${2:?tests/installed.sh CMAKE BUILD}
work=$(cd "$(mktemp -d)" && pwd -P)
trap 'rm -rf "$work"' EXIT
fail() { echo "FAILED: $*" >&2; exit 1; }

"$cmake" --install "$build" --prefix "$work/first" >"$work/log" || { cat "$work/log" >&2; fail "cmake --install"; }
mkdir "$work/elsewhere"
mv "$work/first" "$work/elsewhere/moved"
tree=$work/elsewhere/moved
program=$tree/bin/lapidary
"${BASH_SOURCE[0]%/*}/hardening.sh" "$program"
[[ -s $tree/share/doc/lapidary/LICENSE ]] || fail "the licence is not installed"

cd "$work"
unset LD_LIBRARY_PATH LAPIDARY_QNN_LIBS
loaded=$(ldd "$program" | sed -n 's/.*libonnxruntime\.so.* => \(.*\) (.*/\1/p')
[[ $(realpath "$loaded") == "$tree/lib/lapidary/"* ]] || fail "ONNX Runtime is loaded from '$loaded'"
"$program" --version >/dev/null || fail "the program does not start"

# Its own QNN libraries, which are not installed, are sought in the tree.
status=0
"$program" targets --arch v81 --probe >"$work/out" 2>&1 || status=$?
((status == 2)) || fail "targets --probe without libraries: exit code $status: $(<"$work/out")"
grep -qF "$tree/lib/lapidary/qnn: the folder of the QNN libraries does not exist" "$work/out" ||
  fail "targets --probe without libraries says: $(<"$work/out")"

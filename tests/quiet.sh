#!/usr/bin/env bash
# What the program writes and sends: files in the folders it was given, and nothing else.
#
#   tests/quiet.sh PROGRAM [--htp]
#
#   PROGRAM  build/release/lapidary
#   --htp    the commands that compile for the HTP and emulate it (scripts/bootstrap --qnn)
#
# Runs every command on the tiny model with a home, cache, temporary and current folder of its own and
# hardly another environment variable: some, CI for one, keep ONNX Runtime's telemetry quiet anyway.
# Then the home, temporary and current folders must be empty, and the cache's but for --htp. Where strace works, it also fails on
# every socket, and on whatever is opened for writing, made, moved or deleted outside the output folder,
# the temporary one and, with --htp, the cache; child processes included.
set -euo pipefail
shopt -s inherit_errexit

program=$(realpath -- "${1:?tests/quiet.sh PROGRAM [--htp]}")
htp=${2:-}
tiny=$(cd "$(dirname "${BASH_SOURCE[0]}")/../models/tiny-gemma4" && pwd -P)
work=$(cd "$(mktemp -d)" && pwd -P)
trap 'rm -rf "$work"' EXIT
mkdir "$work"/{home,cache,tmp,cwd,out,traces}
out=$work/out
stay_empty=("$work"/{home,tmp,cwd})
may_change=$out:$work/tmp:$work/cwd
if [[ $htp ]]; then may_change+=:$work/cache/lapidary; else stay_empty+=("$work/cache"); fi
failures=0

environment=(PATH="$PATH" HOME="$work/home" TMPDIR="$work/tmp" XDG_CACHE_HOME="$work/cache"
  XDG_CONFIG_HOME="$work/home/config" XDG_DATA_HOME="$work/home/data" XDG_STATE_HOME="$work/home/state"
  # LeakSanitizer cannot work while strace looks on.
  ASAN_OPTIONS="${ASAN_OPTIONS:-}:detect_leaks=0")
for name in LAPIDARY_QNN_LIBS LD_LIBRARY_PATH TSAN_OPTIONS UBSAN_OPTIONS; do
  [[ ! -v $name ]] || environment+=("$name=${!name}")
done

calls=%network,chdir,open,openat,openat2,creat,mkdir,mkdirat,mknod,mknodat,rename,renameat,renameat2
calls+=,unlink,unlinkat,rmdir,link,linkat,symlink,symlinkat,truncate
tracer=()
if strace -qq -o /dev/null true 2>/dev/null; then
  tracer=(strace -f -y -qq -e signal=none -e "trace=$calls")
else
  echo "quiet: strace does not work here: only the folders are looked at" >&2
fi

# Prints what a trace has and may not have. -y writes the folder behind its descriptor: AT_FDCWD</home>.
# A path without '/' at its start, in a call without one, is below a folder that chdir was allowed.
# shellcheck disable=SC2016 # awk's own
forbidden='
  function allowed(path, i) {
    if (path !~ /^\//) return path !~ /\.\.(\/|$)/
    if (path ~ /\/\.\.(\/|$)/) return 0
    if (path == "/dev/null" || path == "/dev/tty" || path ~ /^\/proc\/(self|[0-9]+)\/task\/[0-9]+\/comm$/) return 1
    for (i = 1; i <= count; ++i) if (path == folders[i] || index(path, folders[i] "/") == 1) return 1
    return 0
  }
  BEGIN { count = split(ENVIRON["ALLOWED"], folders, ":") }
  { sub(/^[0-9]+ +/, "") }
  /^(<\.\.\.|\+\+\+|---)/ { next }
  {
    call = $0
    sub(/\(.*/, "", call)
    if (call ~ /^(socket|socketpair|connect|bind|listen|accept4?|send(to|msg|mmsg)|recv(from|msg|mmsg))$/) {
      print
      next
    }
    if (call ~ /^open/ && $0 !~ /O_WRONLY|O_RDWR|O_CREAT|O_TRUNC|O_APPEND/) next
    rest = $0
    folder = ""
    # Every path of the call, each below the folder in front of it, if there is one.
    while (match(rest, /<[^>]*>, "|"([^"\\]|\\.)*"/)) {
      token = substr(rest, RSTART, RLENGTH)
      if (token ~ /^</) {
        folder = substr(token, 2, RLENGTH - 5)
        rest = substr(rest, RSTART + RLENGTH - 1)
        continue
      }
      path = substr(token, 2, RLENGTH - 2)
      if (path !~ /^\// && folder != "") path = folder "/" path
      folder = ""
      rest = substr(rest, RSTART + RLENGTH)
      if (!allowed(path)) { print; next }
    }
  }'

quiet() { # COMMAND [ARGUMENT...]: standard input is passed on
  local trace=$work/traces/$1 found status=0
  (cd "$work/cwd" && exec env -i "${environment[@]}" "${tracer[@]}" ${tracer:+-o "$trace"} \
    "$program" "$@") >"$work/stdout" 2>"$work/stderr" || status=$?
  if ((status)); then
    echo "FAILED: lapidary $*: exit code $status" >&2
    cat "$work/stderr" >&2
    failures=$((failures + 1))
  fi
  if ((${#tracer[@]})); then
    found=$(ALLOWED=$may_change awk "$forbidden" "$trace" | sort | uniq -c)
    if [[ -n $found ]]; then
      printf 'FAILED: lapidary %s did\n%s\n' "$*" "$found" >&2
      failures=$((failures + 1))
    fi
  fi
  found=$(find "${stay_empty[@]}" -mindepth 1)
  if [[ -n $found ]]; then
    printf 'FAILED: lapidary %s left behind\n%s\n' "$*" "$found" >&2
    find "${stay_empty[@]}" -mindepth 1 -delete
    failures=$((failures + 1))
  fi
}

picture=$tiny/samples/image0.png
if [[ $htp == --htp ]]; then
  quiet build "$tiny/checkpoint" --recipe htp-w8a16 --arch v81 -o "$out/v81" \
    --calibration "$tiny/corpus/chats_media.jsonl" --set static.context_length=256 \
    --set static.prefill_length=32 --set static.calibration_length=256 \
    --set build.audio_soft_tokens=48 --no-probe </dev/null
  mkdir -p "$work/cache/lapidary" # a build without binaries to keep makes none
  quiet run "$out/v81" "What color is the sky?" --greedy --max-tokens 4 --device htp-emulated </dev/null
  quiet inspect "$out/v81" --claims </dev/null
  quiet export "$out/v81" -o "$out/device" --device htp </dev/null
  quiet probe "$out/v81/vision_encoder/model.onnx" --arch v81 --whole </dev/null
else
  quiet build "$tiny/checkpoint" --recipe cpu-int4 -o "$out/package" </dev/null
  quiet plan "$tiny/checkpoint" --recipe htp-w8a16 --arch v81 </dev/null
  quiet convert "$out/package/embedding/model.onnx" --pass MatMulNBitsToQDQ \
    --set on_unsafe=keep -o "$out/converted.onnx" </dev/null
  quiet inspect "$out/package" </dev/null
  quiet inspect "$tiny/checkpoint" </dev/null
  quiet inspect "$out/package/decoder/model.onnx" --graph </dev/null
  quiet run "$out/package" "What is in the picture?" --image "$picture" --greedy --max-tokens 4 </dev/null
  quiet run "$out/package" "Transcribe." --audio "$tiny/samples/audio5.wav" --greedy --max-tokens 4 </dev/null
  quiet features "$out/package" --image "$picture" -o "$out/features.npy" </dev/null
  quiet tokenize "$out/package" <<<"Hello fox"
  quiet targets --arch v81 </dev/null
  quiet cache --json </dev/null
  quiet cache clear </dev/null
  head -n 2 "$tiny/corpus/eval.txt" >"$out/text.txt"
  quiet eval "$out/package" --text "$out/text.txt" --record </dev/null
  # ONNX Runtime's telemetry takes some nine seconds to look for its server.
  { echo "What is seven plus eight?" && sleep 12; } | quiet chat "$out/package" --greedy
fi
((failures == 0)) || { echo "quiet: $failures failures" >&2; exit 1; }

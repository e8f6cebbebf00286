# Sourced: sets root, work (build/interop), lapidary, and python, that of a virtual environment with
# tests/interop/requirements.txt, made on first use. The caller defines say.
# shellcheck shell=bash
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
work=$root/build/interop
lapidary=${LAPIDARY:-$root/build/release/lapidary}
python=$work/venv/bin/python
requirements=$root/tests/interop/requirements.txt

[[ -x $lapidary ]] || { say "$lapidary is not built: run scripts/test or set LAPIDARY"; exit 1; }
mkdir -p "$work"
if ! cmp -s "$requirements" "$work/venv/installed.txt"; then
  say "installing $(grep -c '==' "$requirements") packages into $work/venv"
  rm -rf "$work/venv"
  python3 -m venv "$work/venv" || { say "python3 has no venv module: apt-get install python3-venv"; exit 1; }
  "$python" -m pip install -q --disable-pip-version-check -r "$requirements"
  cp "$requirements" "$work/venv/installed.txt"
fi

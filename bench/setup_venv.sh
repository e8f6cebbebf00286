# Sourced by the run_* scripts: sets root, work (build/bench) and python, a virtual environment with
# bench/requirements.txt, made on first use.
# shellcheck shell=bash
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
work=$root/build/bench
python=$work/venv/bin/python
mkdir -p "$work"
if ! cmp -s "$root/bench/requirements.txt" "$work/venv/installed.txt"; then
  echo "installing bench/requirements.txt into $work/venv" >&2
  rm -rf "$work/venv"
  python3 -m venv "$work/venv" ||
    { echo "python3 has no venv module: apt-get install python3-venv" >&2; exit 1; }
  "$python" -m pip install -q --disable-pip-version-check -r "$root/bench/requirements.txt"
  cp "$root/bench/requirements.txt" "$work/venv/installed.txt"
fi

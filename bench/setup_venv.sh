# Sourced by the run_* scripts: sets root, work (build/bench) and python, a virtual environment made on
# first use.
#
#   source setup_venv.sh VENV REQUIREMENTS [PYTHON]    PYTHON, if not empty, is used as it is
# shellcheck shell=bash
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
work=$root/build/bench
venv=$work/$1
requirements=$root/bench/$2
python=${3:-$venv/bin/python}
mkdir -p "$work"
if [[ -z ${3:-} ]] && ! cmp -s "$requirements" "$venv/installed.txt"; then
  echo "installing bench/$(basename "$requirements") into $venv" >&2
  rm -rf "$venv"
  python3 -m venv "$venv" ||
    { echo "python3 has no venv module: apt-get install python3-venv" >&2; exit 1; }
  "$python" -m pip install -q --disable-pip-version-check -r "$requirements"
  cp "$requirements" "$venv/installed.txt"
fi

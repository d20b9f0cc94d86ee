#!/bin/sh
# Install the newest of everything into a scratch environment, and write down what came.
set -eu
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
torch=$(grep '^torch==' constraints.txt)
"${PYTHON:-python3}" -m venv "$scratch/venv"
"$scratch/venv/bin/python" -m pip install -q 'pip>=25.1'
"$scratch/venv/bin/python" -m pip install -q "$torch"
"$scratch/venv/bin/python" -m pip install -q -e '.[encode,audio,remote,site,guard,ray]' --group dev --group demo --group bench --group clients
{
  echo '# What `make test` and `make demo` install, exactly; `make pins` writes it anew.'
  # The local part of a version (+cpu) names a build, which another machine may not have.
  "$scratch/venv/bin/python" -m pip freeze --exclude-editable | sed 's/^\(torch==[^+]*\)+.*/\1/'
} > constraints.txt

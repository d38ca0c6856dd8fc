# What the scripts beside this file share. Sourced by them; runs in the repository's root from here on.

cd "$(dirname "$0")/.."

# Print the first Python on this machine that is new enough.
python_found() {
    for name in python3 python3.14 python3.13 python3.12 python3.11 python; do
        if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
            echo "$name"
            return
        fi
    done
    echo "No Python 3.11 or newer was found on PATH; install one, for example the package python3." >&2
    return 1
}

# Make .venv ready with one extra of pyproject.toml, and the system's programs that are named after it.
environment() {
    python=$(python_found)
    "$python" scripts/environment.py "$@" >&2
}

# What a developer of the course runs. `./lab` makes .venv with all the tools used here.

_default:
    @'{{ just_executable() }}' --list --unsorted

# Resolve requirements.lock again; `just lock --upgrade` takes the newest versions.
lock *options:
    .venv/bin/uv pip compile --quiet {{ options }} --universal --python-version 3.11 --generate-hashes --group dev pyproject.toml -o requirements.lock

# Look for mistakes, in style too.
lint:
    .venv/bin/ruff check .
    .venv/bin/ruff format --check .

# Correct style, in the notebooks too, and take out their outputs.
format: && nb-strip
    .venv/bin/ruff check --fix .
    .venv/bin/ruff format .

# Take the outputs out of the notebooks: they are committed without.
nb-strip:
    find notebooks -name '*.ipynb' -not -path '*/.*' -exec .venv/bin/nbstripout {} +

# Check the types.
types:
    .venv/bin/mypy

# Run the tests; `just test -m 'not cluster'` leaves out those that need a cluster.
test *options:
    .venv/bin/pytest {{ options }}

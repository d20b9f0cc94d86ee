"""Run the command line as `python -m embver`."""

from embver.cli import run_as_module

if __name__ == "__main__":
    run_as_module()

"""Run the command line as `python -m embver`."""

from embver.cli import run

if __name__ == "__main__":
    run()

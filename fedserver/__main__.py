"""The command `fedserver`, which `python -m fedserver` is as well."""

import gc


def main() -> None:
    """Load the command line and run it."""
    # What is imported is never garbage: looking for some takes a third of the start, and freezing it spares every
    # later look.
    gc.disable()
    from fedserver.cli.main import main as command_line

    gc.freeze()
    gc.enable()
    command_line()


if __name__ == "__main__":
    main()

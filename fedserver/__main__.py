"""`python -m fedserver` is the command `fedserver`."""

from fedserver.cli.main import main

if __name__ == "__main__":
    main()

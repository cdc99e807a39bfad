"""What differs between operating systems, in one place: locks, signals, memory and cores.

Each function asks for the facility itself and not for a system's name, and does the nearest thing where it is absent.
Nothing else in the package imports ``fcntl`` or ``resource``.
"""

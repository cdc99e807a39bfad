"""The ``bench`` command: one file per sub-command, none of which imports torch before it must."""

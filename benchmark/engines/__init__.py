"""Who executes units. An engine takes groups of units and a way to report; nothing else knows which one runs."""

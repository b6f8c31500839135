"""The run that this process is part of: its ranks and its random numbers."""

"""One module for each decoder: its name is the target's and its corpus folder's."""

"""What is seen of the model: textual widgets. They read the model and call no node."""

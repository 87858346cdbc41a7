"""Where the model's data comes from: calls and streams of the API that any client uses. A source that waits delays no
other."""

"""The objects that a new cluster is given, written as functions of what its config says. Owns no connection: who
applies them, and when, is the node's business."""

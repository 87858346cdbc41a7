"""containerd as the node uses it: images in, containers up and down, their networks."""

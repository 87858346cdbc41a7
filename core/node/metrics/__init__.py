"""What a scrape shows, by where it comes from: the kernel's tables, processes, the node's own parts, calls. Everything
is read or summed up when somebody asks, and nothing of it is secret."""

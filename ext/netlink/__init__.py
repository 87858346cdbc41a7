"""rtnetlink and kernel events: dumps into compact tables, requests with the kernel's own words, changes."""

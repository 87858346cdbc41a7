"""Taking a cluster's Kubernetes to another version: its parts, its nodes, the plan, the gates between two steps."""

"""Exchanging the authority of a cluster's API: what configs say and are to say, the nodes asked and told, the steps."""

"""`etcd`: the cluster's database, as the control planes run it."""

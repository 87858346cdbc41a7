"""Where a control plane stands in etcd, for whoever asks or acts: services, controllers and the API."""

"""The v1alpha1 machine config as typed, frozen values: which keys exist, what each takes, its default and meaning."""

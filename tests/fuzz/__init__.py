"""Coverage-guided fuzzing of every decoder of outside bytes. README.md tells how to add a target and how to run one."""

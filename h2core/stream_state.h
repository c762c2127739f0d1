// PLACEHOLDER being written by the core-leaf helper

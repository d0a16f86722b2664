"""How the benchmarks of uploads are run: loads, one process for each client, rounds, tables and plots."""

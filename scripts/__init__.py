"""The command line, the sample papers and the benchmarks."""

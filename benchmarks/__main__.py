"""`python -m benchmarks`: run all of them and print their figures; takes a quarter of an hour."""

from benchmarks import sizes, throughput

throughput.main([])
sizes.main()

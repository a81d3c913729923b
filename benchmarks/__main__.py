"""`python -m benchmarks`: run all of them and print their figures."""

from benchmarks import first_event, sizes

first_event.main()
sizes.main()

"""What is known of the nodes: samples, rates, tails. No I/O, no clock, no textual: times and answers are handed in."""

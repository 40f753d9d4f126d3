"""What papers report and claim, put beside what a sweep measured."""

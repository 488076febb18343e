"""Statistics: arms of many runs, intervals for their differences, discoveries."""

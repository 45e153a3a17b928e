"""Every variant of a study whose out-of-sample result was kept, counted by the data whose luck it looked at."""

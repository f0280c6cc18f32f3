"""Work: whose the time of a traced step is, and what differs between two modes."""

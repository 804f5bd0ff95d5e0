"""Live feeds: connect to a venue, keep the session alive, and hand its frames on."""

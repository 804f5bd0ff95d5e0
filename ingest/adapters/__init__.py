"""What venues want of a client: addresses, subscriptions, heartbeats and limits, and never what a frame means."""

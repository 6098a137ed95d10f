"""A local Sessionboard and Swoogo with a demo programme, for trying and testing a sync."""

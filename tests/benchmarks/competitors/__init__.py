"""What the pair is measured against, each a program of its own."""

"""Facts for the doctor's checks, each read once, from a stack in AWS or a plain folder."""

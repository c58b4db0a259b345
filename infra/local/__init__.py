"""The local stack: template.yaml brought to life on this machine. Never shipped."""

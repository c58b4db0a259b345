"""The demo shop of `make up`: a small site with the tracker on it, and toys for what stands around it (CRM, phone, mailbox)."""

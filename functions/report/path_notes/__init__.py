"""The whole path of each new deal, as a note in the CRM: after each refresh, which alone knows it."""

"""Scheduled: raw records → hits, sessions, touches, persons, requests, deals, money events, costs, credits."""

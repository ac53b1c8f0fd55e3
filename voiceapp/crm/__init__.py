"""Asks a CRM about one caller, in time. Knows no Flask, no SQL and no Twilio."""

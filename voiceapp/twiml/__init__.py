"""The words of Twilio: reading its requests, writing its TwiML."""

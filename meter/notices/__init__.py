"""Whom it may concern hears in time: alerts as credits run out, and requests for more of them, as signed webhooks."""

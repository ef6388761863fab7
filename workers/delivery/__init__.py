"""Delivery to one-stop systems: webhooks, the national portal, links to files, receipts."""

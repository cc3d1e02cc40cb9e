"""Webhooks: the path of an event, from a CRM's request to the assessment that is written back into it."""

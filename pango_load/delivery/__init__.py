"""Bodies reach Pango: quota, client, retries, several senders side by side."""

"""Mail that members send in: fetched or handed over, read, and posted in their name."""

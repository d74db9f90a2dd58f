"""What programs read of opportunities: schema.org for search engines, iCalendar for calendars."""

"""Events from elsewhere: calendars (iCalendar), schedules of cohorts, calendars in YAML, read once or subscribed to."""
